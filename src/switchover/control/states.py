"""PURE: a proxy's state as people are shown it."""

from switchover.control.fleet import ProxyState
from switchover.control.results import InstanceState
from switchover.decision.draining import drain_deadline
from switchover.decision.redundancy import standing_of
from switchover.decision.view import View
from switchover.model.instance import Instance


def instance_state(instance: Instance, state: ProxyState) -> InstanceState:
    """The instance and its standing."""
    return _shown(instance, state.view())


def instance_states(state: ProxyState) -> tuple[InstanceState, ...]:
    """Every instance by preference."""
    view = state.view()
    return tuple(
        _shown(instance, view)
        for instance in sorted(state.instances.values(), key=lambda instance: instance.preference)
    )


def _shown(instance: Instance, view: View) -> InstanceState:
    return InstanceState(
        instance=instance,
        standing=standing_of(instance, view),
        open_requests=view.connections.get(instance.instance_id),
        drain_deadline=drain_deadline(instance, view),
    )
