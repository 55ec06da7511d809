from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.postgresql_server import IMPATIENT, SHARED, PostgresqlServer

from switchover.record.migrations.run import upgrade
from switchover.record.sql.store import SqlStore, open_store


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    """Where the database of this test is, or will be."""
    return tmp_path / "switchover.db"


@pytest.fixture
def database_url(database_file: Path) -> str:
    return f"sqlite+aiosqlite:///{database_file}"


@pytest.fixture
async def sql_store(database_url: str) -> AsyncIterator[SqlStore]:
    """An open store on an empty database."""
    await upgrade(database_url)
    store = await open_store(database_url)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def postgresql_url(postgresql_server: PostgresqlServer) -> str:
    """An empty database of the newest revision."""
    await postgresql_server.empty(SHARED)
    return postgresql_server.url(SHARED)


@pytest.fixture
async def postgresql_store(postgresql_url: str) -> AsyncIterator[SqlStore]:
    """An open store on it that loses patience soon."""
    store = await open_store(postgresql_url, IMPATIENT)
    try:
        yield store
    finally:
        await store.close()
