"""The instance: one server that can carry a proxy's traffic."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from switchover.model.address import Address
from switchover.model.admin import AdminOrder, AdminState
from switchover.model.observation import UNSEEN, InstanceHealth

__all__ = ["UNUSED", "AdminState", "Instance", "Standing", "Usage"]


class Standing(StrEnum):
    """Derived: what an instance is to its proxy now."""

    ACTIVE = "active"
    STANDBY = "standby"
    INELIGIBLE = "ineligible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What data plane and reports say an instance carried.

    Attributes:
        total_requests: Requests since it was registered.
        successful_requests: Of those, answered without an error.
        failed_requests: Of those, errors (5xx and resets).
        average_latency_ms: As last reported, else a moving average of its probes; None before the first.
        error_rate: 0 to 1, as last reported, else failed / total; None before the first.
    """

    total_requests: int = 0
    successful_requests: int = 0
    failed_requests: int = 0
    average_latency_ms: float | None = None
    error_rate: float | None = None


UNUSED = Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One server, as registered, with what we believe of it.

    Attributes:
        instance_id: Ours.
        proxy_id: The proxy it serves.
        name: Unique within the proxy.
        instance_type: A free label of the operator.
        priority: Lower is preferred.
        weight: Its share in weighted load balancing, 1 or more.
        address: Where it listens; None means that it is neither probed nor carried and lives by reports.
        resolved_host: The IP address that nodes are given for it: the address itself, or what its name
            resolved to when it was last probed or looked up. None while a name never resolved.
        admin_state: What people ordered.
        admin_changed_at: When they did; None while nobody did.
        damping_cleared_at: When an operator last cleared its damping: moves before that count against it no more.
        admin_order: The order behind `admin_state`: who, why, until when; None when that is not known.
        health: What we measured.
        usage: What it carried.
        created_at: Wall clock, UTC.
    """

    instance_id: UUID
    proxy_id: str
    name: str
    instance_type: str = "standard"
    priority: int = 100
    weight: int = 100
    address: Address | None = None
    resolved_host: str | None = None
    admin_state: AdminState = AdminState.READY
    admin_changed_at: datetime | None = None
    damping_cleared_at: datetime | None = None
    admin_order: AdminOrder | None = None
    health: InstanceHealth = UNSEEN
    usage: Usage = UNUSED
    created_at: datetime

    @property
    def preference(self) -> tuple[int, int, str]:
        """Sort key of the priority order: lowest priority, then higher weight, then name."""
        return (self.priority, -self.weight, self.name)

    def ordered(self, order: AdminOrder | None, at: datetime) -> "Instance":
        """This instance under `order`, in force since `at`; None is READY, as registered."""
        state = AdminState.READY if order is None else order.state
        return replace(self, admin_state=state, admin_changed_at=at, admin_order=order)
