"""Creating, changing and deleting proxies."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.drills import DrillOutcome, DrillStatus
from switchover.model.errors import Conflict
from switchover.model.events import Closing, EventStatus, close
from switchover.model.proxy import Proxy
from switchover.model.trail import Trail
from switchover.record.conflicts import listener_taken, policy_changed, proxy_id_taken
from switchover.record.outcomes import PROXY_DELETED
from switchover.record.sql.blocked import end_blocked
from switchover.record.sql.changes import touch
from switchover.record.sql.drill_schema import IS_OPEN_DRILL, proxy_drills
from switchover.record.sql.errors import conflicts
from switchover.record.sql.events import open_events, store_outcome
from switchover.record.sql.locks import lock_proxy
from switchover.record.sql.proxy_rows import policy_columns
from switchover.record.sql.recoveries import forget_secrets
from switchover.record.sql.schema import (
    ONE_LISTENER,
    proxies,
    proxy_failover_configurations,
    proxy_instances,
    proxy_redundancy_status,
)
from switchover.record.sql.scopes import forget_proxy
from switchover.record.sql.steadiness_rows import pin_document
from switchover.record.sql.trails import store_trail


async def create_proxy(connection: AsyncConnection, proxy: Proxy, trail: Trail) -> int:
    """Insert or revive a proxy; its epoch as stored."""
    taken = select(proxies.c.owner_id, proxies.c.epoch, proxies.c.deleted_at)
    stored = (
        await connection.execute(
            taken.where(proxies.c.proxy_id == proxy.proxy_id).with_for_update(key_share=True)
        )
    ).first()
    if stored is not None and (stored.deleted_at is None or stored.owner_id != proxy.owner_id):
        raise proxy_id_taken(proxy.proxy_id)
    epoch = proxy.epoch if stored is None else max(stored.epoch, proxy.epoch)
    columns = _wanted(proxy) | {
        "owner_id": proxy.owner_id,
        "active_instance_id": proxy.active_instance_id,
        "epoch": epoch,
        "created_at": proxy.created_at,
    }
    with conflicts(_taken(proxy)):
        if stored is None:
            await connection.execute(insert(proxies).values(proxy_id=proxy.proxy_id, **columns))
            await connection.execute(
                insert(proxy_failover_configurations).values(
                    proxy_id=proxy.proxy_id, **policy_columns(proxy.policy)
                )
            )
        else:
            await connection.execute(
                update(proxies).where(proxies.c.proxy_id == proxy.proxy_id).values(**columns, deleted_at=None)
            )
            await _store_policy(connection, proxy)
    await touch(connection, proxy.proxy_id)
    await store_trail(connection, trail)
    return epoch


async def save_policy(connection: AsyncConnection, proxy: Proxy, trail: Trail) -> None:
    """Compare-and-set on the generation."""
    await lock_proxy(connection, proxy.proxy_id)
    saved = await connection.execute(
        update(proxies)
        .where(proxies.c.proxy_id == proxy.proxy_id, proxies.c.generation == proxy.generation - 1)
        .values(**_wanted(proxy))
    )
    if saved.rowcount == 0:
        generation = select(proxies.c.generation).where(proxies.c.proxy_id == proxy.proxy_id)
        raise policy_changed(proxy.proxy_id, (await connection.execute(generation)).scalar_one())
    with conflicts(_taken(proxy)):
        await _store_policy(connection, proxy)
    await store_trail(connection, trail)


async def delete_proxy(connection: AsyncConnection, proxy_id: str, at: datetime, trail: Trail) -> None:
    """Mark everything of the proxy as deleted and close what is open."""
    await lock_proxy(connection, proxy_id)
    for table in (proxies, proxy_failover_configurations, proxy_instances):
        await connection.execute(
            update(table)
            .where(table.c.proxy_id == proxy_id, table.c.deleted_at.is_(None))
            .values(deleted_at=at)
        )
    # A status is of now, not history; a revived proxy starts without one.
    await connection.execute(
        proxy_redundancy_status.delete().where(proxy_redundancy_status.c.proxy_id == proxy_id)
    )
    await connection.execute(
        update(proxy_drills)
        .where(proxy_drills.c.proxy_id == proxy_id, IS_OPEN_DRILL)
        .values(
            status=DrillStatus.FAILED,
            finished_at=at,
            outcome=DrillOutcome.CANCELLED,
            message=PROXY_DELETED,
        )
    )
    await forget_secrets(connection, proxy_id)
    outcome = Closing(status=EventStatus.FAILED, at=at, error_message=PROXY_DELETED)
    for event in await open_events(connection, proxy_id):
        await store_outcome(connection, close(event, outcome))
    await end_blocked(connection, proxy_id, at)
    await forget_proxy(connection, proxy_id)
    await store_trail(connection, trail)


async def raise_epoch(connection: AsyncConnection, proxy_id: str, epoch: int, trail: Trail) -> bool:
    """Set the epoch if the stored one is below."""
    raised = await connection.execute(
        update(proxies)
        .where(
            proxies.c.proxy_id == proxy_id,
            proxies.c.deleted_at.is_(None),
            proxies.c.epoch < epoch,
        )
        .values(epoch=epoch)
    )
    if raised.rowcount == 0:
        return False
    await store_trail(connection, trail)
    return True


def _wanted(proxy: Proxy) -> dict[str, Any]:
    return {
        "generation": proxy.generation,
        "pinned_instance_id": proxy.pinned_instance_id,
        "pin_note": pin_document(proxy.pin_note),
        "updated_at": proxy.updated_at,
    }


async def _store_policy(connection: AsyncConnection, proxy: Proxy) -> None:
    await connection.execute(
        update(proxy_failover_configurations)
        .where(proxy_failover_configurations.c.proxy_id == proxy.proxy_id)
        .values(**policy_columns(proxy.policy), deleted_at=None)
    )


def _taken(proxy: Proxy) -> dict[str, Conflict]:
    words = {str(proxies.primary_key.name): proxy_id_taken(proxy.proxy_id)}
    if proxy.policy.listener is not None:
        words[ONE_LISTENER] = listener_taken(proxy.policy.listener)
    return words
