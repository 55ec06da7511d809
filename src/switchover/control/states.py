"""PURE: a proxy's state as people are shown it."""

from switchover.control.fleet import ProxyState
from switchover.control.results import InstanceState
from switchover.decision.redundancy import standing_of
from switchover.model.instance import Instance


def instance_state(instance: Instance, state: ProxyState) -> InstanceState:
    """The instance and its standing."""
    return InstanceState(instance=instance, standing=standing_of(instance, state.view()))


def instance_states(state: ProxyState) -> tuple[InstanceState, ...]:
    """Every instance by preference."""
    view = state.view()
    return tuple(
        InstanceState(instance=instance, standing=standing_of(instance, view))
        for instance in sorted(state.instances.values(), key=lambda instance: instance.preference)
    )
