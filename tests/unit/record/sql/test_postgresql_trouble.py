"""What goes wrong with a server is told in words; nothing is half done, and afterwards all is as before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.postgresql_server import EMPTY, IMPATIENT, SHARED, USER, PostgresqlServer
from tests.record_values import (
    LONG_AGO,
    a_move,
    a_pass,
    a_proxy,
    a_trail,
    an_entry,
    proxy_with,
    stored_in,
    trail_of,
)
from tests.tcp_relay import Relay, relay_to
from tests.waiting import eventually

from switchover.model.errors import Conflict, OutcomeUnknown, StoreUnavailable
from switchover.record.migrations.run import upgrade
from switchover.record.sql import engine
from switchover.record.sql.engine import Database
from switchover.record.sql.limits import DatabaseLimits
from switchover.record.sql.store import SqlStore, open_store
from switchover.record.store import Store

PATIENT = replace(IMPATIENT, lock_timeout_seconds=20)


async def works_again(store: Store) -> None:
    """The store takes a write and gives it back, as it did before the trouble."""
    entry = an_entry("afterwards")
    await store.append_audit(entry)
    assert entry in await store.audit("afterwards", 5)


@pytest.fixture
async def relay(postgresql_server: PostgresqlServer) -> AsyncIterator[Relay]:
    async with relay_to(postgresql_server.port) as relay:
        yield relay


@asynccontextmanager
async def store_behind(relay: Relay, url: str, limits: DatabaseLimits = PATIENT) -> AsyncIterator[SqlStore]:
    there = url.rpartition("@")
    store = await open_store(f"{there[0]}@127.0.0.1:{relay.port}/{SHARED}", limits)
    try:
        yield store
    finally:
        await store.close()


async def test_a_server_that_is_killed_and_restarted_costs_no_committed_move(
    postgresql_server: PostgresqlServer, postgresql_store: SqlStore
) -> None:
    (one,) = await proxy_with(postgresql_store, "one")
    move = a_move(await stored_in(postgresql_store), one)
    await postgresql_store.commit_pass(a_pass(move=move))

    async def write_as_it_dies() -> None:
        async with postgresql_store._database.writing() as connection:
            await connection.execute(text("UPDATE proxies SET epoch = 99"))
            postgresql_server.kill()

    try:
        with pytest.raises(StoreUnavailable):
            await write_as_it_dies()
        with pytest.raises(StoreUnavailable, match="the server cannot be reached"):
            await postgresql_store.raise_epoch("web", 50)
    finally:
        postgresql_server.start()

    await works_again(postgresql_store)
    stored = await stored_in(postgresql_store)
    assert (stored.proxy.epoch, stored.open_move) == (1, move.event)


async def test_a_write_that_a_restart_interrupts_is_repeated(
    postgresql_server: PostgresqlServer, postgresql_store: SqlStore
) -> None:
    await proxy_with(postgresql_store, "one")
    postgresql_server.stop()
    postgresql_server.start()

    # The pool still has connections of before the restart; none of them fails a write.
    assert await postgresql_store.raise_epoch("web", 5)
    assert await postgresql_store.events("web", 5) == []


async def test_a_terminated_connection_costs_no_write(
    postgresql_server: PostgresqlServer, postgresql_store: SqlStore
) -> None:
    await postgresql_store.create_proxy(a_proxy())
    async with postgresql_server.admin() as admin:
        await admin.execute(
            f"SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE usename = '{USER}'"  # noqa: S608
        )

    assert await postgresql_store.raise_epoch("web", 5)


async def test_a_connection_that_is_terminated_in_a_transaction_undoes_it_and_says_so(
    postgresql_store: SqlStore,
) -> None:
    await postgresql_store.create_proxy(a_proxy())

    async def end_oneself() -> None:
        async with postgresql_store._database.writing() as connection:
            await connection.execute(text("UPDATE proxies SET epoch = 99"))
            await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(StoreUnavailable, match=r"the server ended our connection|the connection was lost"):
        await end_oneself()

    assert (await stored_in(postgresql_store)).proxy.epoch == 0
    await works_again(postgresql_store)


async def test_a_connection_lost_in_a_transaction_is_opened_again_and_the_transaction_repeated(
    relay: Relay, postgresql_url: str
) -> None:
    async with store_behind(relay, postgresql_url) as store:
        await store.create_proxy(a_proxy())
        relay.cut_at = b"UPDATE proxies"
        write = asyncio.create_task(store.raise_epoch("web", 5, a_trail()))
        await eventually(lambda: relay.cuts)
        relay.cut_at = None

        assert await write
        assert (await stored_in(store)).proxy.epoch == 5
        assert len((await trail_of(store)).audit) == 1


async def test_a_line_that_is_cut_each_time_is_given_up(
    relay: Relay, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "REPETITIONS", 2)
    async with store_behind(relay, postgresql_url) as store:
        await store.create_proxy(a_proxy())
        relay.cut_at = b"UPDATE proxies"

        with pytest.raises(StoreUnavailable, match="the connection was lost") as lost:
            await store.raise_epoch("web", 5)

        assert (relay.cuts, isinstance(lost.value, OutcomeUnknown)) == (3, False)
        relay.cut_at = None
        assert (await stored_in(store)).proxy.epoch == 0


@pytest.mark.parametrize("arrives", [False, True])
async def test_a_move_whose_commit_is_cut_off_is_unknown_and_can_safely_be_repeated(
    relay: Relay, postgresql_url: str, *, arrives: bool
) -> None:
    async with store_behind(relay, postgresql_url) as store:
        (one,) = await proxy_with(store, "one")
        change = a_pass(move=a_move(await stored_in(store), one), trail=a_trail())
        relay.cut_at, relay.word_arrives = b"COMMIT;", arrives

        with pytest.raises(OutcomeUnknown, match="whether the record has the change is not known"):
            await store.commit_pass(change)

        assert relay.cuts == 1
        relay.cut_at = None
        if arrives:
            with pytest.raises(Conflict) as refused:
                await store.commit_pass(change)
            assert refused.value.state == {"activeInstanceId": str(one.instance_id), "epoch": 1}
        else:
            await store.commit_pass(change)
        stored = await stored_in(store)
        assert (stored.proxy.epoch, stored.open_move) == (1, change.move and change.move.event)
        assert await trail_of(store) == change.trail


async def test_a_silent_server_is_given_up_and_the_connection_with_it(
    relay: Relay, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with store_behind(relay, postgresql_url) as store:
        await store.create_proxy(a_proxy())
        for patience in ("transaction_seconds", "_connect_seconds"):
            monkeypatch.setattr(store._database._place, patience, 0.5)
        relay.speaking.clear()

        for call in (store.raise_epoch("web", 5), store.load_proxy("web", LONG_AGO)):
            with pytest.raises(StoreUnavailable, match="did not answer in time"):
                await call

        relay.speaking.set()
        monkeypatch.undo()
        await works_again(store)


async def test_closing_does_not_wait_for_a_silent_server(
    relay: Relay, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "CLOSING_SECONDS", 0.2)
    tasks = asyncio.all_tasks()
    async with store_behind(relay, postgresql_url) as store:
        await asyncio.gather(*(store.load_proxy("web", LONG_AGO) for _ in range(3)))
        relay.speaking.clear()

    assert store._database._place._opened == set()  # type: ignore[attr-defined] # of a server's place
    relay.speaking.set()
    await eventually(lambda: asyncio.all_tasks() <= tasks)


async def test_a_row_that_somebody_holds_for_too_long_is_told(
    postgresql_server: PostgresqlServer, postgresql_store: SqlStore
) -> None:
    await postgresql_store.create_proxy(a_proxy())
    async with postgresql_server.admin(SHARED) as admin, admin.transaction():
        await admin.execute("SELECT 1 FROM proxies FOR UPDATE")
        with pytest.raises(StoreUnavailable, match="longer than the lock timeout"):
            await postgresql_store.raise_epoch("web", 5)

    await works_again(postgresql_store)
    assert await postgresql_store.raise_epoch("web", 5)


async def test_a_statement_that_takes_too_long_is_told(postgresql_url: str) -> None:
    store = await open_store(postgresql_url, replace(IMPATIENT, statement_timeout_seconds=0.5))

    with pytest.raises(StoreUnavailable, match="longer than the statement timeout"):
        async with store._database.reading() as connection:
            await connection.execute(text("SELECT pg_sleep(60)"))

    await works_again(store)
    await store.close()


async def test_of_two_who_wait_for_each_other_both_come_through(postgresql_url: str) -> None:
    store = await open_store(postgresql_url, PATIENT)
    await store.create_proxy(a_proxy("a"))
    await store.create_proxy(a_proxy("b"))
    attempts: list[str] = []
    both_hold_one = asyncio.Barrier(2)

    async def cross(connection: AsyncConnection, first: str, second: str) -> None:
        attempts.append(first)
        raised = text("UPDATE proxies SET epoch = epoch + 1 WHERE proxy_id = :key")
        await connection.execute(raised, {"key": first})
        if len(attempts) <= 2:
            await both_hold_one.wait()
        await connection.execute(raised, {"key": second})

    await asyncio.gather(store._database.write(cross, "a", "b"), store._database.write(cross, "b", "a"))

    assert len(attempts) == 3
    assert [stored.proxy.epoch for stored in await store.load(LONG_AGO)] == [2, 2]
    await store.close()


async def test_a_deadlock_that_nobody_repeats_is_told(postgresql_url: str) -> None:
    store = await open_store(postgresql_url, PATIENT)
    await store.create_proxy(a_proxy("a"))
    await store.create_proxy(a_proxy("b"))
    both_hold_one = asyncio.Barrier(2)

    async def cross(first: str, second: str) -> None:
        async with store._database.writing() as connection:
            for key in (first, second):
                await connection.execute(text(f"UPDATE proxies SET epoch = 7 WHERE proxy_id = '{key}'"))  # noqa: S608
                if key == first:
                    await both_hold_one.wait()

    outcomes = await asyncio.gather(cross("a", "b"), cross("b", "a"), return_exceptions=True)

    (told,) = [outcome for outcome in outcomes if outcome is not None]
    assert isinstance(told, StoreUnavailable)
    assert "(deadlock)" in str(told)
    await store.close()


async def test_a_transaction_that_could_not_be_serialised_is_repeated(postgresql_url: str) -> None:
    store = await open_store(postgresql_url, PATIENT)
    await store.create_proxy(a_proxy())
    attempts = 0

    async def late(connection: AsyncConnection) -> int:
        nonlocal attempts
        attempts += 1
        await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        await connection.execute(text("SELECT epoch FROM proxies"))
        if attempts == 1:
            await store.raise_epoch("web", 5)
        raised = await connection.execute(text("UPDATE proxies SET epoch = epoch + 1 RETURNING epoch"))
        return int(raised.scalar_one())

    assert await store._database.write(late) == 6
    assert attempts == 2
    await store.close()


async def test_a_read_only_server_is_told_and_writing_works_when_it_ends(
    postgresql_server: PostgresqlServer, postgresql_store: SqlStore, postgresql_url: str
) -> None:
    await postgresql_store.create_proxy(a_proxy())
    async with postgresql_server.admin() as admin:
        await admin.execute(f"ALTER ROLE {USER} SET default_transaction_read_only = on")
        try:
            with pytest.raises(
                StoreUnavailable, match="it is read-only: a standby, or default_transaction_read"
            ):
                await open_store(postgresql_url)
            database = Database.at(postgresql_url, IMPATIENT)
            with pytest.raises(StoreUnavailable, match="it is read-only"):
                await SqlStore(database).raise_epoch("web", 5)
            with pytest.raises(StoreUnavailable, match="it is read-only"):
                async with postgresql_server.database(EMPTY) as name:
                    await upgrade(postgresql_server.url(name))
        finally:
            await admin.execute(f"ALTER ROLE {USER} RESET default_transaction_read_only")

    # The connections of before were thrown away: the next is to whoever takes writes now.
    assert await SqlStore(database).raise_epoch("web", 5)
    await database.close()
    await works_again(postgresql_store)


async def test_a_server_whose_disk_is_full_is_told(postgresql_store: SqlStore) -> None:
    # No full disk can be had without privileges; the server's own word for one is raised by the server.
    await postgresql_store.create_proxy(a_proxy())

    with pytest.raises(StoreUnavailable, match="the server's disk is full"):
        async with postgresql_store._database.writing() as connection:
            await connection.execute(text("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$"))

    await works_again(postgresql_store)
