"""When the store was away, and for how long automatic moves rest afterwards."""

from switchover.control.outage import OUTAGE_SECONDS, StoreStanding

WELL = StoreStanding(answered_at=100.0)
LONG = OUTAGE_SECONDS + 0.001
CYCLE = 30.0


def test_a_try_that_fails_and_succeeds_when_it_is_repeated_is_no_outage() -> None:
    again = WELL.failed(100.0).failed(101.0).answered(100.0 + OUTAGE_SECONDS - 0.001)
    assert again.away_since is None
    assert again.rest_left(again.answered_at, CYCLE) == 0


def test_an_outage_begins_with_the_first_failure_and_ends_with_the_first_answer() -> None:
    away = WELL.failed(110.0).failed(115.0)
    assert away.away_since == 110.0
    assert not away.is_out(110.0 + OUTAGE_SECONDS - 0.001)
    assert away.is_out(110.0 + OUTAGE_SECONDS)
    back = away.answered(120.0)
    assert (back.away_since, back.returned_at) == (None, 120.0)
    assert not back.is_out(1000.0)


def test_one_check_cycle_passes_after_an_outage() -> None:
    back = WELL.failed(100.0).answered(100.0 + LONG)
    assert back.rest_left(100.0 + LONG, CYCLE) == CYCLE
    assert back.rest_left(100.0 + LONG + CYCLE - 1, CYCLE) == 1
    assert back.rest_left(100.0 + LONG + CYCLE, CYCLE) == 0
    assert back.rest_left(100.0 + LONG + 6, 5.0) == 0, "every proxy has its own cycle"


def test_a_call_that_hung_counts_from_when_it_was_made_unless_others_were_answered_since() -> None:
    assert WELL.failed(105.0).away_since == 105.0
    assert WELL.answered(108.0).failed(103.0).away_since == 108.0


def test_a_blip_after_an_outage_neither_ends_nor_prolongs_the_rest() -> None:
    back = WELL.failed(100.0).answered(110.0)
    blip = back.failed(115.0).answered(115.5)
    assert blip.returned_at == 110.0
    second = back.failed(115.0).answered(115.0 + LONG)
    assert second.returned_at == 115.0 + LONG
