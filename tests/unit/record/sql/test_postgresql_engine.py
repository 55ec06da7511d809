import asyncio
from dataclasses import replace

import asyncpg
import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import IntegrityError
from tests.postgresql_server import EMPTY, IMPATIENT, SHARED, PostgresqlServer
from tests.record_values import LONG_AGO, a_proxy, an_event, an_instance, proxy_with, stored_in

from switchover.model.errors import OwnError, StoreUnavailable
from switchover.model.events import EventType
from switchover.model.policy import FailoverPolicy
from switchover.record.migrations.run import upgrade
from switchover.record.sql.drill_schema import ONE_OPEN_DRILL
from switchover.record.sql.engine import Database
from switchover.record.sql.errors import constraint_of
from switchover.record.sql.limits import DatabaseLimits
from switchover.record.sql.safety_schema import ONE_BLOCKED_MOVE
from switchover.record.sql.schema import (
    ONE_INSTANCE_NAME,
    ONE_LISTENER,
    ONE_OPEN_MOVE,
    ONE_OPEN_RECOVERY,
    ONE_SCHEDULED_MOVE,
    metadata,
    proxies,
)
from switchover.record.sql.store import SqlStore, open_store
from switchover.record.unusable import UnusableDatabase

LIMITS = DatabaseLimits(
    connections=2, connect_timeout_seconds=20, statement_timeout_seconds=30, lock_timeout_seconds=4
)


async def setting(database: Database, name: str) -> object:
    async with database.writing() as connection:
        return (await connection.execute(text(f"SHOW {name}"))).scalar_one()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("transaction_isolation", "read committed"),
        ("transaction_read_only", "off"),
        ("synchronous_commit", "on"),
        ("statement_timeout", "30s"),
        ("lock_timeout", "4s"),
        ("idle_in_transaction_session_timeout", "3s"),
        ("application_name", "switchover"),
    ],
)
async def test_a_writer_is_durable_and_bounded(postgresql_url: str, name: str, value: str) -> None:
    database = Database.at(postgresql_url, LIMITS)

    assert await setting(database, name) == value

    await database.close()


@pytest.mark.parametrize(
    ("given", "kept"),
    [("off", "on"), ("local", "on"), ("remote_write", "on"), ("remote_apply", "remote_apply")],
)
async def test_commits_are_durable_whatever_the_role_was_given(
    postgresql_server: PostgresqlServer, postgresql_url: str, given: str, kept: str
) -> None:
    async with postgresql_server.admin() as admin:
        await admin.execute(f"ALTER ROLE switchover SET synchronous_commit = {given}")
        try:
            database = Database.at(postgresql_url, LIMITS)
            assert await setting(database, "synchronous_commit") == kept
            await database.close()
        finally:
            await admin.execute("ALTER ROLE switchover RESET synchronous_commit")


async def test_options_of_the_url_reach_the_server(postgresql_server: PostgresqlServer) -> None:
    url = postgresql_server.url(SHARED, application_name="ours", options="-c work_mem=5MB")
    database = Database.at(url, LIMITS)

    assert await setting(database, "application_name") == "ours"
    assert await setting(database, "work_mem") == "5MB"

    await database.close()


async def test_a_reader_cannot_write_and_its_connection_can_be_written_with_afterwards(
    postgresql_url: str,
) -> None:
    database = Database.at(postgresql_url, replace(LIMITS, connections=1))
    with pytest.raises(StoreUnavailable, match="it is read-only"):
        async with database.reading() as connection:
            await connection.execute(insert(proxies).values(proxy_id="web"))

    assert await setting(database, "transaction_read_only") == "off"
    assert await setting(database, "transaction_isolation") == "read committed"
    await database.close()


async def test_every_statement_of_a_read_sees_the_same_moment(postgresql_store: SqlStore) -> None:
    await postgresql_store.create_proxy(a_proxy())
    epoch = proxies.select().with_only_columns(proxies.c.epoch)

    async with postgresql_store._database.reading() as connection:
        before = (await connection.execute(epoch)).scalar_one()
        await postgresql_store.raise_epoch("web", 5)
        assert (await connection.execute(epoch)).scalar_one() == before == 0


