"""What a database does to a value on its way: documents become JSON, times without a zone are refused."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import Any

from switchover.model.blocked import BlockedMove
from switchover.model.events import FailoverEvent
from switchover.model.trail import AuditEntry, OutboxMessage


def stored_event(event: FailoverEvent) -> FailoverEvent:
    """The event as it comes back."""
    return replace(event, evidence=_document(event.evidence))


def stored_entry(entry: AuditEntry) -> AuditEntry:
    """The audit entry as it comes back."""
    return replace(entry, detail=_document(entry.detail))


def stored_blocked(move: BlockedMove) -> BlockedMove:
    """The blocked move as it comes back."""
    return replace(move, evidence=_document(move.evidence))


def stored_message(message: OutboxMessage) -> OutboxMessage:
    """The message as it comes back."""
    return replace(message, payload=_document(message.payload))


def check_times(value: object) -> None:
    """Refuse a time without a zone anywhere in a value, its fields or its items.

    Raises:
        ValueError: There is one.
    """
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"a stored time needs a time zone; {value.isoformat()} has none")
    if isinstance(value, tuple | list):
        for item in value:
            check_times(item)
    elif is_dataclass(value):
        for field in fields(value):
            check_times(getattr(value, field.name))


def _document(mapping: Mapping[str, Any]) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(dict(mapping), allow_nan=False))
    return copied
