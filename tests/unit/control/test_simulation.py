"""What a policy would have made of a history: the figures are those that a person counts by hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.proxies import after, id_of, instance
from tests.record_values import new_id

from switchover.control.retelling import AdminOrder, History, MadeMove, failing_spans
from switchover.control.simulation import Tally, recorded_tally, simulate, tally_of
from switchover.model.events import EventType
from switchover.model.instance import AdminState
from switchover.model.observation import Health
from switchover.model.policy import FailoverPolicy, Listener
from switchover.model.proxy import Proxy
from switchover.model.transition import HealthTransition

POLICY = FailoverPolicy(
    unhealthy_threshold=3,
    healthy_threshold=2,
    given_fast_interval_seconds=1.0,
    given_failback_hold_down_seconds=5.0,
    listener=Listener(port=10000),
)
HOUR = 3600.0


def down(name: str, at: float, *, failures: int = 3, **changes: Any) -> HealthTransition:
    """The turn of an instance whose first failure was at `at`, taken in with the third one."""
    return turn(
        name,
        at + failures - 1,
        before=Health.HEALTHY,
        after=Health.UNHEALTHY,
        reason="fall_reached",
        consecutive_failures=failures,
        first_failed_at=after(at),
        **changes,
    )


def up(name: str, at: float, **changes: Any) -> HealthTransition:
    """The turn of an instance whose first pass was at `at`, taken in with the second one."""
    return turn(
        name,
        at + 1,
        before=Health.UNHEALTHY,
        after=Health.HEALTHY,
        reason="rise_reached",
        consecutive_passes=2,
        **changes,
    )


def turn(name: str, at: float, **changes: Any) -> HealthTransition:
    values: dict[str, Any] = {
        "code": "timeout",
        "consecutive_failures": 0,
        "consecutive_passes": 0,
        "first_failed_at": None,
        **changes,
    }
    return HealthTransition(
        transition_id=new_id(), proxy_id="web", instance_id=id_of(name), at=after(at), **values
    )


def history(*turns: HealthTransition, **changes: Any) -> History:
    """An hour of `web` with a (preferred and active), and b, both healthy at its begin."""
    values: dict[str, Any] = {
        "instances": (instance("a", priority=1), instance("b", priority=2)),
        "deleted_at": {},
        "orders": (),
        "moves": (),
        "unpinned_at": (),
        "since": after(0),
        "until": after(HOUR),
        **changes,
    }
    return History(
        proxy=Proxy(
            proxy_id="web",
            owner_id="ann",
            policy=POLICY,
            active_instance_id=id_of("a"),
            created_at=after(-9000),
            updated_at=after(-9000),
        ),
        turns={id_of(name): tuple(t for t in turns if t.instance_id == id_of(name)) for name in "abc"},
        **values,
    )


def story(moves: Sequence[MadeMove]) -> list[str]:
    return [
        f"{(move.at - after(0)).total_seconds():g} {move.event_type.value} to {chr(move.target_instance_id.int)}"
        for move in moves
        if move.target_instance_id is not None
    ]


def test_a_death_is_left_at_the_threshold_and_failed_back_from_after_the_hold_down() -> None:
    told = history(down("a", 100), up("a", 400))

    moves = simulate(told, POLICY)

    assert story(moves) == ["102 failover to b", "406 failback to a"]
    assert tally_of(told, moves) == Tally(
        moves=2, failovers=1, failbacks=1, by_hand=0, flaps=0, down_seconds=2.0
    )


def test_a_higher_threshold_moves_later_or_not_at_all() -> None:
    told = history(down("a", 100), up("a", 110))

    assert story(simulate(told, replace(POLICY, unhealthy_threshold=6))) == [
        "105 failover to b",
        "116 failback to a",
    ]
    patient = simulate(told, replace(POLICY, unhealthy_threshold=11))
    assert story(patient) == []
    assert tally_of(told, patient).down_seconds == 10.0


def test_a_faster_fast_interval_is_told_by_its_own_pace() -> None:
    told = history(down("a", 100), up("a", 400))
    quick = replace(POLICY, given_fast_interval_seconds=0.25)
    assert story(simulate(told, quick))[0] == "100.5 failover to b"


def test_flapping_is_counted_and_a_longer_hold_down_ends_it() -> None:
    turns = [t for n in range(10) for t in (down("a", 100 + n * 60), up("a", 120 + n * 60))]
    told = history(*turns)

    flapping = tally_of(told, simulate(told, replace(POLICY, max_failbacks=100)))
    calm = tally_of(told, simulate(told, replace(POLICY, given_failback_hold_down_seconds=200.0)))

    assert (flapping.moves, flapping.failovers, flapping.flaps, flapping.down_seconds) == (8, 4, 6, 8.0)
    assert (calm.moves, calm.flaps) == (2, 0)


def test_without_automatic_failover_the_time_down_is_the_whole_of_it() -> None:
    told = history(down("a", 100), up("a", 400))
    moves = simulate(told, replace(POLICY, enable_auto_failover=False))
    assert (story(moves), tally_of(told, moves).down_seconds) == ([], 300.0)


def test_what_was_recorded_is_counted_alike() -> None:
    moves = (
        MadeMove(
            at=after(102),
            event_type=EventType.FAILOVER,
            source_instance_id=id_of("a"),
            target_instance_id=id_of("b"),
        ),
        MadeMove(
            at=after(150),
            event_type=EventType.SWITCHOVER,
            source_instance_id=id_of("b"),
            target_instance_id=id_of("a"),
            by_hand=True,
        ),
    )
    told = history(down("a", 100), up("a", 400), moves=moves)
    assert recorded_tally(told) == Tally(
        moves=2, failovers=1, failbacks=0, by_hand=1, flaps=1, down_seconds=2.0 + 250.0
    )


def test_an_instance_that_is_down_all_the_time_is_down_from_the_begin() -> None:
    ill = instance("a", Health.UNHEALTHY, priority=1)
    told = history(up("a", 50), instances=(ill, instance("b", priority=2)))
    assert [
        ((s.begin - after(0)).total_seconds(), (s.end - after(0)).total_seconds())
        for s in failing_spans(told, id_of("a"))
    ] == [(0.0, 50.0)]
    assert story(simulate(told, POLICY)) == ["0 failover to b", "56 failback to a"]


def test_a_drain_moves_and_its_end_fails_back() -> None:
    orders = (
        AdminOrder(at=after(100), instance_id=id_of("a"), before=AdminState.READY, after=AdminState.DRAIN),
        AdminOrder(at=after(200), instance_id=id_of("a"), before=AdminState.DRAIN, after=AdminState.READY),
    )
    told = history(orders=orders)
    assert story(simulate(told, POLICY)) == ["100 switchover to b", "205 failback to a"]


def test_a_move_by_hand_is_made_again_and_pins_until_the_pin_is_taken_off() -> None:
    by_hand = MadeMove(
        at=after(100),
        event_type=EventType.SWITCHOVER,
        source_instance_id=id_of("a"),
        target_instance_id=id_of("b"),
        by_hand=True,
    )
    told = history(moves=(by_hand,), unpinned_at=(after(500),))
    assert story(simulate(told, POLICY)) == ["100 switchover to b", "500 failback to a"]


def test_an_order_that_would_have_been_refused_is_left_out() -> None:
    by_hand = MadeMove(
        at=after(110),
        event_type=EventType.SWITCHOVER,
        source_instance_id=id_of("b"),
        target_instance_id=id_of("a"),
        by_hand=True,
    )
    failover = MadeMove(
        at=after(102),
        event_type=EventType.FAILOVER,
        source_instance_id=id_of("a"),
        target_instance_id=id_of("b"),
    )
    told = history(down("a", 100), moves=(failover, by_hand))
    assert story(simulate(told, POLICY)) == ["102 failover to b"]


def test_an_instance_joins_and_leaves_when_it_did() -> None:
    newcomer = replace(instance("c", Health.HEALTHY, priority=3), created_at=after(50))
    first_pass = turn(
        "c", 51, before=Health.UNKNOWN, after=Health.HEALTHY, reason="first_pass", consecutive_passes=1
    )
    told = history(
        first_pass,
        down("a", 100),
        instances=(instance("a", priority=1), instance("b", priority=2), newcomer),
        deleted_at={id_of("b"): after(300)},
    )
    assert story(simulate(told, POLICY)) == ["102 failover to b", "300 failover to c"]


def test_a_report_is_taken_at_its_time_and_until_it_counts() -> None:
    reported = turn(
        "a",
        100,
        before=Health.HEALTHY,
        after=Health.UNHEALTHY,
        reason="reported_unhealthy",
        code="report",
        consecutive_failures=1,
    )
    well = turn(
        "a",
        200,
        before=Health.UNHEALTHY,
        after=Health.HEALTHY,
        reason="reported_healthy",
        code="report",
        consecutive_passes=2,
    )
    told = history(reported, well)
    assert story(simulate(told, POLICY)) == ["100 failover to b", "205 failback to a"]


def test_progress_ends_with_all_of_it() -> None:
    shares: list[float] = []
    turns = [t for n in range(200) for t in (down("b", 10 + n * 15), up("b", 15 + n * 15))]
    simulate(history(*turns), POLICY, shares.append)
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    assert len(shares) > 2


def test_a_history_without_anything_moves_nothing() -> None:
    told = history()
    assert simulate(told, POLICY) == ()
    assert recorded_tally(told).down_seconds == 0.0
    assert told.until - told.since == timedelta(hours=1)
