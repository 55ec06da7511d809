"""Row locks: what a transaction read of a proxy or an instance stays true until it ends.

Always FOR NO KEY UPDATE: keys never change, and a plain FOR UPDATE would keep everybody else from inserting a row
that names the proxy, such as an outbox message, and could deadlock with them. SQLite has one writer, who holds the
whole file; SQLAlchemy leaves these words out there.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.errors import NotFound
from switchover.record.sql.schema import proxies, proxy_instances


async def lock_proxy(connection: AsyncConnection, proxy_id: str) -> None:
    """Keep other writers off a proxy until the transaction ends.

    Raises:
        NotFound: It does not exist (any more).
    """
    live = select(proxies.c.proxy_id).where(proxies.c.proxy_id == proxy_id, proxies.c.deleted_at.is_(None))
    if (await connection.execute(live.with_for_update(key_share=True))).first() is None:
        raise NotFound("proxy", proxy_id)


async def lock_instance(connection: AsyncConnection, instance_id: UUID, *others: UUID) -> None:
    """Keep other writers off an instance, and off others that are written later, until the transaction ends.

    All are taken in the order of their ids, as a batch takes them: then no two transactions wait for each other.

    Raises:
        NotFound: The first does not exist (any more).
    """
    live = select(proxy_instances.c.instance_id).where(
        proxy_instances.c.instance_id.in_([instance_id, *others]), proxy_instances.c.deleted_at.is_(None)
    )
    in_order = live.order_by(proxy_instances.c.instance_id).with_for_update(key_share=True)
    if instance_id not in (await connection.execute(in_order)).scalars().all():
        raise NotFound("instance", instance_id)
