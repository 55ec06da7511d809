"""An operator's orders to move, checked against the state they meet."""

from datetime import datetime
from uuid import UUID

from switchover.decision.reasons import Reason
from switchover.decision.strategy import in_order
from switchover.decision.survey import Survey, standing_vetoes, survey
from switchover.decision.verdict import Decision, DecisionKind
from switchover.decision.view import View
from switchover.model.errors import Conflict, NotFound
from switchover.model.instance import Instance
from switchover.model.observation import Health


def order_execute(view: View, source_id: UUID, target_id: UUID, now: datetime) -> Decision:
    """The move from `source_id` to `target_id`, as ordered.

    Damping does not bind an operator; health, admin state and a missing address do.

    Args:
        view: The proxy.
        source_id: What the operator believes to be the active; it may be gone.
        target_id: The instance to make active.
        now: When the order arrived.

    Raises:
        NotFound: Source or target is no instance of this proxy.
        Conflict: The source is not the active, the target already is, or the target is vetoed. `state` has
            `activeInstanceId` and `epoch` as they are.
    """
    active_id = view.proxy.active_instance_id
    if source_id != active_id:
        source = _registered(view, source_id)
        raise _conflict(view, f"instance {source.name} is not the active instance")
    return _move_to(survey(view, now), _registered(view, target_id))


def order_switchover(view: View, target_id: UUID | None, now: datetime) -> Decision:
    """The move to `target_id`, or to the strategy's best standby, as ordered.

    Args:
        view: The proxy.
        target_id: The instance to make active; None for the best standby (a damped one only if there is no other).
        now: When the order arrived.

    Raises:
        NotFound: The target is no instance of this proxy.
        Conflict: The target already is the active, or is vetoed, or there is no standby. `state` as for `order_execute`.
    """
    seen = survey(view, now)
    target = _registered(view, target_id) if target_id is not None else _best(seen)
    return _move_to(seen, target)


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


def _move_to(seen: Survey, target: Instance) -> Decision:
    view = seen.view
    if target.instance_id == view.proxy.active_instance_id:
        raise _conflict(view, f"instance {target.name} is the active instance already")
    vetoes = standing_vetoes(view, target)
    if vetoes:
        names = ", ".join(veto.value for veto in vetoes)
        raise _conflict(view, f"instance {target.name} may not become active: {names}")
    return seen.move(_kind(view), Reason.MANUAL, target, detected_at=seen.now)


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
