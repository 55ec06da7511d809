from dataclasses import replace
from typing import Any

import pytest
from tests.proxies import NOON, after, instance, move, view_of

from switchover.decision.decide import decide
from switchover.decision.reasons import Reason
from switchover.decision.verdict import DecisionKind
from switchover.decision.view import View
from switchover.model.events import EventType, PastMove, Trigger
from switchover.model.instance import AdminState
from switchover.model.observation import Health


def dead_active(*moves: PastMove, **policy: Any) -> View:
    return view_of(instance("a", Health.UNHEALTHY), instance("b"), active="a", moves=moves, **policy)


def test_a_failover_waits_for_the_dwell_and_not_a_moment_longer() -> None:
    view = dead_active(move(EventType.FAILOVER, "b", "a", -2), min_dwell_seconds=5)
    held = decide(view, NOON)
    assert (held.reason, held.facts, held.recheck_at) == (Reason.DWELLING, {"seconds": 3.0}, after(3))
    assert held.detected_at is not None
    assert decide(view, after(2.999)).reason is Reason.DWELLING
    assert decide(view, after(3)).kind is DecisionKind.FAILOVER


def test_without_a_dwell_nothing_waits() -> None:
    view = dead_active(move(EventType.FAILOVER, "b", "a", 0), min_dwell_seconds=0)
    assert decide(view, NOON).kind is DecisionKind.FAILOVER


@pytest.mark.parametrize(
    "past",
    [
        move(EventType.ACTIVATION, None, "a", -1),
        replace(move(EventType.SWITCHOVER, "b", "a", -1), trigger=Trigger.MANUAL),
        move(EventType.FAILOVER, "b", "a", 60),
    ],
    ids=["an activation", "an order", "a move from the future"],
)
def test_some_moves_hold_nothing_up(past: PastMove) -> None:
    assert decide(dead_active(past, min_dwell_seconds=30), NOON).kind is DecisionKind.FAILOVER


def test_what_people_order_and_the_first_activation_do_not_wait() -> None:
    past = (move(EventType.FAILOVER, "b", "a", -1),)
    drained = view_of(
        instance("a", admin_state=AdminState.DRAIN),
        instance("b"),
        active="a",
        moves=past,
        min_dwell_seconds=30,
    )
    assert decide(drained, NOON).kind is DecisionKind.SWITCHOVER
    gone = view_of(instance("b"), active="a", moves=past, min_dwell_seconds=30)
    assert decide(gone, NOON).reason is Reason.ACTIVE_GONE
    assert (
        decide(view_of(instance("b"), moves=past, min_dwell_seconds=30), NOON).kind is DecisionKind.ACTIVATE
    )
