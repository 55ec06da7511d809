"""Blocked moves: noted by passes, ended by them or with their proxy, read by people."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.blocked import BlockedMove
from switchover.record.sql.safety_schema import LASTS, blocked_moves

_COLUMNS = blocked_moves.c


async def note_blocked(connection: AsyncConnection, moves: Sequence[BlockedMove]) -> None:
    """Store how blocked moves stand, new ones included."""
    for move in moves:
        known = await connection.execute(
            update(blocked_moves)
            .where(_COLUMNS.blocked_id == move.blocked_id)
            .values(last_at=move.last_at, decisions=move.count, ended_at=move.ended_at)
        )
        if known.rowcount == 0:
            await connection.execute(insert(blocked_moves).values(**_columns(move)))


async def end_blocked(connection: AsyncConnection, proxy_id: str, at: datetime) -> None:
    """End what is blocked of a proxy."""
    await connection.execute(
        update(blocked_moves).where(_COLUMNS.proxy_id == proxy_id, LASTS).values(ended_at=at)
    )


async def newest_blocked(connection: AsyncConnection, proxy_id: str, limit: int) -> Sequence[BlockedMove]:
    """The newest blocked moves of a proxy, newest first."""
    rows = await connection.execute(
        select(blocked_moves)
        .where(_COLUMNS.proxy_id == proxy_id)
        .order_by(_COLUMNS.first_at.desc(), _COLUMNS.blocked_id.desc())
        .limit(limit)
    )
    return [blocked_move_of(row) for row in rows]


def blocked_move_of(row: Row[*tuple[Any, ...]]) -> BlockedMove:
    """The blocked move in a row."""
    return BlockedMove(
        blocked_id=row.blocked_id,
        proxy_id=row.proxy_id,
        event_type=row.event_type,
        trigger=row.trigger,
        source_instance_id=row.source_instance_id,
        target_instance_id=row.target_instance_id,
        reason=row.reason,
        reason_code=row.reason_code,
        rule=row.rule,
        scope=row.scope,
        message=row.message,
        evidence=row.evidence,
        first_at=row.first_at,
        last_at=row.last_at,
        count=row.decisions,
        ended_at=row.ended_at,
    )


def _columns(move: BlockedMove) -> dict[str, Any]:
    return {
        "blocked_id": move.blocked_id,
        "proxy_id": move.proxy_id,
        "event_type": move.event_type,
        "trigger": move.trigger,
        "source_instance_id": move.source_instance_id,
        "target_instance_id": move.target_instance_id,
        "reason": move.reason,
        "reason_code": move.reason_code,
        "rule": move.rule,
        "scope": move.scope,
        "message": move.message,
        "evidence": dict(move.evidence),
        "first_at": move.first_at,
        "last_at": move.last_at,
        "decisions": move.count,
        "ended_at": move.ended_at,
    }