async def test_a_mover_that_waited_sees_the_row_as_it_became(postgresql_store: SqlStore) -> None:
    await postgresql_store.create_proxy(a_proxy())
    async with asyncio.TaskGroup() as tasks:
        raised = [tasks.create_task(postgresql_store.raise_epoch("web", epoch)) for epoch in (7, 7, 7)]

    assert sorted(task.result() for task in raised) == [False, False, True]


async def test_a_row_that_names_a_locked_proxy_can_be_inserted_meanwhile(postgresql_store: SqlStore) -> None:
    await proxy_with(postgresql_store, "one")

    async with postgresql_store._database.writing() as connection:
        await connection.execute(text("SELECT 1 FROM proxies FOR NO KEY UPDATE"))
        await connection.execute(text("SELECT 1 FROM proxy_instances FOR NO KEY UPDATE"))
        # Its lock on the proxy is the one of its foreign key alone; with FOR UPDATE it would run into its timeout.
        async with postgresql_store._database.writing() as other:
            await other.execute(
                text(
                    "INSERT INTO outbox_messages SELECT gen_random_uuid(), now(), 'move.closed', 'web', 'ann', '{}'"
                )
            )

    assert len(await postgresql_store.pending_messages(5)) == 1


async def test_who_hangs_in_a_transaction_holds_no_row_for_longer_than_others_wait(
    postgresql_url: str, postgresql_store: SqlStore
) -> None:
    await proxy_with(postgresql_store, "one")
    hanging, other = Database.at(postgresql_url, LIMITS), Database.at(postgresql_url, LIMITS)
    change = update(proxies).values(owner_id="bob")
    taken: list[int] = []

    async def taken_over() -> None:
        async with other.writing() as successor:
            taken.append((await successor.execute(change)).rowcount)

    async def hang() -> None:
        async with hanging.writing() as connection:
            await connection.execute(change)
            await taken_over()

    with pytest.raises(StoreUnavailable):
        await hang()

    assert taken == [1]
    await hanging.close()
    await other.close()


async def test_a_busy_pool_makes_the_store_unavailable(postgresql_url: str) -> None:
    limits = replace(LIMITS, connections=1, statement_timeout_seconds=0.1)
    database = Database.at(postgresql_url, limits)
    async with database.writing():
        with pytest.raises(StoreUnavailable, match="no connection was free"):
            async with database.reading():
                pass
    await database.close()


async def test_what_a_check_refuses_is_our_own_fault_and_names_the_check(postgresql_store: SqlStore) -> None:
    with pytest.raises(OwnError, match="ck_proxy_failover_configurations_unhealthy_threshold_range") as error:
        await postgresql_store.create_proxy(a_proxy(policy=FailoverPolicy(unhealthy_threshold=0)))

    assert not isinstance(error.value, StoreUnavailable)
    assert await postgresql_store.load(LONG_AGO) == []


@pytest.mark.parametrize(("name", "words"), [("a\0b", "invalid byte sequence"), ("x" * 70, "too long")])
async def test_a_value_that_no_column_takes_is_our_own_fault(
    postgresql_store: SqlStore, name: str, words: str
) -> None:
    with pytest.raises(OwnError, match=words) as error:
        await postgresql_store.create_proxy(a_proxy(name))

    assert not isinstance(error.value, StoreUnavailable)


