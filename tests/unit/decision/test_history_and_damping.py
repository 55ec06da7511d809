from dataclasses import replace

import pytest
from tests.proxies import NOON, after, flapped, id_of, instance, move

from switchover.decision.damping import is_damped
from switchover.decision.history import failed_failbacks, failovers_from, forgotten_at, remembered
from switchover.model.events import EventType
from switchover.model.observation import Health
from switchover.model.policy import FailoverPolicy

HOUR = 3600


def test_a_move_is_remembered_for_less_than_an_hour() -> None:
    old = move(EventType.FAILOVER, "a", "b", -HOUR)
    young = move(EventType.FAILOVER, "a", "b", -HOUR + 1)
    assert remembered((old, young), NOON) == (young,)


def test_a_move_from_the_future_is_remembered() -> None:
    future = move(EventType.FAILOVER, "a", "b", HOUR * 2)
    assert remembered((future,), NOON) == (future,)


def test_only_failovers_away_from_the_instance_count() -> None:
    moves = [
        move(EventType.FAILOVER, "a", "b", -50),
        move(EventType.FAILOVER, "b", "a", -40),
        move(EventType.SWITCHOVER, "a", "b", -30),
        move(EventType.FAILBACK, "b", "a", -20),
    ]
    assert failovers_from(id_of("a"), moves) == 1


def test_a_failback_that_ended_in_an_operators_switchover_did_not_fail() -> None:
    moves = [move(EventType.FAILBACK, "b", "a", -50), move(EventType.SWITCHOVER, "a", "b", -40)]
    assert failed_failbacks(id_of("a"), moves) == 0


def test_failed_failbacks_are_counted_for_the_instance_alone() -> None:
    moves = flapped("a", "b", at=-10, times=3)
    assert failed_failbacks(id_of("a"), moves) == 3
    assert failed_failbacks(id_of("b"), moves) == 0


def test_the_next_forgetting_concerns_moves_to_and_from_the_instance() -> None:
    moves = [
        move(EventType.FAILOVER, "b", "c", -300),
        move(EventType.FAILBACK, "c", "a", -200),
        move(EventType.FAILOVER, "a", "b", -100),
    ]
    assert forgotten_at(id_of("a"), moves) == after(HOUR - 200)
    assert forgotten_at(id_of("z"), moves) is None


@pytest.mark.parametrize(
    ("max_failbacks", "failed", "damped"),
    [(0, 0, False), (0, 1, True), (1, 1, True), (3, 2, False), (3, 3, True)],
)
def test_damping_begins_at_the_allowed_number_of_failed_failbacks(
    *, max_failbacks: int, failed: int, damped: bool
) -> None:
    policy = FailoverPolicy(max_failbacks=max_failbacks)
    moves = flapped("a", "b", at=-10, times=failed)
    assert is_damped(instance("a", since=-5), moves, policy, NOON) is damped


@pytest.mark.parametrize(("well_for", "damped"), [(299, True), (300, False)])
def test_damping_ends_after_300_seconds_of_health(*, well_for: float, damped: bool) -> None:
    moves = flapped("a", "b", at=-400, times=3)
    assert is_damped(instance("a", since=-well_for), moves, FailoverPolicy(), NOON) is damped


@pytest.mark.parametrize("state", [Health.UNKNOWN, Health.UNHEALTHY])
def test_only_health_ends_damping(state: Health) -> None:
    moves = flapped("a", "b", at=-400, times=3)
    assert is_damped(instance("a", state, since=-350), moves, FailoverPolicy(), NOON)


def test_a_clock_that_was_set_back_does_not_end_damping() -> None:
    moves = flapped("a", "b", at=-400, times=3)
    assert is_damped(instance("a", since=HOUR), moves, FailoverPolicy(), NOON)


def test_health_that_never_changed_counts_from_the_registration() -> None:
    moves = flapped("a", "b", at=-400, times=3)
    well = instance("a", since=-10)
    well = replace(well, health=replace(well.health, changed_at=None))
    assert not is_damped(well, moves, FailoverPolicy(), NOON)
