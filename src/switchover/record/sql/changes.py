"""Every change of a proxy is numbered, so that replicas which follow it know whether they are behind."""

from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.lease import Fence
from switchover.record.sql.postgresql_leases import check_fence
from switchover.record.sql.postgresql_notes import proxy_changed, tell
from switchover.record.sql.schema import proxies

P = ParamSpec("P")
T = TypeVar("T")


async def as_owner(
    connection: AsyncConnection,
    proxy_id: str,
    fence: Fence | None,
    work: Callable[Concatenate[AsyncConnection, P], Awaitable[T]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """What `work` returns, done under the fence and numbered.

    The lease is locked first, the proxy second, whatever belongs to it after that: so no two transactions can wait
    for each other.

    Raises:
        LostLease: The fence is outdated.
    """
    await check_fence(connection, proxy_id, fence)
    await touch(connection, proxy_id)
    return await work(connection, *args, **kwargs)


async def touch(connection: AsyncConnection, proxy_id: str) -> None:
    """Number a change of the proxy and tell the other replicas of it; a proxy that does not exist is ignored."""
    await connection.execute(
        update(proxies)
        .where(proxies.c.proxy_id == proxy_id)
        .values(change_number=proxies.c.change_number + 1, changed_at=func.current_timestamp())
    )
    await tell(connection, proxy_changed(proxy_id))