async def test_a_number_beyond_its_column_is_our_own_fault(postgresql_store: SqlStore) -> None:
    await postgresql_store.create_proxy(a_proxy())

    with pytest.raises(OwnError, match="out of int32 range") as error:
        await postgresql_store.add_instance(an_instance(priority=2**40))

    assert not isinstance(error.value, StoreUnavailable)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("INSERT INTO proxies SELECT * FROM proxies", "pk_proxies"),
        (
            "UPDATE proxy_failover_configurations SET (listener_address, listener_port, listener_protocol) = ('::1', 1, 'tcp')",
            ONE_LISTENER,
        ),
        ("UPDATE proxy_instances SET instance_name = 'same'", ONE_INSTANCE_NAME),
        ("UPDATE proxy_failover_events SET event_type = 'failover'", ONE_OPEN_MOVE),
        (
            "UPDATE proxy_failover_events SET target_instance_id = (SELECT instance_id FROM proxy_instances LIMIT 1)",
            ONE_OPEN_RECOVERY,
        ),
    ],
)
async def test_a_violation_is_told_by_the_name_of_its_constraint(
    postgresql_store: SqlStore, statement: str, name: str
) -> None:
    await postgresql_store.create_proxy(a_proxy("shop"))
    for instance in await proxy_with(postgresql_store, "one", "two"):
        recovery = an_event(event_type=EventType.RECOVERY, target_instance_id=instance.instance_id)
        assert await postgresql_store.add_recovery_event(recovery)

    async with postgresql_store._database._writer.connect() as connection:
        with pytest.raises(IntegrityError) as error:
            await connection.execute(text(statement))

    assert constraint_of(error.value) == name


def test_every_rule_of_the_domain_has_a_constraint_of_its_name() -> None:
    names = {str(index.name) for table in metadata.tables.values() for index in table.indexes if index.unique}

    assert names == {
        ONE_LISTENER,
        ONE_INSTANCE_NAME,
        ONE_OPEN_DRILL,
        ONE_OPEN_MOVE,
        ONE_OPEN_RECOVERY,
        ONE_BLOCKED_MOVE,
        ONE_SCHEDULED_MOVE,
    }


async def test_closing_leaves_no_connection_and_no_task(
    postgresql_server: PostgresqlServer, postgresql_url: str
) -> None:
    tasks = asyncio.all_tasks()
    store = await open_store(f"{postgresql_url}?application_name=counted", LIMITS)
    await asyncio.gather(*(store.load_proxy("web", LONG_AGO) for _ in range(8)))

    await store.close()

    assert asyncio.all_tasks() == tasks
    async with postgresql_server.admin() as admin:
        connected = await admin.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'counted' AND pg_sleep(0.1) IS NOT NULL"
        )
    assert connected == 0


async def test_a_store_that_cannot_be_opened_leaves_no_connection(
    postgresql_server: PostgresqlServer,
) -> None:
    async with postgresql_server.database(EMPTY) as name:
        with pytest.raises(UnusableDatabase, match="it has no tables yet; run `switchover db upgrade`"):
            await open_store(postgresql_server.url(name), LIMITS)
        async with postgresql_server.admin() as admin:
            await admin.execute(f"ALTER DATABASE {name} RENAME TO {name}_free")
            await admin.execute(f"ALTER DATABASE {name}_free RENAME TO {name}")


async def test_who_listens_hears_what_is_notified_and_leaves_nothing_behind(postgresql_url: str) -> None:
    database = Database.at(postgresql_url, IMPATIENT)
    heard: asyncio.Queue[object] = asyncio.Queue()

    def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        heard.put_nowait(payload)

    async with database.listening() as connection:
        assert isinstance(connection, asyncpg.Connection)
        await connection.add_listener("changes", hear)
        async with database.writing() as writer:
            await writer.execute(text("SELECT pg_notify('changes', 'web')"))
        assert await asyncio.wait_for(heard.get(), 30) == "web"

    assert connection.is_closed()
    await database.close()


async def test_a_file_has_nothing_to_listen_for(database_url: str) -> None:
    await upgrade(database_url)
    database = Database.at(database_url)

    with pytest.raises(OwnError, match="SQLite has no notifications"):
        async with database.listening():
            pass
    await database.close()


async def test_both_engines_are_the_same_to_a_proxy(postgresql_store: SqlStore, sql_store: SqlStore) -> None:
    for store in (postgresql_store, sql_store):
        await store.create_proxy(a_proxy(port=10000))

    assert await stored_in(postgresql_store) == await stored_in(sql_store)
