import pytest
from tests.proxies import NOON, flapped, id_of, instance, view_of

from switchover.control.pure_loop import apply_move
from switchover.decision.decide import decide
from switchover.decision.orders import order_execute, order_switchover
from switchover.decision.reasons import Reason, Veto
from switchover.decision.verdict import DecisionKind
from switchover.model.errors import Conflict, NotFound
from switchover.model.events import EventType
from switchover.model.instance import AdminState, Instance
from switchover.model.observation import Health
from switchover.model.policy import Listener

A, B, C, Z = id_of("a"), id_of("b"), id_of("c"), id_of("z")


def test_an_order_names_its_kind_its_reason_and_when_it_came() -> None:
    decision = order_execute(view_of(instance("a"), instance("b"), active="a"), A, B, NOON)
    assert (decision.kind, decision.reason) == (DecisionKind.SWITCHOVER, Reason.MANUAL)
    assert (decision.source_instance_id, decision.target_instance_id) == (A, B)
    assert decision.detected_at == NOON
    assert [c.name for c in decision.candidates] == ["a", "b"]


def test_a_conflict_tells_the_current_state() -> None:
    view = view_of(instance("a"), instance("b"), active="a", epoch=7)
    with pytest.raises(Conflict, match="instance b is not the active instance") as refusal:
        order_execute(view, B, A, NOON)
    assert refusal.value.state == {"activeInstanceId": str(A), "epoch": 7}


def test_a_conflict_before_the_first_activation_tells_that_there_is_no_active() -> None:
    with pytest.raises(Conflict) as refusal:
        order_execute(view_of(instance("a"), instance("b")), A, B, NOON)
    assert refusal.value.state == {"activeInstanceId": None, "epoch": 0}


def test_instances_of_nobody_are_not_found() -> None:
    view = view_of(instance("a"), active="a")
    with pytest.raises(NotFound):
        order_execute(view, Z, A, NOON)
    with pytest.raises(NotFound):
        order_execute(view, A, Z, NOON)
    with pytest.raises(NotFound):
        order_switchover(view, Z, NOON)


@pytest.mark.parametrize(
    ("target", "veto"),
    [
        (instance("b", Health.UNKNOWN), Veto.HEALTH_UNKNOWN),
        (instance("b", Health.UNHEALTHY), Veto.UNHEALTHY),
        (instance("b", admin_state=AdminState.DRAIN), Veto.DRAINED),
        (instance("b", admin_state=AdminState.MAINTENANCE), Veto.IN_MAINTENANCE),
        (instance("b", resolved_host=None), Veto.UNRESOLVED),
    ],
    ids=str,
)
def test_a_vetoed_target_is_refused_by_name_of_its_veto(target: Instance, veto: Veto) -> None:
    view = view_of(instance("a"), target, active="a", listener=Listener(port=10000))
    with pytest.raises(Conflict, match=veto.value):
        order_execute(view, A, B, NOON)
    with pytest.raises(Conflict, match=veto.value):
        order_switchover(view, B, NOON)
    with pytest.raises(Conflict, match="No backup available"):
        order_switchover(view, None, NOON)


def test_the_best_standby_is_an_undamped_one_if_there_is_any() -> None:
    damped = instance("a", since=-5, priority=1)
    moves = flapped("a", "b", at=-10, times=3)
    view = view_of(damped, instance("b", priority=2), instance("c", priority=3), active="b", moves=moves)
    assert order_switchover(view, None, NOON).target_instance_id == C
    without = view_of(damped, instance("b", priority=2), active="b", moves=moves)
    assert order_switchover(without, None, NOON).target_instance_id == A


def test_an_order_may_name_a_damped_target() -> None:
    view = view_of(
        instance("a", since=-5), instance("b"), active="b", moves=flapped("a", "b", at=-10, times=3)
    )
    assert order_execute(view, B, A, NOON).acts


@pytest.mark.parametrize("failures", [1, 10])
def test_an_order_away_from_an_unhealthy_active_is_a_failover(failures: int) -> None:
    failed = instance("a", Health.UNHEALTHY)
    view = view_of(failed, instance("b"), active="a", unhealthy_threshold=failures)
    assert order_execute(view, A, B, NOON).kind is DecisionKind.FAILOVER


def test_an_order_may_name_a_gone_active_as_its_source() -> None:
    view = view_of(instance("b"), active="z")
    assert order_execute(view, Z, B, NOON).kind is DecisionKind.FAILOVER


def test_a_committed_order_pins_and_grows_the_epoch_by_one() -> None:
    view = view_of(instance("a"), instance("b"), active="a", epoch=4)
    moved = apply_move(view, order_execute(view, A, B, NOON), NOON)
    assert (moved.proxy.active_instance_id, moved.proxy.epoch, moved.proxy.pinned_instance_id) == (B, 5, B)
    assert [m.event_type for m in moved.moves] == [EventType.SWITCHOVER]


def test_a_manual_activation_pins_nothing_and_a_hold_changes_nothing() -> None:
    view = view_of(instance("a"), instance("b"))
    moved = apply_move(view, order_switchover(view, B, NOON), NOON)
    assert moved.moves[0].event_type is EventType.ACTIVATION
    assert moved.proxy.pinned_instance_id is None
    assert apply_move(moved, decide(moved, NOON), NOON) is moved
