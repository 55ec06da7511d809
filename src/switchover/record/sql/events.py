"""Failover events after their intent: closing, verifying, reading."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.errors import NotFound
from switchover.model.events import FailoverEvent
from switchover.model.lease import Fence
from switchover.model.trail import Trail
from switchover.record.conflicts import move_scheduled
from switchover.record.sql.errors import conflicts
from switchover.record.sql.event_rows import event_columns, event_of, outcome_columns
from switchover.record.sql.gradual_rows import gradual_move_document
from switchover.record.sql.locks import lock_instance, lock_proxy
from switchover.record.sql.postgresql_leases import check_fence
from switchover.record.sql.schema import (
    IS_OPEN,
    IS_OPEN_MOVE,
    IS_SCHEDULED_MOVE,
    ONE_SCHEDULED_MOVE,
    proxy_failover_events,
)
from switchover.record.sql.trails import store_trail

_EVENTS = proxy_failover_events.c


async def find_event(connection: AsyncConnection, event_id: UUID) -> FailoverEvent | None:
    """One event; None when there is none."""
    row = (
        await connection.execute(select(proxy_failover_events).where(_EVENTS.event_id == event_id))
    ).first()
    return None if row is None else event_of(row)


async def newest_events(connection: AsyncConnection, proxy_id: str, limit: int) -> Sequence[FailoverEvent]:
    """The newest events of a proxy, newest first."""
    rows = await connection.execute(
        select(proxy_failover_events)
        .where(_EVENTS.proxy_id == proxy_id)
        .order_by(_EVENTS.created_at.desc(), _EVENTS.event_id.desc())
        .limit(limit)
    )
    return [event_of(row) for row in rows]


async def open_events(connection: AsyncConnection, proxy_id: str) -> Sequence[FailoverEvent]:
    """The open events of a proxy, recovery included."""
    rows = await connection.execute(
        select(proxy_failover_events).where(_EVENTS.proxy_id == proxy_id, IS_OPEN)
    )
    return [event_of(row) for row in rows]


async def insert_event(connection: AsyncConnection, event: FailoverEvent) -> None:
    """Store a new event."""
    await connection.execute(insert(proxy_failover_events).values(**event_columns(event)))


async def schedule_move(connection: AsyncConnection, event: FailoverEvent, trail: Trail) -> None:
    """Insert a pending event; the unique index says whether the proxy has one."""
    await lock_proxy(connection, event.proxy_id)
    if event.target_instance_id is not None:
        await lock_instance(connection, event.target_instance_id)
    with conflicts({ONE_SCHEDULED_MOVE: move_scheduled(event.proxy_id)}):
        await insert_event(connection, event)
    await store_trail(connection, trail)


async def begin_scheduled(connection: AsyncConnection, event: FailoverEvent) -> bool:
    """Turn a pending event into the move that it has become; False when it is not pending any more."""
    begun = await connection.execute(
        update(proxy_failover_events)
        .where(_EVENTS.event_id == event.event_id, IS_SCHEDULED_MOVE)
        .values(**event_columns(event))
    )
    return begun.rowcount > 0


async def store_step(connection: AsyncConnection, event: FailoverEvent) -> bool:
    """Write how far an open move in steps has come; False when it is not open any more."""
    stored = await connection.execute(
        update(proxy_failover_events)
        .where(_EVENTS.event_id == event.event_id, IS_OPEN_MOVE)
        .values(gradual=gradual_move_document(event.gradual))
    )
    return stored.rowcount > 0


async def store_outcome(connection: AsyncConnection, event: FailoverEvent, *, was_open: bool = True) -> bool:
    """Write how an event ended; False when no such (open) event is stored."""
    statement = update(proxy_failover_events).where(_EVENTS.event_id == event.event_id)
    if was_open:
        statement = statement.where(IS_OPEN)
    stored = await connection.execute(statement.values(**outcome_columns(event)))
    return stored.rowcount > 0


async def close_event(
    connection: AsyncConnection, event: FailoverEvent, trail: Trail, *, was_open: bool
) -> bool:
    """Write the outcome and its trail, if nobody else closed the event."""
    if not await store_outcome(connection, event, was_open=was_open):
        if await find_event(connection, event.event_id) is None:
            raise NotFound("event", event.event_id)
        return False
    await store_trail(connection, trail)
    return True


async def note_verified(
    connection: AsyncConnection, event_id: UUID, at: datetime, fence: Fence | None
) -> None:
    """Store when the new active was first seen to answer."""
    if fence is not None:
        event = await find_event(connection, event_id)
        if event is None:
            return
        await check_fence(connection, event.proxy_id, fence)
    await connection.execute(
        update(proxy_failover_events)
        .where(_EVENTS.event_id == event_id, _EVENTS.verified_at.is_(None))
        .values(verified_at=at)
    )


def committed(event: FailoverEvent, at: datetime) -> FailoverEvent:
    """The event with `at` as its commit, where it names none."""
    if event.stages.committed_at is not None:
        return event
    return replace(event, stages=replace(event.stages, committed_at=at))
