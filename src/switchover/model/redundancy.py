"""Redundancy: how many more deaths a proxy survives."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class RedundancyLevel(StrEnum):
    """By the number of instances: single (at most 1), dual (2), multi (3 or more)."""

    SINGLE = "single"
    DUAL = "dual"
    MULTI = "multi"


class RedundancySource(StrEnum):
    """Whether a status was derived from the instances or declared by an admin."""

    DERIVED = "derived"
    DECLARED = "declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedundancyStatus:
    """The redundancy of one proxy.

    Attributes:
        proxy_id: The proxy.
        total_instances: Registered instances.
        healthy_instances: Of those, HEALTHY.
        unhealthy_instances: Of those, UNHEALTHY.
        active_instance_id: The active; None before the first activation.
        backup_instance_ids: Eligible instances besides the active, in order of preference.
        redundancy_level: Single, dual or multi.
        is_degraded: Fewer than half healthy, or the active not healthy, or no healthy backup.
        last_failover_at: When the active last changed after its activation; None while it never did.
        last_failover_reason: Why.
        epoch: The proxy's epoch.
        source: Derived or declared.
        updated_at: When this status came to be.
    """

    proxy_id: str
    total_instances: int
    healthy_instances: int
    unhealthy_instances: int
    active_instance_id: UUID | None
    backup_instance_ids: tuple[UUID, ...]
    redundancy_level: RedundancyLevel
    is_degraded: bool
    last_failover_at: datetime | None
    last_failover_reason: str | None
    epoch: int
    source: RedundancySource
    updated_at: datetime
