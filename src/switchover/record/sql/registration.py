"""Registering, changing and deleting instances, and what was measured of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.errors import NotFound
from switchover.model.instance import Instance
from switchover.model.lease import Fence
from switchover.model.trail import Trail
from switchover.record.conflicts import instance_id_taken, instance_name_taken
from switchover.record.sql.changes import as_owner
from switchover.record.sql.errors import conflicts
from switchover.record.sql.instance_rows import health_columns, ordered_columns, usage_columns
from switchover.record.sql.locks import lock_proxy
from switchover.record.sql.postgresql_leases import fenced
from switchover.record.sql.recoveries import end_recovery
from switchover.record.sql.schema import ONE_INSTANCE_NAME, proxy_instances
from switchover.record.sql.trails import store_trail

_INSTANCE_KEY = str(proxy_instances.primary_key.name)


async def add_instance(connection: AsyncConnection, instance: Instance, trail: Trail) -> None:
    """Insert an instance."""
    await lock_proxy(connection, instance.proxy_id)
    taken = {
        ONE_INSTANCE_NAME: instance_name_taken(instance),
        _INSTANCE_KEY: instance_id_taken(instance.instance_id),
    }
    with conflicts(taken):
        await connection.execute(
            insert(proxy_instances).values(
                instance_id=instance.instance_id,
                proxy_id=instance.proxy_id,
                created_at=instance.created_at,
                **ordered_columns(instance),
                **health_columns(instance),
                **usage_columns(instance),
            )
        )
    await store_trail(connection, trail)


async def save_instance(connection: AsyncConnection, instance: Instance, trail: Trail) -> None:
    """Update what people say, and the health; usage is the flush's."""
    with conflicts({ONE_INSTANCE_NAME: instance_name_taken(instance)}):
        saved = await connection.execute(
            update(proxy_instances)
            .where(
                proxy_instances.c.instance_id == instance.instance_id,
                proxy_instances.c.deleted_at.is_(None),
            )
            .values(**ordered_columns(instance), **health_columns(instance))
        )
    if saved.rowcount == 0:
        raise NotFound("instance", instance.instance_id)
    await store_trail(connection, trail)


async def delete_instance(
    connection: AsyncConnection, instance_id: UUID, at: datetime, trail: Trail, fence: Fence | None
) -> None:
    """Mark an instance as deleted."""
    home = select(proxy_instances.c.proxy_id).where(proxy_instances.c.instance_id == instance_id)
    proxy_id = (await connection.execute(home)).scalar_one_or_none()
    if proxy_id is None:
        raise NotFound("instance", instance_id)
    await as_owner(connection, proxy_id, fence, _mark_deleted, instance_id, at)
    await store_trail(connection, trail)


async def _mark_deleted(connection: AsyncConnection, instance_id: UUID, at: datetime) -> None:
    deleted = await connection.execute(
        update(proxy_instances)
        .where(proxy_instances.c.instance_id == instance_id, proxy_instances.c.deleted_at.is_(None))
        .values(deleted_at=at)
    )
    if deleted.rowcount == 0:
        raise NotFound("instance", instance_id)
    await end_recovery(connection, instance_id, at)


async def flush_instances(
    connection: AsyncConnection, instances: Sequence[Instance], fences: Mapping[str, Fence] | None
) -> None:
    """Store what was measured of the instances of proxies that are ours.

    Not numbered as changes: counters that moved are no news, or every replica would load everything all the time.
    """
    if fences is not None:
        ours = await fenced(connection, fences)
        instances = [instance for instance in instances if instance.proxy_id in ours]
    await store_measured(connection, instances, proxy_instances.c.health_status == bindparam("health_status"))


async def store_measured(
    connection: AsyncConnection, instances: Sequence[Instance], *only: ColumnElement[bool]
) -> None:
    """Update health, usage and resolved host of many instances with one statement, those alone of which `only` is true."""
    if not instances:
        return
    # Two writers that take rows in the same order cannot block each other for ever.
    rows = [
        {"key": instance.instance_id, **health_columns(instance), **usage_columns(instance)}
        for instance in sorted(instances, key=lambda instance: instance.instance_id)
    ]
    columns = [name for name in rows[0] if name != "key"]
    await connection.execute(
        update(proxy_instances)
        .where(
            proxy_instances.c.instance_id == bindparam("key"), proxy_instances.c.deleted_at.is_(None), *only
        )
        .values({name: bindparam(name) for name in columns}),
        rows,
    )
