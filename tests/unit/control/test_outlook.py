"""When one replica does not believe what it sees."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from switchover.control.outlook import LAG_SECONDS, DoubtRules, Outlook
from switchover.decision.reasons import Reason

RULES = DoubtRules(percent=50, window_seconds=120, fewest=10, lag_seconds=1)


def ids(count: int, first: int = 0) -> list[UUID]:
    return [UUID(int=number) for number in range(first, first + count)]


def seen(outlook: Outlook, count: int, at: float) -> None:
    for instance in ids(count):
        outlook.answered(instance, at)


def fail(outlook: Outlook, count: int, at: float) -> None:
    for instance in ids(count):
        outlook.failed(instance, since=at)


def test_a_few_failures_among_many_are_believed() -> None:
    outlook = Outlook(RULES)
    seen(outlook, 100, 0)
    fail(outlook, 5, 10)
    assert outlook.doubt(11) is None


def test_when_everything_that_is_looked_at_fails_it_is_doubted_although_all_the_rest_answered_before() -> (
    None
):
    outlook = Outlook(RULES)
    seen(outlook, 1000, 0)
    fail(outlook, 9, 10)
    assert outlook.doubt(10) is None, "too few were looked at since"
    fail(outlook, 10, 10.5)
    doubt = outlook.doubt(11)
    assert doubt is not None
    assert (doubt.reason, dict(doubt.facts)) == (
        Reason.MANY_FAIL,
        {"failing": 10, "seen": 10, "seconds": 1},
    )


def test_who_answers_meanwhile_takes_the_doubt_away() -> None:
    outlook = Outlook(RULES)
    seen(outlook, 30, 0)
    fail(outlook, 10, 10)
    assert outlook.doubt(11) is not None
    for instance in ids(9, first=10):
        outlook.answered(instance, 12)
    assert outlook.doubt(12) is not None
    outlook.answered(UUID(int=19), 12)
    assert outlook.doubt(12) is None, "exactly half is not more than half: one of two sites may have died"


def test_a_small_fleet_may_die_whole() -> None:
    outlook = Outlook(RULES)
    seen(outlook, 2, 0)
    fail(outlook, 2, 10)
    assert outlook.doubt(10) is None
    assert outlook.unasked() == ()


def test_failures_are_believed_once_they_are_old() -> None:
    outlook = Outlook(RULES)
    fail(outlook, 20, 10)
    assert outlook.doubt(129) is not None
    assert outlook.doubt(130) is None
    fail(outlook, 20, 10)
    assert outlook.doubt(131) is None, "still the same failures"
    seen(outlook, 20, 200)
    fail(outlook, 20, 210)
    assert outlook.doubt(210) is not None


def test_who_was_failing_before_we_began_is_believed() -> None:
    outlook = Outlook(RULES)
    fail(outlook, 20, -1000)
    assert outlook.doubt(0) is None


def test_others_are_looked_at_when_some_begin_to_fail_until_enough_were() -> None:
    outlook = Outlook(RULES)
    for number, instance in enumerate(ids(100)):
        outlook.answered(instance, float(number))
    assert outlook.unasked() == ()
    outlook.failed(UUID(int=50), since=200)
    assert outlook.unasked() == tuple(ids(9)), "those seen longest ago"
    for instance in ids(9):
        outlook.answered(instance, 201)
    assert outlook.unasked() == ()


def test_we_are_blind_while_no_reference_answers() -> None:
    outlook = Outlook(RULES)
    one, two = ids(2)
    outlook.reference(one, answers=False)
    outlook.reference(two, answers=True)
    assert outlook.doubt(0) is None
    outlook.reference(two, answers=False)
    doubt = outlook.doubt(0)
    assert doubt is not None
    assert (doubt.reason, dict(doubt.facts)) == (Reason.REFERENCES_FAIL, {"references": 2})
    outlook.reference(one, answers=True)
    assert outlook.doubt(0) is None


def test_a_loop_that_was_late_is_doubted_for_a_moment() -> None:
    outlook = Outlook(RULES)
    outlook.was_late(0.9, 10)
    assert outlook.doubt(10) is None
    outlook.was_late(3.5, 20)
    doubt = outlook.doubt(20 + LAG_SECONDS)
    assert doubt is not None
    assert (doubt.reason, dict(doubt.facts)) == (Reason.LOOP_LAGS, {"seconds": 3.5})
    assert outlook.doubt(20.1 + LAG_SECONDS) is None


def test_a_share_of_a_hundred_percent_never_doubts() -> None:
    outlook = Outlook(DoubtRules(percent=100))
    fail(outlook, 100, 10)
    assert outlook.doubt(10) is None


@given(
    st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=120),
    st.floats(0, 100),
    st.integers(1, 20),
)
def test_the_share_is_that_of_a_plain_count(
    looks: list[tuple[int, bool]], percent: float, fewest: int
) -> None:
    outlook = Outlook(DoubtRules(percent=percent, window_seconds=1000, fewest=fewest))
    state: dict[int, tuple[bool, float]] = {}
    for at, (number, passes) in enumerate(looks):
        if passes:
            outlook.answered(UUID(int=number), float(at))
            state[number] = True, float(at)
        else:
            was = state.get(number)
            since = was[1] if was is not None and not was[0] else float(at)
            outlook.failed(UUID(int=number), since=since)
            state[number] = False, since
    failing = [since for passed, since in state.values() if not passed]
    first = min(failing, default=0.0)
    count = len(failing) + sum(passed and at >= first for passed, at in state.values())
    expected = bool(failing) and count >= fewest and len(failing) * 100 > percent * count
    assert (outlook.doubt(float(len(looks))) is not None) == expected
