"""Every way by which replicas share the proxies, and tell each other."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from tests.postgresql_server import PostgresqlServer

from switchover.app.clock import SystemClock
from switchover.model.lease import Replica
from switchover.record.exchange import Exchange
from switchover.record.membership import Membership
from switchover.record.sql.company import open_shared
from switchover.record.store import Store
from switchover.testing.memory_company import MemoryCompany

LONG = 3600.0


class Way:
    """One replica's ways to what is shared."""

    def __init__(self, number: int, store: Store, membership: Membership, exchange: Exchange) -> None:
        self.store, self.membership, self.exchange = store, membership, exchange
        self.replica = Replica(
            replica_id=UUID(int=number),
            name=f"r{number}",
            url=f"http://r{number}:8700",
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
        )

    @property
    def replica_id(self) -> UUID:
        return self.replica.replica_id

    async def live(self, seconds: float = LONG) -> None:
        """Have a session from now on."""
        await self.membership.renew(self.replica, seconds)


Ways = Callable[[int], Awaitable[Way]]


@pytest.fixture(params=["memory", "postgresql"])
async def ways(request: pytest.FixtureRequest, postgresql_server: PostgresqlServer) -> AsyncIterator[Ways]:
    """Opens the ways of replica number N to one shared, empty record."""
    async with contextlib.AsyncExitStack() as ending:
        if request.param == "memory":
            company = MemoryCompany(SystemClock())

            async def open_way(number: int) -> Way:
                way = company.way()
                return Way(number, company.store, way, way)

        else:
            url = postgresql_server.url(await ending.enter_async_context(postgresql_server.database()))

            async def open_way(number: int) -> Way:
                shared = await open_shared(url, replica_id=UUID(int=number), clock=SystemClock())
                ending.push_async_callback(shared.store.close)
                return Way(number, shared.store, shared.membership, shared.exchange)

        yield open_way
