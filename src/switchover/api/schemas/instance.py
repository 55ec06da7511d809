"""An instance and its metrics, as answers tell them."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from switchover.api.schemas.body import Body
from switchover.api.schemas.recovery import RecoveryBody
from switchover.control.results import InstanceState
from switchover.model.instance import AdminState, Standing
from switchover.model.metrics import InstanceMetrics
from switchover.model.observation import Health


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
    health_status: Health = Field(description="What was measured or reported.")
    last_health_check: datetime | None
    consecutive_failures: int
    last_health_detail: str | None = Field(description="What the last probe showed, for people.")
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
            health_status=health.state,
            last_health_check=health.last_checked_at,
            consecutive_failures=health.consecutive_failures,
            last_health_detail=health.last_detail,
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
