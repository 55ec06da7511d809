"""The Protocols of this room: the outbox that is emptied, and the sinks that are told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from switchover.model.trail import OutboxMessage


class Outbox(Protocol):
    """What the relay needs of the store."""

    async def pending_messages(self, limit: int, replica_id: UUID | None = None) -> Sequence[OutboxMessage]:
        """The oldest `limit` messages that are not handed over yet, oldest first; with `replica_id` those it owns."""

    async def mark_delivered(self, message_ids: Sequence[UUID], at: datetime) -> None:
        """Note that messages were handed over."""


class Sink(Protocol):
    """Somebody who must know."""

    async def hand_over(self, message: OutboxMessage) -> None:
        """Take one message. It may come twice: the process may die between handing over and noting it.

        Whatever it raises is logged and harms nobody else.
        """


class Bell(Protocol):
    """Wakes the relay when a message was stored."""

    async def wait(self, seconds: float | None) -> None:
        """Wait until somebody rings, `seconds` at the most."""
