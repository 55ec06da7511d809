import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.postgresql_server import PostgresqlServer
from tests.record_values import LONG_AGO, proxy_with, stored_in
from tests.waiting import eventually

from switchover.model.events import FailoverEvent
from switchover.record.migrations.run import upgrade
from switchover.record.sql.store import open_store
from switchover.record.store import Store

WRITER = Path(__file__).with_name("record_writer.py")
# How many lines a writer prints before it is killed: between any two of them it is somewhere inside a transaction.
LINES = (1, 2, 3, 5, 8, 13, 21, 34)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A database, and who is killed beside it.

    Attributes:
        url: The database.
        server: Its server, which is started again if it is the one that is killed; None for a file.
        server_dies: Whether the server is killed, and not the writer.
    """

    url: str
    server: PostgresqlServer | None = None
    server_dies: bool = False


async def killed_after(case: Case, lines: int) -> tuple[int, int]:
    """Run a writer and kill it, or its server, once it printed `lines` lines; the last epochs that it said it
    committed and closed.
    """
    writer = await asyncio.create_subprocess_exec(
        sys.executable, str(WRITER), case.url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    said: list[bytes] = []
    try:
        async with asyncio.timeout(60):
            said.extend([await writer.stdout.readline() for _ in range(lines)])
            if case.server is not None and case.server_dies:
                case.server.kill()
                await writer.wait()
    finally:
        if writer.returncode is None:
            writer.kill()
    rest, errors = await writer.communicate()
    if case.server is not None and case.server_dies:
        assert b"switchover.model.errors" in errors
        case.server.start()
    else:
        assert errors == b""
    epochs = {b"committed": 0, b"closed": 0}
    # The last line may be torn: what it would have said is not promised.
    for line in (b"".join(said) + rest).split(b"\n")[:-1]:
        what, epoch = line.split()
        epochs[what] = int(epoch)
    return epochs[b"committed"], epochs[b"closed"]


async def nobody_is_left(case: Case) -> None:
    """Wait until the server has noticed that the writer is gone, and ended its transaction."""
    if case.server is None:
        return
    async with case.server.admin() as admin:
        await eventually(
            lambda: admin.fetchval(
                "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = $1", case.url.rpartition("/")[2]
            )
        )


@pytest.fixture(params=["sqlite, writer dies", "postgresql, writer dies", "postgresql, server dies"])
async def case(
    request: pytest.FixtureRequest, tmp_path: Path, postgresql_server: PostgresqlServer
) -> AsyncIterator[Case]:
    if request.param.startswith("sqlite"):
        url = f"sqlite+aiosqlite:///{tmp_path / 'switchover.db'}"
        await upgrade(url)
        yield Case(url=url)
    else:
        async with postgresql_server.database() as name:
            server_dies = request.param.endswith("server dies")
            yield Case(url=postgresql_server.url(name), server=postgresql_server, server_dies=server_dies)


async def every_event(store: Store) -> list[FailoverEvent]:
    return list(await store.events("web", 100_000))


async def test_who_is_killed_at_any_point_leaves_a_record_that_agrees_with_itself(
    case: Case, tmp_path: Path
) -> None:
    store = await open_store(case.url)
    registered = {i.instance_id for i in await proxy_with(store, "one", "two")}
    await store.close()

    for lines in LINES:
        committed, closed = await killed_after(case, lines)
        await nobody_is_left(case)

        store = await open_store(case.url)
        stored, events = await stored_in(store), await every_event(store)
        messages, audit = await store.pending_messages(100_000), await store.audit("web", 100_000)
        await store.close()
        epoch = stored.proxy.epoch
        # Nothing that was said is lost, and at most the one transaction in flight came on top.
        assert committed <= epoch <= committed + 1
        # An event exists exactly for each epoch, and its message and audit entry with it.
        assert [event.epoch for event in events] == list(range(epoch, 0, -1))
        assert [message.payload["epoch"] for message in messages] == list(range(1, epoch + 1))
        assert {entry.subject_id for entry in audit} == {event.event_id for event in events}
        # The active is the newest event's target, whose usage the same pass wrote.
        assert stored.proxy.active_instance_id == events[0].target_instance_id
        assert {i.instance_id for i in stored.instances} == registered
        (active,) = (i for i in stored.instances if i.instance_id == stored.proxy.active_instance_id)
        assert active.usage.total_requests == epoch
        # At most the newest is open, and nothing that was said to be closed.
        still_open = [event.epoch for event in events if event.status.is_open]
        assert still_open in ([], [epoch])
        assert closed not in still_open

    if case.server is None:
        with closing(sqlite3.connect(tmp_path / "switchover.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


async def test_a_thousand_proxies_with_three_instances_load_whole(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'switchover.db'}"
    await upgrade(url)
    store = await open_store(url)
    for number in range(1000):
        await proxy_with(store, "one", "two", "three", proxy_id=f"p{number}", port=10000 + number)

    loaded = await store.load(LONG_AGO)
    await store.close()

    assert [len(stored.instances) for stored in loaded] == [3] * 1000
    assert [stored.proxy.proxy_id for stored in loaded] == sorted(f"p{number}" for number in range(1000))
