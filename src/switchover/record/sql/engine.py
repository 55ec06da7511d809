"""Opening a database by its URL, and the three ways to talk to it: read, write, migrate."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import false, make_url, update
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from switchover.model.backoff import Backoff
from switchover.model.errors import StoreUnavailable
from switchover.record.sql import postgresql_url
from switchover.record.sql.errors import TransactionUndone, committing, own_errors, usable
from switchover.record.sql.limits import DatabaseLimits
from switchover.record.sql.postgresql import DriverConnection, ServerPlace
from switchover.record.sql.postgresql_errors import DRIVER_ERRORS
from switchover.record.sql.schema import proxies
from switchover.record.sql.sqlite import FilePlace
from switchover.record.unusable import UnusableDatabase

REPETITIONS = 3
"""How often a transaction is repeated that the database took back."""
REPEAT = Backoff(first_seconds=0.05, most_seconds=0.5)
CLOSING_SECONDS = 5.0
"""How long a server has to say good-bye."""
ALLOWED = f"{postgresql_url.EXAMPLE} or sqlite+aiosqlite:///path"

P = ParamSpec("P")
T = TypeVar("T")


class Place(Protocol):
    """Where a database is, and what its engine does its own way."""

    @property
    def name(self) -> str:
        """Its URL without any secret."""

    @property
    def transaction_seconds(self) -> float | None:
        """After which a transaction is given up; None when the engine sees to that."""

    def exists(self) -> bool:
        """Whether there is something to open."""

    def engines(self) -> tuple[AsyncEngine, AsyncEngine]:
        """For writing and for reading; opened when first needed."""

    async def connect(self) -> DriverConnection:
        """A connection of the driver's own kind, outside of the pools; an `OwnError` where notifications are unknown."""

    def migrating(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection to migrate on, in a transaction or not, as the engine needs it."""

    async def close(self) -> None:
        """End what the engines could not."""


class Database:
    """One database and the connections to it, which are opened when first needed.

    Use `Database.at`; call `close` when done.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._writer, self._reader = place.engines()
        self._closed = False

    @classmethod
    def at(cls, database_url: str, limits: DatabaseLimits | None = None) -> "Database":
        """The database at a URL; nothing is opened yet.

        Raises:
            UnusableDatabase: The URL has another shape, or names an engine that we do not know.
        """
        return cls(place_of(database_url, limits))

    async def write(
        self,
        work: Callable[Concatenate[AsyncConnection, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """What `work` returns, done in one write transaction; repeated when the database took it back.

        Raises:
            StoreUnavailable: The database did not answer in time or refused; nothing was written.
            OutcomeUnknown: It went away while it committed.
        """
        return await self._repeated(self.writing, work, *args, **kwargs)

    async def read(
        self,
        work: Callable[Concatenate[AsyncConnection, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """What `work` returns, done in one read transaction; repeated when the database took it back.

        Raises:
            StoreUnavailable: The database did not answer in time.
        """
        return await self._repeated(self.reading, work, *args, **kwargs)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One write transaction: committed at the end, rolled back by any error. `write` repeats it.

        Raises:
            StoreUnavailable: The database did not answer in time or refused; nothing was written.
            OutcomeUnknown: It went away while it committed.
        """
        async with self._connection(self._writer) as connection:
            async with self._deadline():
                await connection.begin()
                yield connection
            with committing():
                async with self._deadline():
                    await connection.commit()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One read transaction: every statement in it sees the same moment. `read` repeats it.

        Raises:
            StoreUnavailable: The database did not answer in time.
        """
        async with self._connection(self._reader) as connection, self._deadline():
            yield connection

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[DriverConnection]:
        """A connection of the driver's own kind, outside of the pool, to LISTEN on.

        Raises:
            OwnError: The engine has no such thing.
            StoreUnavailable: The server cannot be reached.
        """
        with own_errors():
            connection = await self._place.connect()
        try:
            yield connection
        finally:
            await _say_goodbye(connection.close())
            connection.terminate()

    async def check(self) -> None:
        """Begin a write that changes no row, to learn now whether writing works.

        Raises:
            UnusableDatabase: It is read-only, damaged, no database, or not ours to write.
            StoreUnavailable: It did not answer, or somebody else held the lock for too long.
        """
        with usable(self.name):
            async with self._deadline(), self._writer.begin() as connection:
                # On SQLite BEGIN IMMEDIATE alone succeeds on a read-only file; a statement that may write does not.
                await connection.execute(update(proxies).where(false()).values(epoch=proxies.c.epoch))

    def exists(self) -> bool:
        """Whether there is something to open; a file that is missing would be created by opening it."""
        return self._place.exists()

    @asynccontextmanager
    async def inspecting(self) -> AsyncIterator[AsyncConnection]:
        """One look at what may turn out to be no database of ours.

        Raises:
            UnusableDatabase: It cannot be opened, is damaged or no database.
            StoreUnavailable: It did not answer, or somebody else held the lock for too long.
        """
        with usable(self.name):
            async with self._deadline(), self._reader.connect() as connection:
                yield connection

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self._place.name

    async def close(self) -> None:
        """Release every connection. Whoever calls later gets `StoreUnavailable`."""
        self._closed = True
        await _say_goodbye(self._writer.dispose())
        await _say_goodbye(self._reader.dispose())
        await self._place.close()

    @asynccontextmanager
    async def _connection(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        # A disposed engine would quietly open connections that nobody closes.
        if self._closed:
            raise StoreUnavailable("the record is closed")
        with own_errors():
            async with engine.connect() as connection:
                yield connection

    def _deadline(self) -> asyncio.Timeout:
        return asyncio.timeout(self._place.transaction_seconds)

    async def _repeated(
        self,
        opened: Callable[[], AbstractAsyncContextManager[AsyncConnection]],
        work: Callable[Concatenate[AsyncConnection, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        repetition = 0
        while True:
            try:
                async with opened() as connection:
                    return await work(connection, *args, **kwargs)
            except TransactionUndone:
                if repetition == REPETITIONS:
                    raise
            await asyncio.sleep(REPEAT.delay(repetition))
            repetition += 1


def place_of(database_url: str, limits: DatabaseLimits | None = None) -> Place:
    """The place that a URL names.

    Raises:
        UnusableDatabase: It has another shape, names another engine, or a database in memory.
    """
    scheme = database_url.partition("://")[0]
    if scheme in postgresql_url.SCHEMES:
        return ServerPlace(postgresql_url.parse_url(database_url), limits or DatabaseLimits())
    try:
        url = make_url(database_url)
    except ArgumentError as error:
        # The text may hold a password, so it is not repeated.
        raise UnusableDatabase(f"the database URL has no valid shape; allowed is {ALLOWED}") from error
    if url.drivername != "sqlite+aiosqlite":
        raise UnusableDatabase(f"database engine {url.drivername!r} is not known; allowed is {ALLOWED}")
    return FilePlace(url)


@asynccontextmanager
async def migrating(
    database_url: str, limits: DatabaseLimits | None = None
) -> AsyncIterator[AsyncConnection]:
    """A connection to migrate on, by one process at a time: on SQLite one transaction, on PostgreSQL none yet.

    Raises:
        UnusableDatabase: It is read-only, damaged, no database, or would be left with dangling references.
        StoreUnavailable: It did not answer, or somebody else held the lock for too long.
    """
    place = place_of(database_url, limits)
    try:
        with usable(place.name):
            async with place.migrating() as connection:
                yield connection
    finally:
        await place.close()


@asynccontextmanager
async def inspecting(
    database_url: str, limits: DatabaseLimits | None = None
) -> AsyncIterator[AsyncConnection]:
    """One look at a database that may turn out to be none.

    Raises:
        UnusableDatabase: It cannot be opened, is damaged or no database.
        StoreUnavailable: It did not answer, or somebody else held the lock for too long.
    """
    database = Database.at(database_url, limits)
    try:
        async with database.inspecting() as connection:
            yield connection
    finally:
        await database.close()


async def _say_goodbye(closing: Awaitable[None]) -> None:
    # A server that hangs does not answer; whatever stays open is ended afterwards.
    with contextlib.suppress(TimeoutError, *DRIVER_ERRORS):
        async with asyncio.timeout(CLOSING_SECONDS):
            await closing
