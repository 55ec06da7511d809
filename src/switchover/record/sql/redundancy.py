"""The redundancy status of a proxy: as a row, and back."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.redundancy import RedundancyStatus
from switchover.model.trail import Trail
from switchover.record.sql.locks import lock_proxy
from switchover.record.sql.schema import proxy_redundancy_status
from switchover.record.sql.trails import store_trail


async def save_redundancy(connection: AsyncConnection, status: RedundancyStatus, trail: Trail) -> None:
    """Store a status that no pass derived."""
    await lock_proxy(connection, status.proxy_id)
    await store_redundancy(connection, status)
    await store_trail(connection, trail)


async def store_redundancy(connection: AsyncConnection, status: RedundancyStatus) -> None:
    """Replace the stored status; the caller holds the proxy's lock, so nobody inserts in between."""
    columns = {
        "total_instances": status.total_instances,
        "healthy_instances": status.healthy_instances,
        "unhealthy_instances": status.unhealthy_instances,
        "active_instance_id": status.active_instance_id,
        "backup_instance_ids": [str(instance_id) for instance_id in status.backup_instance_ids],
        "redundancy_level": status.redundancy_level,
        "is_degraded": status.is_degraded,
        "last_failover_at": status.last_failover_at,
        "last_failover_reason": status.last_failover_reason,
        "epoch": status.epoch,
        "source": status.source,
        "updated_at": status.updated_at,
    }
    replaced = await connection.execute(
        update(proxy_redundancy_status)
        .where(proxy_redundancy_status.c.proxy_id == status.proxy_id)
        .values(**columns)
    )
    if replaced.rowcount == 0:
        await connection.execute(insert(proxy_redundancy_status).values(proxy_id=status.proxy_id, **columns))


def redundancy_of(row: Row[*tuple[Any, ...]]) -> RedundancyStatus:
    """The status in a row of `proxy_redundancy_status`."""
    return RedundancyStatus(
        proxy_id=row.proxy_id,
        total_instances=row.total_instances,
        healthy_instances=row.healthy_instances,
        unhealthy_instances=row.unhealthy_instances,
        active_instance_id=row.active_instance_id,
        backup_instance_ids=tuple(UUID(text) for text in row.backup_instance_ids),
        redundancy_level=row.redundancy_level,
        is_degraded=row.is_degraded,
        last_failover_at=row.last_failover_at,
        last_failover_reason=row.last_failover_reason,
        epoch=row.epoch,
        source=row.source,
        updated_at=row.updated_at,
    )
