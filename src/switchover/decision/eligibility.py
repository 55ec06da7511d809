"""Who may become active: the vetoes that hold whatever the time is.

Damping is the one veto that comes and goes with time; `survey.py` adds it.
"""

from datetime import datetime
from typing import assert_never

from switchover.decision.reasons import Veto
from switchover.model.instance import AdminState, Instance
from switchover.model.observation import Health
from switchover.model.policy import FailoverPolicy


def lasting_vetoes(instance: Instance, policy: FailoverPolicy) -> tuple[Veto, ...]:
    """Why the instance may not become active, in the order of `Veto`; empty when only damping could stop it."""
    vetoes: list[Veto] = []
    match instance.admin_state:
        case AdminState.READY:
            pass
        case AdminState.DRAIN:
            vetoes.append(Veto.DRAINED)
        case AdminState.MAINTENANCE:
            vetoes.append(Veto.IN_MAINTENANCE)
        case _:
            assert_never(instance.admin_state)
    match instance.health.state:
        case Health.HEALTHY:
            pass
        case Health.UNKNOWN:
            vetoes.append(Veto.HEALTH_UNKNOWN)
        case Health.UNHEALTHY:
            vetoes.append(Veto.UNHEALTHY)
        case _:
            assert_never(instance.health.state)
    if policy.listener is not None and not is_carriable(instance):
        vetoes.append(Veto.UNRESOLVED)
    return tuple(vetoes)


def could_serve(instance: Instance, policy: FailoverPolicy) -> bool:
    """Whether the instance could carry the traffic: eligible but for damping, which is lifted when nothing else is left."""
    return not lasting_vetoes(instance, policy)


def is_carriable(instance: Instance) -> bool:
    """Whether a node can be told where the instance is: it has an address, and that has resolved."""
    return instance.address is not None and instance.resolved_host is not None


def well_since(instance: Instance) -> datetime:
    """Since when an instance that could serve could: the later of its last change of health and its last order."""
    turned_at = instance.health.changed_at or instance.created_at
    return max(turned_at, instance.admin_changed_at) if instance.admin_changed_at else turned_at
