"""An instance and its metrics, as answers tell them."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from switchover.api.schemas.body import Body
from switchover.api.schemas.recovery import RecoveryBody
from switchover.control.results import InstanceState
from switchover.decision.reasons import Veto
from switchover.model.admin import AdminOrder, AdminState, DrainState
from switchover.model.instance import Standing
from switchover.model.metrics import InstanceMetrics
from switchover.model.observation import Health


class AdminOrderBody(Body):
    """The order behind an admin state."""

    actor: str = Field(description="Who gave it.")
    reason: str | None
    ordered_at: datetime
    expires_at: datetime | None = Field(description="When it reverts by itself; null when it stands.")
    reverts_to: AdminState | None = Field(description="To what; null when it stands.")
    left_open: int | None = Field(description="Requests that were open when they were no longer waited for.")

    @classmethod
    def of(cls, order: AdminOrder) -> Self:
        """The body of `order`."""
        below = AdminState.READY if order.before is None else order.before.state
        return cls(
            actor=order.actor,
            reason=order.reason,
            ordered_at=order.ordered_at,
            expires_at=order.expires_at,
            reverts_to=None if order.expires_at is None else below,
            left_open=order.left_open,
        )


class InstanceBody(Body):
    """An instance as registered, with what is believed of it now."""

    id: UUID
    proxy_id: str
    instance_name: str
    instance_type: str
    priority: int = Field(description="Lower is preferred.")
    weight: int
    address: str | None = Field(description="host:port; null when it is neither probed nor carried.")
    status: Standing = Field(description="What it is to its proxy now.")
    admin_state: AdminState = Field(description="What people ordered.")
    admin_order: AdminOrderBody | None = Field(
        description="Who ordered that, why, until when; null while nobody did."
    )
    drain_state: DrainState | None = Field(
        description="draining until nothing is open on it (idle) or its time is over; null while it is ready."
    )
    drain_deadline: datetime | None = Field(
        description="Until when open requests are waited for; null when they are not, or it carries the traffic still."
    )
    open_requests: int | None = Field(
        description="Requests or connections that nodes have open there; null where nobody tells."
    )
    health_status: Health = Field(description="What was measured or reported.")
    last_health_check: datetime | None
    consecutive_failures: int
    last_health_detail: str | None = Field(description="What the last probe showed, for people.")
    flap_score: float = Field(description="How often it fell lately; halves with every half-life.")
    damped_by: list[Veto] = Field(
        description="flapping: its score is too high. damped: its failbacks failed. Empty: it is not damped."
    )
    damped_until: datetime | None = Field(
        description="When the damping ends if it stays well; null when it is not damped, or is not well yet."
    )
    total_requests: int
    successful_requests: int
    failed_requests: int
    average_latency_ms: float | None
    error_rate: float | None = Field(description="0 to 1.")
    recovery: RecoveryBody | None = Field(description="While it is being brought back; null otherwise.")
    is_active: bool = Field(description="Whether it is registered; a deleted instance is history.")
    created_at: datetime

    @classmethod
    def of(cls, state: InstanceState) -> Self:
        """The body of `state`."""
        instance, health, usage = state.instance, state.instance.health, state.instance.usage
        damping = state.damping
        order = instance.admin_order
        return cls(
            id=instance.instance_id,
            proxy_id=instance.proxy_id,
            instance_name=instance.name,
            instance_type=instance.instance_type,
            priority=instance.priority,
            weight=instance.weight,
            address=None if instance.address is None else str(instance.address),
            status=state.standing,
            admin_state=instance.admin_state,
            admin_order=None if order is None else AdminOrderBody.of(order),
            drain_state=None if order is None else order.drain_state,
            drain_deadline=state.drain_deadline,
            open_requests=state.open_requests,
            health_status=health.state,
            last_health_check=health.last_checked_at,
            consecutive_failures=health.consecutive_failures,
            last_health_detail=health.last_detail,
            flap_score=round(damping.flap_score, 3),
            damped_by=list(damping.vetoes),
            damped_until=damping.until,
            total_requests=usage.total_requests,
            successful_requests=usage.successful_requests,
            failed_requests=usage.failed_requests,
            average_latency_ms=usage.average_latency_ms,
            error_rate=usage.error_rate,
            recovery=None if state.recovery is None else RecoveryBody.of(state.recovery),
            is_active=True,
            created_at=instance.created_at,
        )


class InstanceMetricsBody(Body):
    """One sample; null where nothing was said."""

    id: UUID
    instance_id: UUID
    recorded_at: datetime
    cpu_percent: float | None
    memory_percent: float | None
    request_rate: float | None
    average_latency_ms: float | None
    error_rate: float | None
    connection_count: int | None
    throughput_mbps: float | None

    @classmethod
    def of(cls, metrics: InstanceMetrics) -> Self:
        """The body of `metrics`."""
        return cls(
            id=metrics.metrics_id,
            instance_id=metrics.instance_id,
            recorded_at=metrics.recorded_at,
            cpu_percent=metrics.cpu_percent,
            memory_percent=metrics.memory_percent,
            request_rate=metrics.request_rate,
            average_latency_ms=metrics.average_latency_ms,
            error_rate=metrics.error_rate,
            connection_count=metrics.connection_count,
            throughput_mbps=metrics.throughput_mbps,
        )


class DeletedBody(Body):
    """What was deleted."""

    id: str
