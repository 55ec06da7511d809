"""The outcome of an event, as whoever switched the proxy reports it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from switchover.control.documents.document import Document, read
from switchover.control.documents.fields import Between, Choice, Text
from switchover.model.events import EventStatus


class OutcomeStatus(StrEnum):
    """How an event may end."""

    COMPLETED = "completed"
    FAILED = "failed"


class CompletionDocument(Document):
    """How a move ended."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"status": "failed", "errorMessage": "The router refused it", "durationMs": 420}]
        }
    )

    status: Annotated[OutcomeStatus, Choice()] = Field(description="completed or failed.")
    error_message: Text | None = Field(default=None, description="Why it failed.")
    duration_ms: Annotated[float, Between(0, 86_400_000, "milliseconds")] | None = Field(
        default=None, description="Milliseconds it took; by default since the decision."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """How a move ended: COMPLETED or FAILED, why, and milliseconds if they were said."""

    status: EventStatus
    error_message: str | None
    duration_ms: float | None


def parse_completion(data: Mapping[str, Any]) -> Completion:
    """The outcome in `data`.

    Raises:
        InvalidInput: With every problem; fields are named as they are sent.
    """
    document = read(CompletionDocument, data)
    return Completion(
        status=EventStatus(document.status.value),
        error_message=document.error_message,
        duration_ms=document.duration_ms,
    )
