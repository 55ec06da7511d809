"""An operator's orders to move, checked against the state they meet."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from switchover.decision.blocking import would_break
from switchover.decision.reasons import Reason, Veto
from switchover.decision.rules import MoveBlocked
from switchover.decision.strategy import in_order
from switchover.decision.survey import Survey, standing_vetoes, survey
from switchover.decision.verdict import Decision, DecisionKind
from switchover.decision.view import View
from switchover.model.errors import Conflict, NotFound
from switchover.model.instance import Instance
from switchover.model.observation import Health

FORCIBLE = frozenset({Veto.HEALTH_UNKNOWN, Veto.UNHEALTHY, Veto.DOWN_ELSEWHERE})
"""What `force` skips. An order about the instance would be obeyed in the next pass, so it is to be taken back first; what
no node can be told of, nobody can force."""


def order_execute(
    view: View, source_id: UUID, target_id: UUID, now: datetime, *, force: bool = False
) -> Decision:
    """The move from `source_id` to `target_id`, as ordered.

    Damping does not bind an operator; health, admin state and a missing address do.

    Args:
        view: The proxy.
        source_id: What the operator believes to be the active; it may be gone.
        target_id: The instance to make active.
        now: When the order arrived.
        force: Skip the safety rules that bind people (freezes, gates, the number of serving instances).
        force: Whether to skip what is `FORCIBLE` and to move at once where moves are made in steps; the decision's fact
            `skipped` names it.

    Raises:
        MoveBlocked: A safety rule is in the way.
        NotFound: Source or target is no instance of this proxy.
        Conflict: The source is not the active, the target already is, or the target is vetoed. `state` has
            `activeInstanceId` and `epoch` as they are.
    """
    active_id = view.proxy.active_instance_id
    if source_id != active_id:
        source = _registered(view, source_id)
        raise _conflict(view, f"instance {source.name} is not the active instance")
    return _move_to(survey(view, now), _registered(view, target_id), force=force)


def order_switchover(view: View, target_id: UUID | None, now: datetime, *, force: bool = False) -> Decision:
    """The move to `target_id`, or to the strategy's best standby, as ordered.

    Args:
        view: The proxy.
        target_id: The instance to make active; None for the best standby (a damped one only if there is no other).
        now: When the order arrived.
        force: As for `order_execute`.

    Raises:
        MoveBlocked: A safety rule is in the way.
        NotFound: The target is no instance of this proxy.
        Conflict: The target already is the active, or is vetoed, or there is no standby. `state` as for `order_execute`.
    """
    seen = survey(view, now)
    target = _registered(view, target_id) if target_id is not None else _best(seen)
    return _move_to(seen, target, force=force)


def _registered(view: View, instance_id: UUID) -> Instance:
    instance = view.instance(instance_id)
    if instance is None:
        raise NotFound("instance", instance_id)
    return instance


def _best(seen: Survey) -> Instance:
    view = seen.view
    undamped = seen.best_standby
    if undamped is not None:
        return undamped
    able = [
        i
        for i in view.instances
        if not standing_vetoes(view, i) and i.instance_id != view.proxy.active_instance_id
    ]
    if not able:
        raise _conflict(view, "No backup available")
    return in_order(view, able)[0]


def _move_to(seen: Survey, target: Instance, *, force: bool) -> Decision:
    view = seen.view
    if target.instance_id == view.proxy.active_instance_id:
        raise _conflict(view, f"instance {target.name} is the active instance already")
    vetoes = standing_vetoes(view, target)
    binding = tuple(veto for veto in vetoes if not (force and veto in FORCIBLE))
    if binding:
        names = ", ".join(veto.value for veto in binding)
        could = "" if force or not FORCIBLE.issuperset(binding) else "; `force` with a reason skips that"
        raise _conflict(view, f"instance {target.name} may not become active: {names}{could}")
    damped = _dampings(seen, target) if force else ()
    steps = ("steps",) if force and view.proxy.policy.gradual is not None else ()
    skipped = ", ".join((*(veto.value for veto in (*vetoes, *damped)), *steps))
    facts = {"skipped": skipped} if skipped else {}
    decision = seen.move(_kind(view), Reason.MANUAL, target, facts, detected_at=seen.now)
    found = would_break(seen, decision)
    if found and not force:
        raise MoveBlocked(found)
    return replace(decision, overridden=found)


def _dampings(seen: Survey, target: Instance) -> tuple[Veto, ...]:
    found = (c.vetoes for c in seen.candidates if c.instance_id == target.instance_id)
    return tuple(veto for vetoes in found for veto in vetoes if veto in {Veto.DAMPED, Veto.FLAPPING})


def _kind(view: View) -> DecisionKind:
    if view.proxy.active_instance_id is None:
        return DecisionKind.ACTIVATE
    if view.active is None or view.active.health.state is Health.UNHEALTHY:
        return DecisionKind.FAILOVER
    return DecisionKind.SWITCHOVER


def _conflict(view: View, message: str) -> Conflict:
    active_id = view.proxy.active_instance_id
    return Conflict(
        message,
        {"activeInstanceId": str(active_id) if active_id is not None else None, "epoch": view.proxy.epoch},
    )
