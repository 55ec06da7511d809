"""A sample of metrics and a report of health, as someone sends them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from switchover.control.documents.document import Document, read, read_choice
from switchover.control.documents.fields import Between
from switchover.model.observation import Health

Percent = Annotated[float, Between(0, 100)]
# A day in milliseconds; a billion of anything per second; what 32 bits count.
Milliseconds = Annotated[float, Between(0, 86_400_000, "milliseconds")]
Rate = Annotated[float, Between(0, 1_000_000_000)]
Count = Annotated[int, Between(0, 2_147_483_647)]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsData:
    """One sample; None where nothing was said. Units as in `model.metrics.InstanceMetrics`."""

    cpu_percent: float | None = None
    memory_percent: float | None = None
    request_rate: float | None = None
    average_latency_ms: float | None = None
    error_rate: float | None = None
    connection_count: int | None = None
    throughput_mbps: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing at all."""
        return self == _NOTHING


_NOTHING = MetricsData()


class MetricsDocument(Document):
    """One sample of an instance's metrics; what is missing or null was not measured."""

    cpu_percent: Percent | None = Field(
        default=None, description="Processor in use, 0 to 100.", examples=[41.5]
    )
    memory_percent: Percent | None = Field(default=None, description="Memory in use, 0 to 100.")
    request_rate: Rate | None = Field(default=None, description="Requests per second.")
    average_latency_ms: Milliseconds | None = Field(
        default=None, description="Milliseconds.", examples=[12.5]
    )
    error_rate: Annotated[float, Between(0, 1)] | None = Field(
        default=None, description="Share of requests that failed, 0 to 1."
    )
    connection_count: Count | None = Field(default=None, description="Open connections.")
    throughput_mbps: Rate | None = Field(default=None, description="Megabits per second.")


def parse_metrics(data: Mapping[str, Any] | None) -> MetricsData:
    """The sample in `data`; None is one that says nothing.

    Raises:
        InvalidInput: With every problem; fields are named `metrics.…`.
    """
    document = read(MetricsDocument, {} if data is None else data, "metrics")
    return MetricsData(**document.given())


def parse_health(text: object) -> Health:
    """The health that `text` names.

    Raises:
        InvalidInput: It names none.
    """
    return read_choice(Health, "healthStatus", text)
