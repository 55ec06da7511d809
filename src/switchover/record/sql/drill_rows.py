"""Drills: as rows and back, stored and read."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.actor import Actor
from switchover.model.drills import Drill
from switchover.model.trail import Trail
from switchover.record.conflicts import drill_open
from switchover.record.sql.drill_schema import ONE_OPEN_DRILL, proxy_drills
from switchover.record.sql.errors import conflicts
from switchover.record.sql.locks import lock_proxy
from switchover.record.sql.trails import store_trail

_DRILLS = proxy_drills.c


async def save_drill(connection: AsyncConnection, drill: Drill, trail: Trail) -> None:
    """Insert a drill, or update it; the unique index says whether the proxy has another open one."""
    await lock_proxy(connection, drill.proxy_id)
    columns = _columns(drill)
    with conflicts({ONE_OPEN_DRILL: drill_open(drill.proxy_id)}):
        saved = await connection.execute(
            update(proxy_drills).where(_DRILLS.drill_id == drill.drill_id).values(**columns)
        )
        if saved.rowcount == 0:
            await connection.execute(insert(proxy_drills).values(drill_id=drill.drill_id, **columns))
    await store_trail(connection, trail)


async def newest_drills(connection: AsyncConnection, proxy_id: str, limit: int) -> Sequence[Drill]:
    """The newest drills of a proxy, newest first."""
    rows = await connection.execute(
        select(proxy_drills)
        .where(_DRILLS.proxy_id == proxy_id)
        .order_by(_DRILLS.created_at.desc(), _DRILLS.drill_id.desc())
        .limit(limit)
    )
    return [drill_of(row) for row in rows]


def drill_of(row: Row[*tuple[Any, ...]]) -> Drill:
    """The drill in a row of `proxy_drills`."""
    return Drill(
        drill_id=row.drill_id,
        proxy_id=row.proxy_id,
        status=row.status,
        actor=Actor(kind=row.actor_kind, name=row.actor_name, sees_all=row.actor_sees_all),
        reason=row.reason,
        hold_seconds=row.hold_seconds,
        scheduled_at=row.scheduled_at,
        home_instance_id=row.home_instance_id,
        target_instance_id=row.target_instance_id,
        out_event_id=row.out_event_id,
        back_event_id=row.back_event_id,
        created_at=row.created_at,
        started_at=row.started_at,
        moved_at=row.moved_at,
        finished_at=row.finished_at,
        outcome=row.outcome,
        message=row.message,
    )


def _columns(drill: Drill) -> dict[str, Any]:
    return {
        "proxy_id": drill.proxy_id,
        "status": drill.status,
        "actor_kind": drill.actor.kind,
        "actor_name": drill.actor.name,
        "actor_sees_all": drill.actor.sees_all,
        "reason": drill.reason,
        "hold_seconds": drill.hold_seconds,
        "scheduled_at": drill.scheduled_at,
        "home_instance_id": drill.home_instance_id,
        "target_instance_id": drill.target_instance_id,
        "out_event_id": drill.out_event_id,
        "back_event_id": drill.back_event_id,
        "created_at": drill.created_at,
        "started_at": drill.started_at,
        "moved_at": drill.moved_at,
        "finished_at": drill.finished_at,
        "outcome": drill.outcome,
        "message": drill.message,
    }
