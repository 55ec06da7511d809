import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError
from tests.record_values import LONG_AGO, a_proxy, an_entry, proxy_with, stored_in

from switchover.model.errors import OwnError, StoreUnavailable
from switchover.model.policy import FailoverPolicy
from switchover.record.migrations.run import upgrade
from switchover.record.sql import sqlite
from switchover.record.sql.engine import Database
from switchover.record.sql.errors import constraint_of
from switchover.record.sql.schema import ONE_INSTANCE_NAME, ONE_LISTENER, metadata, proxies
from switchover.record.sql.store import SqlStore, open_store
from switchover.record.unusable import UnusableDatabase


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5000)],
)
async def test_the_writer_is_durable_and_keeps_references(
    sql_store: SqlStore, pragma: str, value: object
) -> None:
    async with sql_store._database.writing() as connection:
        assert (await connection.execute(text(f"PRAGMA {pragma}"))).scalar_one() == value


async def test_a_reader_cannot_write(sql_store: SqlStore) -> None:
    with pytest.raises(StoreUnavailable, match="readonly"):
        async with sql_store._database.reading() as connection:
            await connection.execute(insert(proxies).values(proxy_id="web"))


async def test_a_write_transaction_holds_the_lock_before_its_first_statement(
    sql_store: SqlStore, database_file: Path
) -> None:
    async with sql_store._database.writing():
        with (
            closing(sqlite3.connect(database_file, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")


async def test_readers_go_on_while_somebody_writes_and_see_what_was_before(sql_store: SqlStore) -> None:
    await sql_store.create_proxy(a_proxy())

    async with sql_store._database.writing() as connection:
        await connection.execute(proxies.update().values(epoch=9))
        assert (await stored_in(sql_store)).proxy.epoch == 0

    assert (await stored_in(sql_store)).proxy.epoch == 9


async def test_every_statement_of_a_read_sees_the_same_moment(sql_store: SqlStore) -> None:
    await sql_store.create_proxy(a_proxy())
    epoch = proxies.select().with_only_columns(proxies.c.epoch)

    async with sql_store._database.reading() as connection:
        before = (await connection.execute(epoch)).scalar_one()
        await sql_store.raise_epoch("web", 5)
        assert (await connection.execute(epoch)).scalar_one() == before == 0


async def test_a_lock_that_another_process_keeps_makes_the_store_unavailable(
    sql_store: SqlStore, database_url: str, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 20)
    store = await open_store(database_url)
    with closing(sqlite3.connect(database_file)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.create_proxy(a_proxy())
        with pytest.raises(StoreUnavailable, match="locked"):
            await upgrade(database_url)
        assert await store.load(LONG_AGO) == []

    await store.create_proxy(a_proxy())
    await store.close()
    assert len(await sql_store.load(LONG_AGO)) == 1


async def test_a_writer_that_waits_too_long_for_another_of_ours_gives_up(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "POOL_TIMEOUT_SECONDS", 0.05)
    await upgrade(database_url)
    store = await open_store(database_url)
    async with store._database.writing():
        with pytest.raises(StoreUnavailable, match="no connection was free"):
            await store.create_proxy(a_proxy())
    await store.close()


async def test_a_full_disk_makes_the_store_unavailable_and_leaves_it_whole(
    sql_store: SqlStore,
) -> None:
    await sql_store.create_proxy(a_proxy())
    async with sql_store._database.writing() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.execute(text(f"PRAGMA max_page_count={pages}"))

    with pytest.raises(StoreUnavailable, match="full"):
        await sql_store.append_audit(an_entry(detail={"long": "x" * 500_000}))

    assert await sql_store.audit("web", 5) == []
    assert (await stored_in(sql_store)).proxy == a_proxy()


async def test_what_a_check_refuses_is_our_own_fault_and_names_the_check(sql_store: SqlStore) -> None:
    with pytest.raises(OwnError, match="ck_proxy_failover_configurations_unhealthy_threshold_range") as error:
        await sql_store.create_proxy(a_proxy(policy=FailoverPolicy(unhealthy_threshold=0)))

    assert not isinstance(error.value, StoreUnavailable)
    assert await sql_store.load(LONG_AGO) == []


async def test_a_dangling_reference_is_refused(sql_store: SqlStore) -> None:
    with pytest.raises(OwnError, match="FOREIGN KEY"):
        async with sql_store._database.writing() as connection:
            await connection.execute(
                text("INSERT INTO outbox_messages SELECT 'a', 'b', 'move.closed', 'never', 'ann', '{}', NULL")
            )


@pytest.mark.parametrize(
    ("prepare", "copy", "name"),
    [
        ("SELECT 1", "proxies", "pk_proxies"),
        ("SELECT 1", "proxy_failover_configurations", ONE_LISTENER),
        ("UPDATE proxy_failover_configurations SET deleted_at = ''", "proxy_failover_configurations", None),
        ("SELECT 1", "proxy_instances", ONE_INSTANCE_NAME),
        ("UPDATE proxy_instances SET deleted_at = ''", "proxy_instances", None),
    ],
)
async def test_a_unique_key_is_told_by_its_name_though_sqlite_names_columns(
    sql_store: SqlStore, prepare: str, copy: str, name: str | None
) -> None:
    await proxy_with(sql_store, "one", port=10000)

    async with sql_store._database._writer.connect() as connection:
        await connection.execute(text(prepare))
        with pytest.raises(IntegrityError) as error:
            await connection.execute(text(f"INSERT INTO {copy} SELECT * FROM {copy}"))  # noqa: S608 - names above

    assert constraint_of(error.value) == (name or f"pk_{copy}")


def test_no_two_unique_keys_of_a_table_have_the_same_columns() -> None:
    for table in metadata.tables.values():
        keys = [frozenset(index.columns.keys()) for index in table.indexes if index.unique]
        keys.append(frozenset(table.primary_key.columns.keys()))
        assert len(keys) == len(set(keys)), table.name


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql+aiomysql://u:hunter2@db/x", "'mysql\\+aiomysql' is not known"),
        ("sqlite:///x.db", "'sqlite' is not known"),
        ("sqlite+aiosqlite://", "a database in memory is lost"),
        ("sqlite+aiosqlite:///:memory:", "a database in memory is lost"),
        ("sqlite+aiosqlite:///file:x?mode=memory&uri=true", "a database in memory is lost"),
        ("not a url with hunter2", "the database URL has no valid shape"),
    ],
)
def test_a_url_that_we_cannot_use_is_refused_with_what_is_allowed(url: str, words: str) -> None:
    with pytest.raises(UnusableDatabase, match=words) as refused:
        Database.at(url)

    assert "sqlite+aiosqlite:///" in str(refused.value)
    assert "hunter2" not in str(refused.value)


async def test_a_store_can_be_opened_and_closed_many_times_at_once(database_url: str) -> None:
    await upgrade(database_url)

    stores = await asyncio.gather(*(open_store(database_url) for _ in range(5)))
    await stores[0].create_proxy(a_proxy())
    loaded = await asyncio.gather(*(store.load(LONG_AGO) for store in stores))
    await asyncio.gather(*(store.close() for store in stores))

    assert [len(proxies_) for proxies_ in loaded] == [1] * 5


async def test_an_opening_that_failed_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    for _ in range(20):
        with pytest.raises(UnusableDatabase, match="it cannot be opened"):
            await upgrade(f"sqlite+aiosqlite:///{tmp_path}/nowhere/x.db")
        # The threads that waited for the driver's are asyncio's own and stay for the next wait.
        assert [
            t.name for t in set(threading.enumerate()) - before if not t.name.startswith("asyncio_")
        ] == []
