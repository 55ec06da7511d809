"""The failover event: one change of the active instance, from intent to outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from switchover.model.errors import Conflict
from switchover.model.gradual import GradualMove


class EventType(StrEnum):
    """What kind of move an event tells."""

    ACTIVATION = "activation"
    FAILOVER = "failover"
    SWITCHOVER = "switchover"
    FAILBACK = "failback"
    RECOVERY = "recovery"


class EventStatus(StrEnum):
    """Where an event stands: pending → in_progress → completed | failed."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        """Whether the outcome is still missing."""
        return self in {EventStatus.PENDING, EventStatus.IN_PROGRESS}


class Trigger(StrEnum):
    """Who started a move."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """When a move reached each stage (wall clock, UTC); None where it did not, or it cannot be known.

    Attributes:
        detected_at: The first failure of the run that caused it; the order's arrival for a manual move.
        decided_at: The decision.
        committed_at: Intent on record.
        applied_at: Last receipt.
        verified_at: The new active answered a request through a listener.
    """

    detected_at: datetime | None = None
    decided_at: datetime | None = None
    committed_at: datetime | None = None
    applied_at: datetime | None = None
    verified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAnswer:
    """What one node had answered to a move when its event was closed.

    Attributes:
        node_id: The node.
        kind: `applied`, `rejected`, or `timed_out` when it said nothing.
        detail: The node's own words; empty where it had none.
        at: When we heard it; None when it said nothing.
    """

    node_id: str
    kind: str
    detail: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailoverEvent:
    """One move, its evidence and its outcome.

    Attributes:
        event_id: UUIDv7.
        proxy_id: The proxy that moved.
        event_type: Activation, failover, switchover, failback or recovery.
        status: Pending, in progress, completed or failed.
        trigger: Automatic or manual.
        source_instance_id: The active before; None for an activation.
        target_instance_id: The active after.
        reason: A sentence, rendered once so that history keeps it.
        reason_code: The stable word behind it.
        epoch: The proxy's epoch after this move.
        actor: Name of who caused it.
        evidence: The decision's evidence, JSON-ready.
        error_message: Why it failed; None otherwise.
        stages: When it reached each stage.
        duration_ms: Decided to last receipt; None while open.
        created_at: When the row was written.
        completed_at: When it was closed; None while open.
        answers: What each node had answered by then, by node id; None while open, and where no node carries the proxy.
        scheduled_at: For when it was ordered; None for a move that was made at once. While it is PENDING `epoch` is the
            proxy's when it was ordered.
        drill_id: The drill that it is part of; None without one.
        gradual: How far it has come, of a move in steps; None for one that is made at once.
    """

    event_id: UUID
    proxy_id: str
    event_type: EventType
    status: EventStatus
    trigger: Trigger
    source_instance_id: UUID | None
    target_instance_id: UUID | None
    reason: str
    reason_code: str
    epoch: int
    actor: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    error_message: str | None = None
    stages: Stages = field(default_factory=Stages)
    duration_ms: float | None = None
    created_at: datetime
    completed_at: datetime | None = None
    answers: tuple[NodeAnswer, ...] | None = None
    scheduled_at: datetime | None = None
    drill_id: UUID | None = None
    gradual: GradualMove | None = None

    @property
    def steps_ahead(self) -> GradualMove | None:
        """How far an open move in steps has come while there are more to come; None for any other event."""
        move = self.gradual
        return move if move is not None and move.is_stepping and self.status.is_open else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMove:
    """What the decision needs of a committed move of the last hour, newest last in every sequence."""

    event_type: EventType
    source_instance_id: UUID | None
    target_instance_id: UUID | None
    committed_at: datetime
    trigger: Trigger = Trigger.AUTOMATIC


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """How an event ends.

    Attributes:
        status: COMPLETED or FAILED.
        at: When.
        error_message: Why it failed; None for a completed one.
        applied_at: Last receipt; None when not all have applied.
        duration_ms: None derives it from `decided_at`.
        answers: What each node answered; None when none was asked.
    """

    status: EventStatus
    at: datetime
    error_message: str | None = None
    applied_at: datetime | None = None
    duration_ms: float | None = None
    answers: tuple[NodeAnswer, ...] | None = None


TIMED_OUT_PREFIX = "timed out"
"""How the error message of an event begins that nobody closed in time; its owner may still complete it."""


def close(event: FailoverEvent, closing: Closing, *, late_ok: bool = False) -> FailoverEvent:
    """The event after `closing`.

    An open event takes the outcome. A finished one is returned as it is when nothing would change
    (the same status), so that closing twice is harmless. `late_ok` lets `completed` replace a
    failure by time-out: the proxy that no node carries is switched by somebody slower than us.

    Raises:
        Conflict: It is finished and `closing` contradicts that.
    """
    if not event.status.is_open:
        if event.status is closing.status:
            return event
        timed_out = (event.error_message or "").startswith(TIMED_OUT_PREFIX)
        if not (late_ok and timed_out and closing.status is EventStatus.COMPLETED):
            raise Conflict(
                f"event {event.event_id} is already {event.status.value}; it cannot become {closing.status.value}",
                {"eventId": str(event.event_id), "status": event.status.value},
            )
    duration = closing.duration_ms
    if duration is None and event.status is not EventStatus.PENDING:
        began = event.stages.decided_at or event.created_at
        duration = max(0.0, ((closing.applied_at or closing.at) - began).total_seconds() * 1000)
    return replace(
        event,
        status=closing.status,
        error_message=closing.error_message,
        stages=replace(event.stages, applied_at=closing.applied_at),
        duration_ms=duration,
        completed_at=closing.at,
        answers=event.answers if closing.answers is None else closing.answers,
    )
