"""A move that was wanted and that a rule blocked: recorded as an event is, without ever being one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from switchover.model.events import EventType, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedMove:
    """One wish to move, from when a rule first blocked it until it was blocked no more. Asking again does not make another.

    Attributes:
        blocked_id: UUIDv7.
        proxy_id: The proxy that did not move.
        event_type: What kind of move was wanted.
        trigger: Who wanted it.
        source_instance_id: The active that stayed; None without one.
        target_instance_id: Who would have become active.
        reason: Why it was wanted, as a sentence.
        reason_code: The stable word behind it.
        rule: The stable word of the first rule in the way.
        scope: Whose rule that is: `fleet`, `user:NAME` or `proxy:ID`.
        message: The sentence of that rule.
        evidence: What the decision saw, and every rule in the way, JSON-ready.
        first_at: When it was blocked first.
        last_at: When it was last seen to be; while it lasts this may be up to a minute behind.
        count: How often it was decided until then.
        ended_at: When the wish or the block ended; None while it lasts.
    """

    blocked_id: UUID
    proxy_id: str
    event_type: EventType
    trigger: Trigger
    source_instance_id: UUID | None
    target_instance_id: UUID | None
    reason: str
    reason_code: str
    rule: str
    scope: str
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    first_at: datetime
    last_at: datetime
    count: int = 1
    ended_at: datetime | None = None

    def is_same(self, other: "BlockedMove") -> bool:
        """Whether `other` is this wish again, in the way of the same rule."""
        return _identity(self) == _identity(other)


def _identity(move: BlockedMove) -> tuple[object, ...]:
    return (
        move.event_type,
        move.reason_code,
        move.source_instance_id,
        move.target_instance_id,
        move.rule,
        move.scope,
    )
