"""PURE: a proxy's state as people are shown it."""

from dataclasses import replace
from datetime import datetime

from switchover.control.fleet import ProxyState
from switchover.control.results import InstanceState
from switchover.decision.damping import damping_of
from switchover.decision.draining import drain_deadline
from switchover.decision.redundancy import standing_of
from switchover.decision.view import View
from switchover.model.instance import Instance
from switchover.model.proxy import Proxy


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
    )
