"""Forgetting what is older than people want to keep, in batches that hold no writer up."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.record.sql.drill_schema import IS_ENDED_DRILL, proxy_drills
from switchover.record.sql.safety_schema import blocked_moves
from switchover.record.sql.schema import proxy_failover_events, proxy_instance_metrics
from switchover.record.sql.trail_schema import outbox_messages
from switchover.record.sql.transition_schema import instance_health_transitions

BATCH = 500
"""Rows that one transaction deletes at the most."""


def expired(
    *,
    events_before: datetime,
    metrics_before: datetime,
    messages_before: datetime,
    transitions_before: datetime,
) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Which rows of which tables may go."""
    events, newer = proxy_failover_events, proxy_failover_events.alias("newer")
    # An open event has no `completed_at`. The newest one stays, so that a quiet proxy still says how it got here.
    is_not_newest = (
        select(newer.c.event_id)
        .where(
            newer.c.proxy_id == events.c.proxy_id,
            or_(
                newer.c.created_at > events.c.created_at,
                (newer.c.created_at == events.c.created_at) & (newer.c.event_id > events.c.event_id),
            ),
        )
        .exists()
    )
    yield events, (events.c.completed_at < events_before) & is_not_newest
    yield blocked_moves, blocked_moves.c.ended_at < events_before
    yield proxy_drills, and_(IS_ENDED_DRILL, proxy_drills.c.finished_at < events_before)
    yield proxy_instance_metrics, proxy_instance_metrics.c.recorded_at < metrics_before
    yield outbox_messages, outbox_messages.c.delivered_at < messages_before
    yield instance_health_transitions, instance_health_transitions.c.occurred_at < transitions_before


async def delete_batch(connection: AsyncConnection, table: Table, which: ColumnElement[bool]) -> int:
    """Delete at most `BATCH` rows; how many went."""
    key: ColumnElement[Any] = next(iter(table.primary_key))
    # Another replica may prune at the same time: what it holds is its to delete.
    batch = select(key).where(which).limit(BATCH).with_for_update(skip_locked=True)
    gone = await connection.execute(delete(table).where(key.in_(batch)))
    return gone.rowcount
