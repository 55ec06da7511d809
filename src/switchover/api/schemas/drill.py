"""Drills, as requests order them and answers tell them."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from switchover.api.schemas.body import Body
from switchover.control.documents.document import Document
from switchover.control.documents.fields import Between, Moment, Sentence
from switchover.model.drills import (
    DEFAULT_HOLD_SECONDS,
    MOST_HOLD_SECONDS,
    Drill,
    DrillOutcome,
    DrillStatus,
)


class DrillRequest(Document):
    """A drill to make."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "Quarterly drill", "holdSeconds": 30}]}
    )

    reason: Sentence | None = Field(default=None, description="Why, for the record.")
    hold_seconds: Annotated[float, Between(0, MOST_HOLD_SECONDS, "seconds")] | None = Field(
        default=None,
        description="How long the standby carries the traffic once every node has confirmed.",
        json_schema_extra={"default": DEFAULT_HOLD_SECONDS},
    )
    scheduled_for: Moment | None = Field(
        default=None, description="When it is to begin, at most 30 days ahead; at once without it."
    )


class DrillBody(Body):
    """A drill and how far it is."""

    id: UUID
    proxy_id: str
    status: DrillStatus
    outcome: DrillOutcome | None = Field(description="How it ended, or will once it is back; null so far.")
    message: str | None = Field(description="The outcome in words.")
    actor: str
    reason: str | None
    hold_seconds: float
    home_instance_id: UUID | None = Field(description="The active that it leaves and returns to.")
    target_instance_id: UUID | None = Field(description="The standby that it moves to.")
    out_event_id: UUID | None
    back_event_id: UUID | None
    scheduled_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    moved_at: datetime | None = Field(description="When every node had confirmed the way there.")
    finished_at: datetime | None

    @classmethod
    def of(cls, drill: Drill) -> Self:
        """The body of `drill`."""
        return cls(
            id=drill.drill_id,
            proxy_id=drill.proxy_id,
            status=drill.status,
            outcome=drill.outcome,
            message=drill.message,
            actor=drill.actor.name,
            reason=drill.reason,
            hold_seconds=drill.hold_seconds,
            home_instance_id=drill.home_instance_id,
            target_instance_id=drill.target_instance_id,
            out_event_id=drill.out_event_id,
            back_event_id=drill.back_event_id,
            scheduled_at=drill.scheduled_at,
            created_at=drill.created_at,
            started_at=drill.started_at,
            moved_at=drill.moved_at,
            finished_at=drill.finished_at,
        )
