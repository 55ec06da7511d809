"""Committing one pass of the cycle: the compare-and-set of a move and everything that goes with it."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.errors import NotFound
from switchover.record.conflicts import active_moved, move_open, move_over, schedule_gone
from switchover.record.sql.blocked import note_blocked
from switchover.record.sql.errors import conflicts
from switchover.record.sql.events import (
    begin_scheduled,
    committed,
    insert_event,
    store_outcome,
    store_step,
)
from switchover.record.sql.locks import lock_instance, lock_proxy
from switchover.record.sql.redundancy import store_redundancy
from switchover.record.sql.registration import store_measured
from switchover.record.sql.schema import ONE_OPEN_MOVE, proxies
from switchover.record.sql.scopes import check_rules
from switchover.record.sql.steadiness_rows import pin_document
from switchover.record.sql.trails import store_trail
from switchover.record.sql.transitions import store_transitions
from switchover.record.store import Move, Pass, Stepped


async def commit_pass(connection: AsyncConnection, change: Pass) -> None:
    """Store one pass; the move or step comes first, because it may be refused."""
    if change.move is not None:
        await _move(connection, change, change.move)
    elif change.step is not None:
        await _step(connection, change.proxy_id, change.step)
    else:
        await lock_proxy(connection, change.proxy_id)
    await store_measured(connection, change.instances)
    await note_blocked(connection, change.blocked)
    await store_transitions(connection, change.transitions)
    if change.redundancy is not None:
        await store_redundancy(connection, change.redundancy)
    await store_trail(connection, change.trail)


async def _move(connection: AsyncConnection, change: Pass, move: Move) -> None:
    moved = await connection.execute(
        update(proxies)
        .where(
            proxies.c.proxy_id == change.proxy_id,
            proxies.c.deleted_at.is_(None),
            proxies.c.active_instance_id.is_not_distinct_from(move.seen_active_instance_id),
            proxies.c.epoch == move.seen_epoch,
        )
        .values(
            active_instance_id=move.event.target_instance_id,
            epoch=move.event.epoch,
            pinned_instance_id=move.pin,
            pin_note=pin_document(move.pin_note),
        )
    )
    if moved.rowcount == 0:
        await _refuse(connection, change.proxy_id)
    await check_rules(connection, change, move)
    if move.event.target_instance_id is not None:
        # The compare-and-set does not see that somebody deleted the target meanwhile.
        measured = (instance.instance_id for instance in change.instances)
        await lock_instance(connection, move.event.target_instance_id, *measured)
    if move.superseded is not None:
        await store_outcome(connection, move.superseded)
    still_open = move_open(change.proxy_id, move.seen_active_instance_id, move.seen_epoch)
    with conflicts({ONE_OPEN_MOVE: still_open}):
        event = committed(move.event, change.at)
        if not move.scheduled:
            await insert_event(connection, event)
        elif not await begin_scheduled(connection, event):
            raise schedule_gone(change.proxy_id, move.seen_active_instance_id, move.seen_epoch)


async def _step(connection: AsyncConnection, proxy_id: str, step: Stepped) -> None:
    stepped = await connection.execute(
        update(proxies)
        .where(
            proxies.c.proxy_id == proxy_id,
            proxies.c.deleted_at.is_(None),
            proxies.c.active_instance_id.is_not_distinct_from(step.seen_active_instance_id),
            proxies.c.epoch == step.seen_epoch,
        )
        .values(epoch=step.seen_epoch + 1)
    )
    if stepped.rowcount == 0:
        await _refuse(connection, proxy_id)
    if not await store_step(connection, step.event):
        raise move_over(proxy_id, step.seen_active_instance_id, step.seen_epoch)


async def _refuse(connection: AsyncConnection, proxy_id: str) -> None:
    stored = (
        await connection.execute(
            select(proxies.c.active_instance_id, proxies.c.epoch).where(
                proxies.c.proxy_id == proxy_id, proxies.c.deleted_at.is_(None)
            )
        )
    ).first()
    if stored is None:
        raise NotFound("proxy", proxy_id)
    raise active_moved(proxy_id, stored.active_instance_id, stored.epoch)
