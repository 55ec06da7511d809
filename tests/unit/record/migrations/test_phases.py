"""Old and new replicas on one database: what `pre` and `post` promise, on both engines."""

import asyncio
import os
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.config import Config
from sqlalchemy import select, text
from tests.postgresql_server import EMPTY, PostgresqlServer
from tests.record_values import LONG_AGO, a_proxy, stored_in

from switchover.record.migrations import run
from switchover.record.migrations.phases import Phase
from switchover.record.migrations.run import current_revision, head_revision, upgrade
from switchover.record.sql.engine import Database
from switchover.record.sql.schema import schema_revisions
from switchover.record.sql.store import open_store
from switchover.record.unusable import UnusableDatabase

OURS = head_revision()
ADD = 'op.add_column("proxies", sa.Column("motto", sa.Text()))'
INDEX = 'create_index_beside_writers("ix_mottoes", "proxies", ["motto"])'
DROP = 'op.drop_index("ix_mottoes", "proxies"); op.drop_column("proxies", "motto")'


class NewerVersion:
    """A version of switchover with more steps than ours, which can be played and put aside."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        self._last = OURS

    def has(self, revision: str, phase: Phase, change: str) -> None:
        """One more step."""
        words = f"""
            import sqlalchemy as sa
            from alembic import op
            from switchover.record.migrations.indexes import create_index_beside_writers
            from switchover.record.migrations.phases import Phase
            revision, down_revision, branch_labels, depends_on = {revision!r}, {self._last!r}, None, None
            phase = Phase.{phase.name}

            def upgrade():
                {change}
            """
        (self._folder / f"v{revision}.py").write_text(textwrap.dedent(words))
        self._last = revision

    def run(self) -> None:
        """From here on this process is of the newer version."""
        ours = run.configuration

        def theirs() -> Config:
            config = ours()
            shipped = Path(run.__file__).parent / "versions"
            config.set_main_option("version_locations", f"{shipped}{os.pathsep}{self._folder}")
            return config

        self._monkeypatch.setattr(run, "configuration", theirs)

    def leave(self) -> None:
        """From here on it is of ours again."""
        self._monkeypatch.undo()


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NewerVersion:
    folder = tmp_path / "versions"
    folder.mkdir()
    return NewerVersion(folder, monkeypatch)


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(
    request: pytest.FixtureRequest, database_url: str, postgresql_server: PostgresqlServer
) -> AsyncIterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield database_url
    else:
        async with postgresql_server.database(EMPTY) as name:
            yield postgresql_server.url(name)


async def applied(url: str) -> list[tuple[str, Phase]]:
    database = Database.at(url)
    async with database.reading() as connection:
        rows = (await connection.execute(select(schema_revisions).order_by("revision"))).all()
    await database.close()
    return [(row.revision, row.phase) for row in rows]


def test_every_step_says_its_phase() -> None:
    assert {type(step.module.phase) for step in run._chain()} == {Phase}


async def test_every_step_that_was_applied_is_written_down(url: str) -> None:
    await upgrade(url)

    assert await applied(url) == [(step.revision, step.module.phase) for step in run._chain()]


async def test_replicas_of_the_version_before_work_on_while_steps_are_pre(
    url: str, newer: NewerVersion
) -> None:
    newer.has("9001", Phase.PRE, ADD)
    newer.has("9002", Phase.PRE, INDEX)
    await upgrade(url)
    old = await open_store(url)
    await old.create_proxy(a_proxy("web"))

    newer.run()
    assert await upgrade(url) == (OURS, "9002")
    newer.leave()

    # The one that runs, one that starts now, and one that would upgrade first.
    assert await old.raise_epoch("web", 5)
    assert await upgrade(url) == ("9002", "9002")
    second = await open_store(url)
    await second.create_proxy(a_proxy("shop"))
    assert [stored.proxy.proxy_id for stored in await old.load(LONG_AGO)] == ["shop", "web"]
    await asyncio.gather(old.close(), second.close())
    assert (await applied(url))[-2:] == [("9001", Phase.PRE), ("9002", Phase.PRE)]


async def test_a_new_replica_waits_for_pre_and_not_for_post(url: str, newer: NewerVersion) -> None:
    newer.has("9001", Phase.PRE, ADD)
    newer.has("9002", Phase.PRE, INDEX)
    newer.has("9003", Phase.POST, DROP)
    await upgrade(url)
    newer.run()

    with pytest.raises(
        UnusableDatabase, match=f"at revision {OURS}, this version needs 9002; run `switchover db"
    ):
        await open_store(url)
    assert await upgrade(url) == (OURS, "9002")
    store = await open_store(url)

    assert await upgrade(url) == ("9002", "9002")
    assert await upgrade(url, post=True) == ("9002", "9003")
    await store.create_proxy(a_proxy())
    assert (await stored_in(store)).proxy == a_proxy()
    await store.close()


async def test_an_old_replica_is_refused_once_post_was_taken(url: str, newer: NewerVersion) -> None:
    newer.has("9001", Phase.PRE, ADD)
    newer.has("9002", Phase.PRE, INDEX)
    newer.has("9003", Phase.POST, DROP)
    newer.has("9004", Phase.PRE, ADD)
    await upgrade(url)
    newer.run()
    await upgrade(url, post=True)
    newer.leave()

    for attempt in (open_store, upgrade):
        with pytest.raises(
            UnusableDatabase, match="revision 9004, which this version does not know; a newer"
        ):
            await attempt(url)
    assert await current_revision(url) == "9004"


async def test_a_post_step_that_was_left_out_is_not_passed_over(url: str, newer: NewerVersion) -> None:
    newer.has("9001", Phase.POST, ADD)
    newer.has("9002", Phase.PRE, INDEX)
    await upgrade(url)
    newer.run()

    with pytest.raises(UnusableDatabase, match="revision 9001 of a former version was left out; stop every"):
        await upgrade(url)
    assert await current_revision(url) == OURS

    assert await upgrade(url, post=True) == (OURS, "9002")


async def test_an_empty_database_gets_every_step(url: str, newer: NewerVersion) -> None:
    newer.has("9001", Phase.PRE, ADD)
    newer.has("9002", Phase.PRE, INDEX)
    newer.has("9003", Phase.POST, DROP)
    newer.run()

    assert await upgrade(url) == (None, "9003")


async def test_a_step_that_fails_leaves_the_database_where_it_was_before(
    url: str, newer: NewerVersion
) -> None:
    newer.has("9001", Phase.PRE, f"{ADD}; op.execute('SELECT no_such_thing')")
    await upgrade(url)
    newer.run()

    with pytest.raises(Exception, match=r"no_such_thing|no such column"):
        await upgrade(url)

    assert await current_revision(url) == OURS
    database = Database.at(url)
    async with database.reading() as connection:
        columns = (await connection.execute(text("SELECT * FROM proxies"))).keys()
    await database.close()
    assert "motto" not in columns
