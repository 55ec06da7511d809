"""How many more deaths a proxy survives, and what each instance is to it."""

from dataclasses import replace
from datetime import datetime

from switchover.decision.eligibility import could_serve
from switchover.decision.strategy import in_standing_order
from switchover.decision.view import View
from switchover.model.instance import Instance, Standing
from switchover.model.observation import Health
from switchover.model.redundancy import RedundancyLevel, RedundancySource, RedundancyStatus

_DUAL = 2


def redundancy_of(view: View, *, previous: RedundancyStatus | None, now: datetime) -> RedundancyStatus:
    """The status that follows from the instances.

    Backups are those that could take over, a damped one included: it would, were it the last.

    Args:
        view: The proxy.
        previous: The status before, derived or declared; its last failover is carried over.
        now: Becomes `updated_at`.
    """
    active, instances = view.active, view.instances
    healthy = sum(1 for i in instances if i.health.state is Health.HEALTHY)
    backups = tuple(
        i.instance_id for i in in_standing_order(view, instances) if standing_of(i, view) is Standing.STANDBY
    )
    active_is_well = active is not None and active.health.state is Health.HEALTHY
    return RedundancyStatus(
        proxy_id=view.proxy.proxy_id,
        total_instances=len(instances),
        healthy_instances=healthy,
        unhealthy_instances=sum(1 for i in instances if i.health.state is Health.UNHEALTHY),
        active_instance_id=view.proxy.active_instance_id,
        backup_instance_ids=backups,
        redundancy_level=_level(len(instances)),
        is_degraded=healthy * 2 < len(instances) or not active_is_well or not backups,
        last_failover_at=previous.last_failover_at if previous is not None else None,
        last_failover_reason=previous.last_failover_reason if previous is not None else None,
        epoch=view.proxy.epoch,
        source=RedundancySource.DERIVED,
        updated_at=now,
    )


def same_redundancy(a: RedundancyStatus, b: RedundancyStatus) -> bool:
    """Whether two statuses say the same, whenever they came to be."""
    return replace(a, updated_at=b.updated_at) == b


def standing_of(instance: Instance, view: View) -> Standing:
    """What the instance is to its proxy: the active, a standby that could take over, or neither."""
    if instance.instance_id == view.proxy.active_instance_id:
        return Standing.ACTIVE
    return Standing.STANDBY if could_serve(instance, view.proxy.policy) else Standing.INELIGIBLE


def _level(total: int) -> RedundancyLevel:
    if total < _DUAL:
        return RedundancyLevel.SINGLE
    return RedundancyLevel.DUAL if total == _DUAL else RedundancyLevel.MULTI
