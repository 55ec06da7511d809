"""PURE: a proxy's state as people are shown it."""

from switchover.control.fleet import ProxyState
from switchover.control.results import InstanceState, RecoveryState
from switchover.decision.recovery import most_attempts
from switchover.decision.redundancy import standing_of
from switchover.decision.view import View
from switchover.model.instance import Instance
from switchover.model.recovery import attempts_of


def instance_state(instance: Instance, state: ProxyState) -> InstanceState:
    """The instance and its standing."""
    return _shown(instance, state, state.view())


def instance_states(state: ProxyState) -> tuple[InstanceState, ...]:
    """Every instance by preference."""
    view = state.view()
    ordered = sorted(state.instances.values(), key=lambda instance: instance.preference)
    return tuple(_shown(instance, state, view) for instance in ordered)


def _shown(instance: Instance, state: ProxyState, view: View) -> InstanceState:
    return InstanceState(
        instance=instance, standing=standing_of(instance, view), recovery=_recovery(instance, state)
    )


def _recovery(instance: Instance, state: ProxyState) -> RecoveryState | None:
    event = state.recoveries.get(instance.instance_id)
    if event is None or not event.status.is_open:
        return None
    attempts = attempts_of(event)
    last = attempts[-1] if attempts else None
    return RecoveryState(
        event_id=event.event_id,
        action=state.proxy.policy.recovery_action.type.value,
        attempt=0 if last is None else last.number,
        most_attempts=most_attempts(state.proxy.policy),
        is_under_way=last is not None and last.next_at is None,
        next_at=None if last is None else last.next_at,
        detail=next((attempt.detail for attempt in reversed(attempts) if attempt.detail is not None), None),
    )
