import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from tests.postgresql_server import EMPTY, IMPATIENT, PostgresqlServer
from tests.record_values import a_proxy, an_entry
from tests.unit.record.migrations.test_phases import OURS, NewerVersion
from tests.waiting import eventually

from switchover.model.errors import OwnError, StoreUnavailable
from switchover.record.migrations.phases import Phase
from switchover.record.migrations.run import current_revision, upgrade
from switchover.record.sql import postgresql
from switchover.record.sql.engine import Database
from switchover.record.sql.schema import metadata
from switchover.record.sql.store import open_store
from switchover.record.unusable import UnusableDatabase

ADD = 'op.add_column("audit_log", sa.Column("motto", sa.Text()))'
INDEX = 'create_index_beside_writers("uq_mottoes", "audit_log", ["actor_name"], unique=True)'


@pytest.fixture
async def name(postgresql_server: PostgresqlServer) -> AsyncIterator[str]:
    """The name of an empty database."""
    async with postgresql_server.database(EMPTY) as name:
        yield name


@pytest.fixture
def url(postgresql_server: PostgresqlServer, name: str) -> str:
    return postgresql_server.url(name)


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NewerVersion:
    return NewerVersion(tmp_path, monkeypatch)


async def test_the_migrations_build_the_very_tables_that_the_code_uses(url: str) -> None:
    def difference(connection: Connection) -> object:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, metadata)

    await upgrade(url)

    database = Database.at(url)
    async with database.reading() as connection:
        assert await connection.run_sync(difference) == []
    await database.close()


async def test_every_table_and_column_has_its_comment_in_the_database(
    postgresql_server: PostgresqlServer, name: str, url: str
) -> None:
    await upgrade(url)

    async with postgresql_server.admin(name) as admin:
        comments = await admin.fetch(
            "SELECT relname, attname, description FROM pg_description JOIN pg_class ON pg_class.oid = objoid"
            " LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND attnum > 0"
            " WHERE relnamespace = 'public'::regnamespace"
        )
    wanted = {
        (table.name, column, comment)
        for table in metadata.tables.values()
        for column, comment in [(None, table.comment), *((c.name, c.comment) for c in table.columns)]
    }
    assert {tuple(row) for row in comments} == wanted


async def test_names_are_compared_byte_by_byte_and_values_have_their_native_types(
    postgresql_server: PostgresqlServer, name: str, url: str
) -> None:
    await upgrade(url)

    async with postgresql_server.admin(name) as admin:
        indexed = await admin.fetch(
            "SELECT DISTINCT attname::text, collname::text FROM pg_index JOIN pg_attribute ON attrelid = indexrelid"
            " JOIN pg_collation ON pg_collation.oid = attcollation JOIN pg_class ON pg_class.oid = indrelid"
            " WHERE relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
        )
        types = await admin.fetch(
            "SELECT DISTINCT data_type FROM information_schema.columns WHERE table_schema = 'public'"
        )
    # A revision, a phase and a status are words of ours, which nobody sorts.
    assert {tuple(row)[1] for row in indexed if row[0] not in {"revision", "phase", "status"}} == {"C"}
    assert {row[0] for row in types} >= {"uuid", "timestamp with time zone", "jsonb"}
    assert not {row[0] for row in types} & {"timestamp without time zone", "json", "ARRAY"}


async def test_upgrades_at_once_all_succeed_and_one_does_the_work(url: str) -> None:
    outcomes = await asyncio.gather(*(upgrade(url) for _ in range(4)))

    assert sorted(str(before) for before, _ in outcomes) == [*[OURS] * 3, "None"]


async def test_an_upgrade_does_not_wait_for_another_for_ever(
    postgresql_server: PostgresqlServer, name: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "TURN_SECONDS", 0.1)
    async with postgresql_server.admin(name) as admin:
        await admin.execute(f"SELECT pg_advisory_lock({postgresql._UPGRADE_KEY})")
        with pytest.raises(
            StoreUnavailable, match=r"another process has been upgrading the database for 0\.1 s"
        ):
            await upgrade(url)

    assert await upgrade(url) == (None, OURS)


