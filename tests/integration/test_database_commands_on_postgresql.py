"""`switchover db upgrade` and `doctor` as processes of their own, on a real server."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.postgresql_server import EMPTY, PASSWORD, PostgresqlServer

from switchover.record.migrations.run import head_revision


@pytest.fixture
async def url(postgresql_server: PostgresqlServer) -> AsyncIterator[str]:
    """An empty database."""
    async with postgresql_server.database(EMPTY) as name:
        yield postgresql_server.url(name)


async def switchover(url: str, folder: Path, *words: str) -> tuple[int, str]:
    """Run a command on the database; its exit code and everything it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "switchover.cli", *words),
        cwd=folder,
        env={**os.environ, "SWITCHOVER_DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_of_two_upgrades_at_once_one_makes_the_tables_and_the_other_finds_them(
    url: str, tmp_path: Path
) -> None:
    outcomes = await asyncio.gather(*(switchover(url, tmp_path, "db", "upgrade") for _ in range(2)))

    already = (0, f"The database is at {head_revision()} already.\n")
    assert sorted(outcomes) == [already, (0, f"The database is at {head_revision()}; it was empty.\n")]
    assert await switchover(url, tmp_path, "db", "upgrade", "--post") == already


async def test_the_doctor_tells_the_revision_and_no_secret(url: str, tmp_path: Path) -> None:
    await switchover(url, tmp_path, "db", "upgrade")

    _, found = await switchover(url, tmp_path, "doctor", "--json")

    (database,) = [finding for finding in json.loads(found) if finding["subject"] == "Database"]
    assert database["detail"] == f"at revision {head_revision()}"


async def test_a_wrong_password_is_told_without_it(url: str, tmp_path: Path) -> None:
    code, said = await switchover(url.replace(":s3", ":wrong-s3"), tmp_path, "db", "upgrade")

    assert code != 0
    assert "the password is wrong; mend it in the database URL" in " ".join(said.split())
    assert "wrong-s3" not in said
    assert PASSWORD not in said
    assert "Traceback" not in said
