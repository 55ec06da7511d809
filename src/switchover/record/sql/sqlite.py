"""Everything that only SQLite can do or needs: the one file that names its pragmas, locks and words.

Sources: https://sqlite.org/wal.html, https://sqlite.org/lang_transaction.html,
https://sqlite.org/pragma.html, https://sqlite.org/rescode.html.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import aiosqlite
from sqlalchemy import URL, Connection, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from switchover.model.errors import OwnError
from switchover.record.sql.schema import metadata
from switchover.record.unusable import UnusableDatabase

BUSY_TIMEOUT_MS = 5_000
"""How long SQLite waits for the lock of another process."""
POOL_TIMEOUT_SECONDS = 10
"""How long one of our own tasks waits for a connection, which for a writer is the lock of this process."""
READERS = 4

# Result codes that trying again does not change (https://sqlite.org/rescode.html), and what they mean.
_UNUSABLE = {
    "SQLITE_NOTADB": "it is no SQLite database; name another file, or move this one away",
    "SQLITE_READONLY": "it is read-only; make the file and its directory writable",
    "SQLITE_CANTOPEN": "it cannot be opened; its directory must exist and be writable",
    "SQLITE_CORRUPT": "it is damaged; restore a backup",
}
_strict_json = partial(json.dumps, allow_nan=False)
_UNIQUE_FAILURE = re.compile(r"UNIQUE constraint failed: (?P<columns>[\w., ]+)\Z")
_CHECK_FAILURE = re.compile(r"CHECK constraint failed: (?P<name>\w+)\Z")


class FilePlace:
    """A database in a file.

    Args:
        url: As SQLAlchemy spells it.

    Attributes:
        name: The URL, which has no secret.
        transaction_seconds: None: SQLite's own timeouts bound everything.

    Raises:
        UnusableDatabase: It is a database in memory.
    """

    transaction_seconds = None

    def __init__(self, url: URL) -> None:
        self._url = url
        self.name = url.render_as_string(hide_password=True)
        if url.database in {None, "", ":memory:"} or "memory" in str(url.query.get("mode", "")):
            raise UnusableDatabase(
                f"{self.name}: a database in memory is lost with the process; "
                "name a file, such as sqlite+aiosqlite:///switchover.db"
            )
        self._path = Path((url.database or "").removeprefix("file:"))

    def exists(self) -> bool:
        """Whether there is a file to open; connecting would create it."""
        return self._path.exists()

    def engines(self) -> tuple[AsyncEngine, AsyncEngine]:
        """For writing and for reading.

        The writer has one connection, because SQLite has one writer; its pool is the queue of this process. BEGIN
        IMMEDIATE takes the write lock before the first read, so that what a compare-and-set read is still true when
        it writes. WAL lets readers go on meanwhile. With synchronous=FULL a commit is on disk when it returns: a
        power cut must not take an epoch back. The readers cannot write; each of their transactions sees one snapshot
        and waits for no writer.
        """
        writer = _engine(
            self._url,
            connections=1,
            begin="BEGIN IMMEDIATE",
            pragmas=("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"),
        )
        return writer, _engine(self._url, connections=READERS, begin="BEGIN", pragmas=("query_only=ON",))

    async def connect(self) -> NoReturn:
        """SQLite tells nobody of changes."""
        raise OwnError(f"{self.name}: SQLite has no notifications to listen for")

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that may rebuild tables; the references are checked before it commits.

        Foreign keys are off in it: a batch migration copies a table and drops the old one, which would count as
        deleting every row (https://sqlite.org/lang_altertable.html#otheralter).

        Raises:
            UnusableDatabase: The file has no directory, or would be left with dangling references.
        """
        if not self._path.parent.is_dir():
            # Said here, because the driver's thread outlives an attempt that fails, and perhaps the loop.
            raise UnusableDatabase(f"{self.name}: {_UNUSABLE['SQLITE_CANTOPEN']}")
        engine = _engine(
            self._url,
            connections=1,
            begin="BEGIN IMMEDIATE",
            pragmas=("journal_mode=WAL", "synchronous=FULL", "foreign_keys=OFF"),
        )
        try:
            async with engine.begin() as connection:
                yield connection
                await connection.run_sync(_check_references)
        finally:
            await engine.dispose()

    async def close(self) -> None:
        """Nothing is open but what the engines hold."""


def _check_references(connection: Connection) -> None:
    orphans = connection.execute(text("PRAGMA foreign_key_check")).all()
    if orphans:
        tables = ", ".join(sorted({f"{row[0]} → {row[2]}" for row in orphans}))
        raise UnusableDatabase(
            f"the migration would leave {len(orphans)} rows that name missing ones ({tables}); nothing was changed"
        )


def unusable_words(error: BaseException) -> str | None:
    """What is wrong with the file and what mends it; None when trying again may help."""
    name = str(getattr(error, "sqlite_errorname", ""))
    return next((words for code, words in _UNUSABLE.items() if name.startswith(code)), None)


def violated_constraint(message: str) -> str | None:
    """The name of the constraint that SQLite's `message` is about; None when it does not tell.

    SQLite names the columns of a unique index, not the index.
    """
    if (check := _CHECK_FAILURE.search(message)) is not None:
        return check["name"]
    if (unique := _UNIQUE_FAILURE.search(message)) is None:
        return None
    columns = [column.strip().rpartition(".") for column in unique["columns"].split(",")]
    table = metadata.tables[columns[0][0]]
    wanted = {name for _, _, name in columns}
    if wanted == {column.name for column in table.primary_key}:
        return str(table.primary_key.name)
    unique_indexes = (index for index in table.indexes if index.unique)
    return next((str(i.name) for i in unique_indexes if wanted == {c.name for c in i.columns}), None)


def _engine(url: URL, *, connections: int, begin: str, pragmas: tuple[str, ...]) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        # None: the driver begins nothing by itself; the `begin` hook below does, in our words.
        connect_args={
            "isolation_level": None,
            "timeout": BUSY_TIMEOUT_MS / 1000,
            "async_creator_fn": _connected,
        },
        # A NaN in a document would be text that no JSON reader accepts.
        json_serializer=_strict_json,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        try:
            cursor = connection.cursor()
            for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", *pragmas):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
        except BaseException:
            # The pool forgets a connection that could not be prepared, but its thread would go on.
            connection.close()
            raise

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


async def _connected(*where: Any, **how: Any) -> aiosqlite.Connection:
    """Connect; a failure is told once the driver's thread has ended, which else may outlive the loop that it answers to."""
    connection = aiosqlite.connect(*where, **how)
    thread = connection._thread  # noqa: SLF001 - SQLAlchemy does the same, for the same want of another way
    thread.daemon = True
    try:
        return await connection
    except BaseException:
        await asyncio.to_thread(thread.join)
        raise