async def test_a_table_that_somebody_holds_is_told_and_what_was_finished_stays(
    postgresql_server: PostgresqlServer, name: str, url: str, newer: NewerVersion
) -> None:
    newer.has("9001", Phase.PRE, 'op.add_column("proxies", sa.Column("motto", sa.Text()))')
    newer.has("9002", Phase.PRE, ADD)
    await upgrade(url)
    newer.run()

    async with postgresql_server.admin(name) as admin, admin.transaction():
        await admin.execute("SELECT count(*) FROM audit_log")
        with pytest.raises(
            StoreUnavailable, match=r"longer than the lock timeout.*run `switchover db upgrade` again"
        ):
            await upgrade(url, IMPATIENT)

    assert await current_revision(url) == "9001"
    assert await upgrade(url, IMPATIENT) == ("9001", "9002")


async def test_an_index_is_built_beside_a_writer_who_takes_his_time(
    postgresql_server: PostgresqlServer, name: str, url: str, newer: NewerVersion
) -> None:
    newer.has("9001", Phase.PRE, INDEX)
    await upgrade(url)
    store = await open_store(url, replace(IMPATIENT, lock_timeout_seconds=20))
    newer.run()

    async def waiting() -> bool:
        async with postgresql_server.admin() as admin:
            return bool(
                await admin.fetchval(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'"
                    " AND query LIKE 'CREATE UNIQUE INDEX CONCURRENTLY%'",
                    name,
                )
            )

    async with store._database.writing() as connection:
        await connection.execute(text("UPDATE audit_log SET action = 'x'"))
        # Its lock timeout is short, and does not count here.
        upgrading = asyncio.create_task(upgrade(url, IMPATIENT))
        # A second one waits its turn meanwhile, and does not keep the index waiting.
        second = asyncio.create_task(upgrade(url, IMPATIENT))
        await eventually(waiting)
        await store.append_audit(an_entry())
        # Nothing is waited for: the time itself must not matter.
        await asyncio.sleep(IMPATIENT.lock_timeout_seconds * 2)
        assert not upgrading.done()

    outcomes = sorted([await upgrading, await second])
    assert outcomes == sorted([(OURS, "9001"), ("9001", "9001")])
    await store.close()


async def test_an_index_that_was_cut_short_is_built_anew(
    postgresql_server: PostgresqlServer, name: str, url: str, newer: NewerVersion
) -> None:
    newer.has("9001", Phase.PRE, INDEX)
    await upgrade(url)
    store = await open_store(url)
    await store.append_audit(an_entry("a"))
    await store.append_audit(an_entry("b"))
    newer.run()

    with pytest.raises(OwnError, match="uq_mottoes"):
        await upgrade(url)
    async with postgresql_server.admin(name) as admin:
        assert await admin.fetchval("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 1
        await admin.execute("DELETE FROM audit_log")

    assert await upgrade(url) == (OURS, "9001")
    async with postgresql_server.admin(name) as admin:
        assert await admin.fetchval("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0
    await store.create_proxy(a_proxy())
    await store.close()


async def test_a_database_of_another_program_is_left_alone(
    postgresql_server: PostgresqlServer, name: str, url: str
) -> None:
    async with postgresql_server.admin(name) as admin:
        await admin.execute("CREATE TABLE bookmarks (url text)")

    with pytest.raises(
        UnusableDatabase, match=r"tables of another program \(bookmarks\); name another database"
    ):
        await upgrade(url)


async def test_upgrading_leaves_no_connection_behind(
    postgresql_server: PostgresqlServer, name: str, url: str
) -> None:
    tasks = asyncio.all_tasks()
    await upgrade(url)

    assert asyncio.all_tasks() == tasks
    async with postgresql_server.admin() as admin:
        # Without FORCE, which the fixture uses: it would be refused while anybody is connected.
        await admin.execute(f"ALTER DATABASE {name} RENAME TO renamed")
        await admin.execute(f"ALTER DATABASE renamed RENAME TO {name}")
