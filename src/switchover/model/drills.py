"""The drill: a planned move to the best standby and back again, to know that it works."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from switchover.model.actor import Actor

DEFAULT_HOLD_SECONDS = 10.0
MOST_HOLD_SECONDS = 3600.0


class DrillStatus(StrEnum):
    """Where a drill stands: pending → moving → returning → completed | failed; each may end as failed."""

    PENDING = "pending"
    MOVING = "moving"
    RETURNING = "returning"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        """Whether its outcome is still missing."""
        return self not in {DrillStatus.COMPLETED, DrillStatus.FAILED}

    @property
    def is_running(self) -> bool:
        """Whether it has begun and has not ended."""
        return self in {DrillStatus.MOVING, DrillStatus.RETURNING}


class DrillOutcome(StrEnum):
    """How a drill ended.

    SUCCEEDED: there and back, both confirmed. REFUSED: not begun. CANCELLED, MISSED: not begun, because of people or
    because nobody ran at its time. TARGET_FAILED: the standby turned bad while it carried the traffic. NOT_CONFIRMED: not
    every node applied a move. NOT_BACK: the way back was barred. OVERTAKEN: somebody else moved the proxy meanwhile.
    INTERRUPTED: we ended before anything moved.
    """

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    MISSED = "missed"
    TARGET_FAILED = "target_failed"
    NOT_CONFIRMED = "not_confirmed"
    NOT_BACK = "not_back"
    OVERTAKEN = "overtaken"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """One drill and how far it is.

    Attributes:
        drill_id: UUIDv7.
        proxy_id: The proxy.
        status: Where it stands.
        actor: Who ordered it.
        reason: Why, in their words; None when they said nothing.
        hold_seconds: How long the standby carries the traffic once every node has confirmed, 0 to `MOST_HOLD_SECONDS`.
        scheduled_at: When it is to begin; None for at once.
        home_instance_id: The active that it leaves and returns to; None before it has begun.
        target_instance_id: The standby; None before it has begun.
        out_event_id: The event of the way there, known before it is committed.
        back_event_id: The event of the way back, likewise.
        created_at: When it was ordered.
        started_at: When it began.
        moved_at: When the standby's move was confirmed.
        finished_at: When it ended; None while it is open.
        outcome: How it ended, or will, once it is back; None while all is well.
        message: The outcome in words.
    """

    drill_id: UUID
    proxy_id: str
    status: DrillStatus
    actor: Actor
    reason: str | None = None
    hold_seconds: float = DEFAULT_HOLD_SECONDS
    scheduled_at: datetime | None = None
    home_instance_id: UUID | None = None
    target_instance_id: UUID | None = None
    out_event_id: UUID | None = None
    back_event_id: UUID | None = None
    created_at: datetime
    started_at: datetime | None = None
    moved_at: datetime | None = None
    finished_at: datetime | None = None
    outcome: DrillOutcome | None = None
    message: str | None = None
