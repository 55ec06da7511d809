"""Every store that the suite runs on."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.postgresql_server import SHARED, PostgresqlServer

from switchover.record.migrations.run import upgrade
from switchover.record.sql.store import open_store
from switchover.record.store import Store
from switchover.testing.memory_store import MemoryStore


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database of the newest revision, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "switchover.db"
    asyncio.run(upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(
    request: pytest.FixtureRequest,
    migrated_file: Path,
    tmp_path: Path,
    postgresql_server: PostgresqlServer,
) -> AsyncIterator[Store]:
    """An empty store."""
    async with contextlib.AsyncExitStack() as ending:
        match request.param:
            case "memory":
                opened: Store = MemoryStore()
            case "sqlite":
                path = shutil.copy(migrated_file, tmp_path / "switchover.db")
                opened = await open_store(f"sqlite+aiosqlite:///{path}")
            case _:
                await postgresql_server.empty(SHARED)
                opened = await open_store(postgresql_server.url(SHARED))
        ending.push_async_callback(opened.close)
        yield opened
