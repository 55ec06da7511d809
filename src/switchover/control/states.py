"""PURE: a proxy's state as people are shown it."""

from dataclasses import replace
from datetime import datetime

from switchover.control.fleet import ProxyState
from switchover.control.results import InstanceState, RecoveryState
from switchover.decision.damping import damping_of
from switchover.decision.draining import drain_deadline
from switchover.decision.recovery import most_attempts
from switchover.decision.redundancy import standing_of
from switchover.decision.view import View
from switchover.model.instance import Instance
from switchover.model.proxy import Proxy
from switchover.model.recovery import attempts_of


def instance_state(instance: Instance, state: ProxyState, now: datetime) -> InstanceState:
    """The instance, its standing and its damping at `now`."""
    return _shown(instance, state, state.view(), now)


def instance_states(state: ProxyState, now: datetime) -> tuple[InstanceState, ...]:
    """Every instance by preference."""
    view = state.view()
    return tuple(
        _shown(instance, state, view, now)
        for instance in sorted(state.instances.values(), key=lambda instance: instance.preference)
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


def shown_proxy(proxy: Proxy, now: datetime) -> Proxy:
    """The proxy without a pin that has ended: nobody takes it off the record until the next change."""
    if proxy.pin is None or proxy.pin.holds(now):
        return proxy
    return replace(proxy, pinned_instance_id=None, pin_note=None)


def _shown(instance: Instance, state: ProxyState, view: View, now: datetime) -> InstanceState:
    return InstanceState(
        instance=instance,
        standing=standing_of(instance, view),
        damping=damping_of(instance, state.moves, state.proxy.policy, now),
        open_requests=view.connections.get(instance.instance_id),
        drain_deadline=drain_deadline(instance, view),
        recovery=_recovery(instance, state),
    )
