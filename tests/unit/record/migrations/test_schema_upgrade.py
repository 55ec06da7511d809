import asyncio
import re
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, text
from tests.record_values import a_proxy, stored_in

from switchover.record.migrations.run import (
    configuration,
    current_revision,
    head_revision,
    upgrade,
)
from switchover.record.sql.engine import migrating
from switchover.record.sql.schema import metadata
from switchover.record.sql.store import open_store
from switchover.record.unusable import UnusableDatabase


def statements_in(sql: str) -> set[str]:
    """SQL statements with their parts sorted, so that the order of columns and constraints does not matter."""
    found = set()
    for statement in re.split(r";\s*\n", sql):
        flat = " ".join(statement.replace('"', "").split()).removesuffix(")").rstrip()
        head, _, body = flat.partition(" (")
        found.add(head + " (" + ", ".join(sorted(part.strip() for part in body.split(", "))))
    return found


def schema_of(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name <> 'alembic_version'"
        ).fetchall()
    return statements_in(";\n".join(row[0] for row in rows))


async def test_the_migrations_build_the_very_tables_that_the_code_uses(
    database_url: str, database_file: Path, tmp_path: Path
) -> None:
    wanted = tmp_path / "wanted.db"
    engine = create_engine(f"sqlite:///{wanted}")
    metadata.create_all(engine)
    engine.dispose()

    await upgrade(database_url)

    assert schema_of(database_file) == schema_of(wanted)


def test_every_table_and_column_says_what_it_is() -> None:
    silent = [
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if not column.comment or not table.comment
    ]

    assert silent == []


def test_every_name_fits_postgresql() -> None:
    names = [
        str(named.name)
        for table in metadata.tables.values()
        for group in (table.constraints, table.indexes)
        for named in group
    ]

    assert [name for name in names if len(name) > 63] == []


async def test_upgrading_says_where_it_came_from_and_does_nothing_twice(database_url: str) -> None:
    assert await current_revision(database_url) is None

    assert await upgrade(database_url) == (None, head_revision())
    assert await upgrade(database_url) == (head_revision(), head_revision())

    assert await current_revision(database_url) == head_revision()
    await (await open_store(database_url)).close()


def test_asking_for_the_revision_creates_no_file(database_url: str, database_file: Path) -> None:
    assert asyncio.run(current_revision(database_url)) is None

    assert not database_file.exists()


async def test_two_upgrades_at_once_both_succeed(database_url: str) -> None:
    outcomes = await asyncio.gather(*(upgrade(database_url) for _ in range(4)))

    assert sorted(str(before) for before, _ in outcomes) == [head_revision()] * 3 + ["None"]


async def test_an_older_database_is_upgraded_with_its_rows(database_url: str) -> None:
    config = configuration()
    async with migrating(database_url) as connection:

        def first_step(sync: object) -> None:
            config.attributes["connection"] = sync
            command.upgrade(config, "0001")

        await connection.run_sync(first_step)
        await connection.execute(
            text(
                "INSERT INTO proxies VALUES ('web', 'ann', NULL, 3, 1, NULL,"
                " '2026-03-01 12:00:00.000000', '2026-03-01 12:00:00.000000', NULL)"
            )
        )
    with pytest.raises(UnusableDatabase, match=r"at revision 0001, this version needs .* db upgrade"):
        await open_store(database_url)

    assert await upgrade(database_url) == ("0001", head_revision())

    store = await open_store(database_url)
    assert not await store.raise_epoch("web", 3)
    assert await store.raise_epoch("web", 4)
    await store.create_proxy(a_proxy("shop"))
    assert (await stored_in(store, "shop")).proxy == a_proxy("shop")
    await store.close()


async def test_a_database_without_tables_must_be_upgraded_first(database_url: str) -> None:
    with pytest.raises(UnusableDatabase, match="no tables yet; run `switchover db upgrade`"):
        await open_store(database_url)


async def test_a_database_of_a_newer_version_is_left_alone(database_url: str, database_file: Path) -> None:
    await upgrade(database_url)
    with closing(sqlite3.connect(database_file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    for attempt in (upgrade, open_store):
        with pytest.raises(UnusableDatabase, match="revision 9999, which this version does not know"):
            await attempt(database_url)

    assert await current_revision(database_url) == "9999"


async def test_a_database_of_another_program_is_left_alone(database_url: str, database_file: Path) -> None:
    with closing(sqlite3.connect(database_file)) as connection, connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")

    with pytest.raises(UnusableDatabase, match=r"tables of another program \(bookmarks\)"):
        await upgrade(database_url)

    assert schema_of(database_file) == statements_in("CREATE TABLE bookmarks (url TEXT)")


@pytest.mark.parametrize("attempt", [upgrade, current_revision, open_store])
def test_a_file_that_is_no_database_is_said_to_be_none_and_left_alone(
    database_url: str, database_file: Path, attempt: Callable[[str], Coroutine[object, object, object]]
) -> None:
    content = "proxies:\n  - proxyId: web\n" * 100
    database_file.write_text(content)

    with pytest.raises(UnusableDatabase, match=r"switchover\.db: it is no SQLite database"):
        asyncio.run(attempt(database_url))

    assert database_file.read_text() == content


async def test_a_read_only_file_is_said_to_be_read_only(database_url: str, database_file: Path) -> None:
    await upgrade(database_url)
    # By URL: the user who runs the tests may be root, whom file modes do not stop.
    read_only = f"sqlite+aiosqlite:///file:{database_file}?mode=ro&uri=true"

    assert await current_revision(read_only) == head_revision()
    with pytest.raises(UnusableDatabase, match="it is read-only; make the file"):
        await open_store(read_only)


async def test_a_read_only_file_cannot_be_upgraded(database_file: Path) -> None:
    with closing(sqlite3.connect(database_file)) as connection, connection:
        connection.execute("PRAGMA user_version = 1")

    with pytest.raises(UnusableDatabase, match="it is read-only; make the file"):
        await upgrade(f"sqlite+aiosqlite:///file:{database_file}?mode=ro&uri=true")


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        UnusableDatabase, match=r"nowhere/x\.db: it cannot be opened; its directory must exist"
    ):
        await upgrade(f"sqlite+aiosqlite:///{tmp_path}/nowhere/x.db")


async def test_a_migration_that_would_leave_dangling_references_is_rolled_back(
    database_url: str, database_file: Path
) -> None:
    await upgrade(database_url)

    with pytest.raises(
        UnusableDatabase, match=r"1 rows that name missing ones \(outbox_messages → proxies\)"
    ):
        async with migrating(database_url) as connection:
            await connection.execute(
                text("INSERT INTO outbox_messages SELECT 'a', 'b', 'move.closed', 'never', 'ann', '{}', NULL")
            )

    with closing(sqlite3.connect(database_file)) as connection:
        assert connection.execute("SELECT count(*) FROM outbox_messages").fetchone() == (0,)
