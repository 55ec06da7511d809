"""What a change leaves behind for people and for other programs: audit entries and outbox messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from switchover.model.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who changed what, when.

    Attributes:
        entry_id: UUIDv7.
        at: Wall clock, UTC.
        actor: Who.
        action: A stable word: `config.save`, `instance.register`, `failover.commit`, ….
        proxy_id: The proxy it concerns.
        subject_id: The instance or event it concerns; None for the proxy itself.
        detail: What changed, JSON-ready, no secret.
    """

    entry_id: UUID
    at: datetime
    actor: Actor
    action: str
    proxy_id: str
    subject_id: UUID | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


class Topic(StrEnum):
    """What an outbox message tells."""

    MOVE_COMMITTED = "move.committed"
    MOVE_CLOSED = "move.closed"
    INSTANCE_UNHEALTHY = "instance.unhealthy"
    INSTANCE_HEALTHY = "instance.healthy"
    REDUNDANCY_CHANGED = "redundancy.changed"
    MOVE_BLOCKED = "move.blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """A message stored in the transaction of the fact that it tells.

    Attributes:
        message_id: UUIDv7; messages are handed over in this order per proxy.
        at: When the fact came to be.
        topic: What it tells.
        proxy_id: The proxy it concerns.
        owner_id: Whose proxy that is.
        payload: JSON-ready, in the API's names.
    """

    message_id: UUID
    at: datetime
    topic: Topic
    proxy_id: str
    owner_id: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What one transaction writes beside the change itself."""

    audit: tuple[AuditEntry, ...] = ()
    messages: tuple[OutboxMessage, ...] = ()


NO_TRAIL = Trail()
