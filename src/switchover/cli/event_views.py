"""What the API says about events and drills, read into values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from switchover.cli.times import told
from switchover.model.events import EventStatus, EventType

STAGES = ("detected", "decided", "committed", "applied", "verified")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """One failover event as the API tells of it.

    Attributes:
        stages: Stage name → when it was reached; stages that were not reached are missing.
    """

    event_id: str
    event_type: EventType
    status: EventStatus
    trigger: str
    source_id: str | None
    target_id: str | None
    reason: str
    error_message: str | None
    epoch: int
    duration_ms: float | None
    stages: Mapping[str, datetime]
    created_at: datetime
    scheduled_at: datetime | None = None
    skipped: tuple[str, ...] = ()

    def after_detection_ms(self, stage: str) -> float | None:
        """Milliseconds from detection to `stage`; None where either is unknown."""
        begun, reached = self.stages.get("detected"), self.stages.get(stage)
        return None if begun is None or reached is None else (reached - begun).total_seconds() * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillView:
    """One drill as the API tells of it."""

    drill_id: str
    status: str
    outcome: str | None
    message: str | None
    actor: str
    home_id: str | None
    target_id: str | None
    scheduled_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    moved_at: datetime | None
    finished_at: datetime | None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.finished_at is not None

    @property
    def took_seconds(self) -> float | None:
        """From its begin to its end; None where either is unknown."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


def event_view(document: Mapping[str, Any]) -> EventView:
    """Read a failover event."""
    stages: Mapping[str, str | None] = document.get("stages") or {}
    reached = {name: told(stages.get(f"{name}At")) for name in STAGES}
    return EventView(
        event_id=document["id"],
        event_type=EventType(document["eventType"]),
        status=EventStatus(document["status"]),
        trigger=document["trigger"],
        source_id=document.get("sourceInstanceId"),
        target_id=document.get("targetInstanceId"),
        reason=document.get("reason") or "",
        error_message=document.get("errorMessage"),
        epoch=document["epoch"],
        duration_ms=document.get("durationMs"),
        stages={name: at for name, at in reached.items() if at is not None},
        created_at=datetime.fromisoformat(document["createdAt"]),
        scheduled_at=told(document.get("scheduledAt")),
        skipped=tuple(document.get("skipped") or ()),
    )


def drill_view(document: Mapping[str, Any]) -> DrillView:
    """Read a drill."""
    return DrillView(
        drill_id=document["id"],
        status=document["status"],
        outcome=document.get("outcome"),
        message=document.get("message"),
        actor=document["actor"],
        home_id=document.get("homeInstanceId"),
        target_id=document.get("targetInstanceId"),
        scheduled_at=told(document.get("scheduledAt")),
        created_at=datetime.fromisoformat(document["createdAt"]),
        started_at=told(document.get("startedAt")),
        moved_at=told(document.get("movedAt")),
        finished_at=told(document.get("finishedAt")),
    )
