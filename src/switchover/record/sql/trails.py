"""Audit entries and outbox messages: written beside the change, read by people and by the relay."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.actor import Actor
from switchover.model.trail import AuditEntry, OutboxMessage, Trail
from switchover.record.sql.company_schema import leases
from switchover.record.sql.schema import proxies
from switchover.record.sql.trail_schema import UNDELIVERED, audit_log, outbox_messages


async def store_trail(connection: AsyncConnection, trail: Trail) -> None:
    """Insert what one transaction leaves behind."""
    if trail.audit:
        await connection.execute(insert(audit_log), [_entry_columns(entry) for entry in trail.audit])
    if trail.messages:
        await connection.execute(
            insert(outbox_messages), [_message_columns(message) for message in trail.messages]
        )


async def newest_audit(connection: AsyncConnection, proxy_id: str, limit: int) -> Sequence[AuditEntry]:
    """The newest audit entries of a proxy, newest first."""
    rows = await connection.execute(
        select(audit_log)
        .where(audit_log.c.proxy_id == proxy_id)
        .order_by(audit_log.c.occurred_at.desc(), audit_log.c.entry_id.desc())
        .limit(limit)
    )
    return [_entry_of(row) for row in rows]


async def pending_messages(
    connection: AsyncConnection, limit: int, replica_id: UUID | None
) -> Sequence[OutboxMessage]:
    """The oldest messages that are not handed over yet, oldest first; of the proxies of one replica and of deleted ones, or
    of all.
    """
    pending = select(outbox_messages).where(UNDELIVERED)
    if replica_id is not None:
        pending = (
            pending.join(proxies, proxies.c.proxy_id == outbox_messages.c.proxy_id)
            .outerjoin(leases, leases.c.proxy_id == outbox_messages.c.proxy_id)
            .where(or_(leases.c.replica_id == replica_id, proxies.c.deleted_at.is_not(None)))
        )
    rows = await connection.execute(pending.order_by(outbox_messages.c.message_id).limit(limit))
    return [_message_of(row) for row in rows]


async def mark_delivered(connection: AsyncConnection, message_ids: Sequence[UUID], at: datetime) -> None:
    """Note when messages were handed over; the first time counts."""
    if message_ids:
        await connection.execute(
            update(outbox_messages)
            .where(outbox_messages.c.message_id == bindparam("key"), UNDELIVERED)
            .values(delivered_at=at),
            [{"key": message_id} for message_id in sorted(message_ids)],
        )


def _entry_columns(entry: AuditEntry) -> dict[str, Any]:
    return {
        "entry_id": entry.entry_id,
        "occurred_at": entry.at,
        "actor_kind": entry.actor.kind,
        "actor_name": entry.actor.name,
        "actor_sees_all": entry.actor.sees_all,
        "action": entry.action,
        "proxy_id": entry.proxy_id,
        "subject_id": entry.subject_id,
        "detail": dict(entry.detail),
    }


def _entry_of(row: Row[*tuple[Any, ...]]) -> AuditEntry:
    return AuditEntry(
        entry_id=row.entry_id,
        at=row.occurred_at,
        actor=Actor(kind=row.actor_kind, name=row.actor_name, sees_all=row.actor_sees_all),
        action=row.action,
        proxy_id=row.proxy_id,
        subject_id=row.subject_id,
        detail=row.detail,
    )


def _message_columns(message: OutboxMessage) -> dict[str, Any]:
    return {
        "message_id": message.message_id,
        "occurred_at": message.at,
        "topic": message.topic,
        "proxy_id": message.proxy_id,
        "owner_id": message.owner_id,
        "payload": dict(message.payload),
    }


def _message_of(row: Row[*tuple[Any, ...]]) -> OutboxMessage:
    return OutboxMessage(
        message_id=row.message_id,
        at=row.occurred_at,
        topic=row.topic,
        proxy_id=row.proxy_id,
        owner_id=row.owner_id,
        payload=row.payload,
    )
