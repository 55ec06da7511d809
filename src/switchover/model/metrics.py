"""A sample of an instance's metrics, as someone reports it or a node measures it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceMetrics:
    """One sample; None where nothing was said.

    Attributes:
        metrics_id: UUIDv7.
        instance_id: The instance.
        recorded_at: Wall clock, UTC.
        cpu_percent: 0 to 100.
        memory_percent: 0 to 100.
        request_rate: Requests per second.
        average_latency_ms: Milliseconds.
        error_rate: 0 to 1.
        connection_count: Open connections.
        throughput_mbps: Megabits per second.
    """

    metrics_id: UUID
    instance_id: UUID
    recorded_at: datetime
    cpu_percent: float | None = None
    memory_percent: float | None = None
    request_rate: float | None = None
    average_latency_ms: float | None = None
    error_rate: float | None = None
    connection_count: int | None = None
    throughput_mbps: float | None = None
