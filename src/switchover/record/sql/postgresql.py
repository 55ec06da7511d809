"""Everything that only PostgreSQL can do or needs: its connections, their settings, its locks.

Sources: https://www.postgresql.org/docs/current/runtime-config-client.html,
https://www.postgresql.org/docs/current/transaction-iso.html,
https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from switchover.model.errors import StoreUnavailable
from switchover.record.sql.limits import DatabaseLimits
from switchover.record.sql.postgresql_errors import TRY_ANOTHER, ends_connection
from switchover.record.sql.postgresql_url import PostgresqlUrl
from switchover.record.unusable import UnusableDatabase

OLDEST_VERSION = 14
RECYCLE_SECONDS = 1800
"""Age at which a connection is replaced, so that after a fail-over of the database none stays behind for ever."""
CLOSING_SECONDS = 5.0
IDLE_SECONDS = 3.0
"""How long a transaction may do nothing before the server ends it."""
TURN_SECONDS = 60.0
"""How long an upgrade waits for another one."""
TURN_POLL_SECONDS = 0.2

_UPGRADE_KEY = int.from_bytes(b"switchov")
# An epoch must not be taken back by a crash. `remote_apply` is more than `on` and stays.
_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')"
)
_strict_json = partial(json.dumps, allow_nan=False)

DriverConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class ServerPlace:
    """A database on a server.

    Attributes:
        name: Its URL without any secret.
        transaction_seconds: After which a transaction is given up, whatever it waits for.
    """

    def __init__(self, url: PostgresqlUrl, limits: DatabaseLimits) -> None:
        self._url = url
        self._limits = limits
        self._connect_seconds = url.connect_timeout_seconds or limits.connect_timeout_seconds
        self._opened: set[DriverConnection] = set()
        self.name = url.name
        connecting = self._connect_seconds * len(url.hosts)
        self.transaction_seconds = connecting + 2 * limits.statement_timeout_seconds

    def exists(self) -> bool:
        """A server is asked by connecting."""
        return True

    def engines(self) -> tuple[AsyncEngine, AsyncEngine]:
        """For writing and for reading, on one pool.

        Writers read what is committed at each statement, and lock the rows that must stay as they are; a
        compare-and-set that waited sees the row as it became. Readers see one moment and write nothing.
        """
        writer = _engine(
            self.connect,
            isolation_level="READ COMMITTED",
            pool_size=self._limits.connections,
            max_overflow=0,
            pool_timeout=self._limits.statement_timeout_seconds,
            pool_recycle=RECYCLE_SECONDS,
            # The connections that nobody needs grow old and are seen by nobody.
            pool_use_lifo=True,
        )
        reader = writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return writer, reader

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """A connection outside of any transaction, whose holder is the only one that migrates.

        Raises:
            StoreUnavailable: Somebody else migrates for longer than `TURN_SECONDS`.
        """
        engine = _engine(self._connect_to_migrate, poolclass=NullPool)
        try:
            async with engine.connect() as connection:
                await _take_turn(connection)
                yield connection
        finally:
            await engine.dispose()

    async def connect(self) -> DriverConnection:
        """A new connection of the driver's own kind, with our timeouts and durable commits."""
        return await self._connect(statement_seconds=self._limits.statement_timeout_seconds)

    async def close(self) -> None:
        """End whatever connection is still open, though its server may not answer."""
        for connection in tuple(self._opened):
            connection.terminate()
        self._opened.clear()

    async def _connect_to_migrate(self) -> DriverConnection:
        # Building an index takes as long as it takes.
        return await self._connect(statement_seconds=0)

    async def _connect(self, *, statement_seconds: float) -> DriverConnection:
        # One after the other, each with its own time: the driver has one for all, which a host that is gone would use up.
        *others, last = self._url.hosts
        for host in others:
            try:
                return await self._connect_to(host, statement_seconds)
            except (OSError, *TRY_ANOTHER):
                continue
        return await self._connect_to(last, statement_seconds)

    async def _connect_to(self, host: Mapping[str, Any], statement_seconds: float) -> DriverConnection:
        async with asyncio.timeout(self._connect_seconds):
            connection: DriverConnection = await asyncpg.connect(
                **self._url.arguments,
                **host,
                timeout=self._connect_seconds,
                server_settings={"application_name": self._url.application_name or "switchover"},
            )
            self._opened.add(connection)
            connection.add_termination_listener(self._opened.discard)
            try:
                _check_server(self.name, connection)
                # After the start, not with it: a pooler lets few settings through at the start.
                await connection.execute(self._settings(statement_seconds))
            except BaseException:
                connection.terminate()
                raise
        return connection

    def _settings(self, statement_seconds: float) -> str:
        timeouts = {
            "statement_timeout": statement_seconds,
            "lock_timeout": self._limits.lock_timeout_seconds,
            # Who is stopped or cut off within a transaction holds rows that its successor waits for, and it waits for no longer
            # than `lock_timeout`. Of ourselves, only migrations do more between two statements than to compute.
            "idle_in_transaction_session_timeout": IDLE_SECONDS
            if statement_seconds
            else self.transaction_seconds,
        }
        words = [f"SET {name} = {round(seconds * 1000)}" for name, seconds in timeouts.items()]
        return "; ".join([*words, _DURABLE])


def _engine(connect: Callable[[], Awaitable[DriverConnection]], **options: Any) -> AsyncEngine:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        # As on SQLite: a NaN in a document would be text that no JSON reader accepts.
        json_serializer=_strict_json,
        **options,
    )

    @event.listens_for(engine.sync_engine, "checkout")
    def look(connection: Any, _record: object, _proxy: object) -> None:
        # The driver knows when the other end has hung up; a ping would cost three round trips each time.
        if connection.driver_connection.is_closed():
            raise DisconnectionError

    @event.listens_for(engine.sync_engine, "handle_error")
    def judge(context: ExceptionContext) -> None:
        # The pool is emptied then: whoever ended one connection, or is no primary any more, holds the others too.
        if ends_connection(context.original_exception):
            context.is_disconnect = True

    return engine


def _check_server(name: str, connection: DriverConnection) -> None:
    version = connection.get_server_version()
    if version.major < OLDEST_VERSION:
        raise UnusableDatabase(
            f"{name}: it is PostgreSQL {version.major}.{version.minor}; {OLDEST_VERSION} or newer is needed"
        )
    encoding = connection.get_settings().server_encoding
    if encoding != "UTF8":
        raise UnusableDatabase(
            f"{name}: its encoding is {encoding}; make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


async def _take_turn(connection: AsyncConnection) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + TURN_SECONDS
    take = text("SELECT pg_try_advisory_lock(:key)").bindparams(key=_UPGRADE_KEY)
    while not (await connection.execute(take)).scalar_one():
        # Not pg_advisory_lock: who waits inside a statement keeps CREATE INDEX CONCURRENTLY waiting, for ever.
        await connection.rollback()
        if loop.time() > deadline:
            raise StoreUnavailable(f"another process has been upgrading the database for {TURN_SECONDS:g} s")
        await asyncio.sleep(TURN_POLL_SECONDS)
    await connection.commit()
