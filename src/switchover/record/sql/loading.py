"""Loading proxies whole: a fixed number of queries, however many there are."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.events import EventStatus
from switchover.record.sql.blocked import blocked_move_of
from switchover.record.sql.drill_rows import drill_of
from switchover.record.sql.drill_schema import IS_OPEN_DRILL, proxy_drills
from switchover.record.sql.event_rows import event_of, past_move_of
from switchover.record.sql.instance_rows import instance_of
from switchover.record.sql.proxy_rows import proxy_of
from switchover.record.sql.redundancy import redundancy_of
from switchover.record.sql.safety_schema import LASTS, blocked_moves
from switchover.record.sql.schema import (
    IS_COMMITTED_MOVE,
    IS_MOVE,
    IS_OPEN_MOVE,
    IS_SCHEDULED_MOVE,
    proxies,
    proxy_failover_configurations,
    proxy_failover_events,
    proxy_instances,
    proxy_redundancy_status,
)
from switchover.record.store import StoredProxy

_EVENTS = proxy_failover_events.c
_POLICY_COLUMNS = [
    column for column in proxy_failover_configurations.c if column.name not in {"proxy_id", "deleted_at"}
]
_LAST_MOVE_STATUS = (
    select(_EVENTS.status)
    .where(_EVENTS.proxy_id == proxies.c.proxy_id, IS_COMMITTED_MOVE)
    # A scheduled move may have been written long before it was made.
    .order_by(_EVENTS.epoch.desc())
    .limit(1)
    .scalar_subquery()
    .label("last_move_status")
)

_MOVES = (
    select(
        _EVENTS.proxy_id,
        _EVENTS.event_type,
        _EVENTS.source_instance_id,
        _EVENTS.target_instance_id,
        _EVENTS.committed_at,
        _EVENTS.trigger,
    )
    .where(IS_MOVE)
    # By epoch: the clocks of replicas differ, and one may have been set back.
    .order_by(_EVENTS.epoch)
)
_RECOVERIES = (
    select(proxy_failover_events)
    .join(proxy_instances, proxy_instances.c.recovery_event_id == _EVENTS.event_id)
    .where(proxy_instances.c.recovery_event_id.is_not(None), proxy_instances.c.deleted_at.is_(None))
)

V = TypeVar("V")


async def load(
    connection: AsyncConnection, moves_since: datetime, proxy_ids: Collection[str] | None = None
) -> Sequence[StoredProxy]:
    """Every live proxy with what belongs to it, by proxy id; or those of `proxy_ids` that there are."""

    def wanted(column: ColumnElement[Any]) -> ColumnElement[bool]:
        return true() if proxy_ids is None else column.in_(sorted(proxy_ids))

    fronts = await connection.execute(
        select(proxies, *_POLICY_COLUMNS, _LAST_MOVE_STATUS)
        .join(proxy_failover_configurations)
        .where(proxies.c.deleted_at.is_(None), wanted(proxies.c.proxy_id))
    )
    instances = await connection.execute(
        select(proxy_instances).where(
            proxy_instances.c.deleted_at.is_(None), wanted(proxy_instances.c.proxy_id)
        )
    )
    moves = await connection.execute(
        _MOVES.where(_EVENTS.committed_at >= moves_since, wanted(_EVENTS.proxy_id))
    )
    # In the order of their indexes, so that the planner takes those small ones.
    open_moves, scheduled_moves = [
        await connection.execute(
            select(proxy_failover_events).where(which, wanted(_EVENTS.proxy_id)).order_by(_EVENTS.proxy_id)
        )
        for which in (IS_OPEN_MOVE, IS_SCHEDULED_MOVE)
    ]
    drills = await connection.execute(
        select(proxy_drills)
        .where(IS_OPEN_DRILL, wanted(proxy_drills.c.proxy_id))
        .order_by(proxy_drills.c.proxy_id)
    )
    recoveries = await connection.execute(_RECOVERIES.where(wanted(proxy_instances.c.proxy_id)))
    statuses = await connection.execute(
        select(proxy_redundancy_status).where(wanted(proxy_redundancy_status.c.proxy_id))
    )
    blocked = await connection.execute(
        # The order of the index of what lasts, as above.
        select(blocked_moves)
        .where(LASTS, wanted(blocked_moves.c.proxy_id))
        .order_by(blocked_moves.c.proxy_id)
    )
    instances_of = _by_proxy(instances, instance_of)
    moves_of = _by_proxy(moves, past_move_of)
    open_move_of = {row.proxy_id: event_of(row) for row in open_moves}
    blocked_of = {row.proxy_id: blocked_move_of(row) for row in blocked}
    scheduled_move_of = {row.proxy_id: event_of(row) for row in scheduled_moves}
    open_drill_of = {row.proxy_id: drill_of(row) for row in drills}
    recoveries_of = _by_proxy(recoveries, event_of)
    redundancy_by_proxy = {row.proxy_id: redundancy_of(row) for row in statuses}
    # Sorted here: a database sorts text by its own collation.
    return [
        StoredProxy(
            proxy=proxy_of(front),
            instances=tuple(sorted(instances_of.get(front.proxy_id, ()), key=attrgetter("instance_id"))),
            moves=tuple(moves_of.get(front.proxy_id, ())),
            open_move=open_move_of.get(front.proxy_id),
            scheduled_move=scheduled_move_of.get(front.proxy_id),
            open_drill=open_drill_of.get(front.proxy_id),
            redundancy=redundancy_by_proxy.get(front.proxy_id),
            recoveries=tuple(recoveries_of.get(front.proxy_id, ())),
            last_move_failed=front.last_move_status == EventStatus.FAILED,
            change_number=front.change_number,
            blocked=blocked_of.get(front.proxy_id),
        )
        for front in sorted(fronts, key=attrgetter("proxy_id"))
    ]


def _by_proxy(
    rows: Iterable[Row[*tuple[Any, ...]]], value_of: Callable[[Row[*tuple[Any, ...]]], V]
) -> dict[str, list[V]]:
    ordered = sorted(rows, key=attrgetter("proxy_id"))
    return {
        proxy_id: [value_of(row) for row in group]
        for proxy_id, group in groupby(ordered, key=attrgetter("proxy_id"))
    }
