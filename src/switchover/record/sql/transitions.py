"""Transitions of health: written with the pass that believed them, read newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.transition import HealthTransition
from switchover.record.sql.transition_schema import instance_health_transitions

_TRANSITIONS = instance_health_transitions.c


async def store_transitions(connection: AsyncConnection, transitions: Sequence[HealthTransition]) -> None:
    """Insert what turned."""
    if transitions:
        await connection.execute(
            insert(instance_health_transitions), [_columns(transition) for transition in transitions]
        )


async def newest_transitions(
    connection: AsyncConnection, proxy_id: str, since: datetime, until: datetime, limit: int
) -> Sequence[HealthTransition]:
    """The newest transitions of a proxy's instances between two times, both included."""
    rows = await connection.execute(
        select(instance_health_transitions)
        .where(_TRANSITIONS.proxy_id == proxy_id, _TRANSITIONS.occurred_at.between(since, until))
        .order_by(_TRANSITIONS.occurred_at.desc(), _TRANSITIONS.transition_id.desc())
        .limit(limit)
    )
    return [_transition_of(row) for row in rows]


def _columns(transition: HealthTransition) -> dict[str, Any]:
    return {
        "transition_id": transition.transition_id,
        "proxy_id": transition.proxy_id,
        "instance_id": transition.instance_id,
        "occurred_at": transition.at,
        "from_status": transition.before,
        "to_status": transition.after,
        "reason": transition.reason,
        "code": transition.code,
        "consecutive_failures": transition.consecutive_failures,
        "consecutive_passes": transition.consecutive_passes,
        "first_failed_at": transition.first_failed_at,
    }


def _transition_of(row: Row[*tuple[Any, ...]]) -> HealthTransition:
    return HealthTransition(
        transition_id=row.transition_id,
        proxy_id=row.proxy_id,
        instance_id=row.instance_id,
        at=row.occurred_at,
        before=row.from_status,
        after=row.to_status,
        reason=row.reason,
        code=row.code,
        consecutive_failures=row.consecutive_failures,
        consecutive_passes=row.consecutive_passes,
        first_failed_at=row.first_failed_at,
    )
