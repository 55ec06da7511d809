"""What docs/deploy.md tells a reader to do: commands that exist, and SQL and backups on a real PostgreSQL."""

import re
import shlex
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from docs.generate import leaves
from tests.deploy.settings_named import named_in, settings_that_exist
from tests.postgresql_server import PASSWORD, PostgresqlServer
from tests.record_values import a_proxy
from typer.main import get_command

from switchover.app.clock import SystemClock
from switchover.cli.main import build
from switchover.model.errors import OperatorError, StoreUnavailable
from switchover.model.lease import Replica
from switchover.record.migrations.run import upgrade
from switchover.record.sql.company import SharedRecord, open_shared

GUIDE = (Path(__file__).parents[2] / "docs/deploy.md").read_text("utf-8")
OWNER, WORKER, DATABASE = "guide_owner", "guide_worker", "guide"
EXAMPLES = {"SWITCHOVER_URL", "SWITCHOVER_TOKEN"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def commands() -> Iterator[list[str]]:
    """The words of every `switchover` command in a block."""
    for block in blocks("sh"):
        for line in block.replace("\\\n", " ").splitlines():
            # What kubectl itself is told also has the word in it.
            said = line.partition(" -- ")[2] if line.startswith("kubectl") else line
            if match := re.search(r"(?:^|[ /])switchover ([a-z].*)", said):
                yield shlex.split(match[1].replace("'", ""), comments=True)


def test_commands_and_their_options_exist() -> None:
    known = {
        words: {o for p in command.params for o in p.opts} for words, command in leaves(get_command(build()))
    }
    said = list(commands())
    assert {"status", "db", "token", "apply", "node"} <= {words[0] for words in said}
    for words in said:
        (name,) = [name for name in known if words[: len(name)] == list(name)]
        options = {word for word in words[len(name) :] if word.startswith("-")}
        assert options <= known[name], words


def test_settings_in_it_exist() -> None:
    assert {n for n in named_in(GUIDE) - EXAMPLES if not n.endswith("_")} <= settings_that_exist()


@dataclass(frozen=True)
class Guided:
    """A database that was made as the guide says, by other names: the tests have a role called `switchover`."""

    server: PostgresqlServer

    def url(self, role: str) -> str:
        return re.sub(r"//[^:]+:", f"//{role}:", self.server.url(DATABASE))

    def run(self, command: str) -> None:
        """Run a command of the guide with the programs of this server."""
        program, *words = shlex.split(command.replace('"$OWNER_URL"', f"'{self.url(OWNER)}'"), comments=True)
        done = subprocess.run(
            [self.server.program(program), *words],
            cwd=self.server.directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture
async def guided(postgresql_server: PostgresqlServer) -> AsyncIterator[Guided]:
    as_superuser, in_database, _ = (
        re.sub(r"'\w+-password'", f"'{PASSWORD}'", sql.replace("switchover_owner", OWNER))
        .replace("DATABASE switchover", f"DATABASE {DATABASE}")
        .replace("switchover", WORKER)
        for sql in blocks("sql")
    )
    async with postgresql_server.admin() as admin:
        for statement in filter(str.strip, as_superuser.split(";")):
            await admin.execute(statement)
    try:
        async with postgresql_server.admin(DATABASE) as admin:
            await admin.execute(in_database)
        yield Guided(postgresql_server)
    finally:
        async with postgresql_server.admin() as admin:
            await admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
            await admin.execute(f"DROP ROLE {OWNER}")
            await admin.execute(f"DROP ROLE {WORKER}")


async def test_the_role_of_replicas_may_do_their_work_and_change_no_table(guided: Guided) -> None:
    with pytest.raises(OperatorError, match="db upgrade"):
        await opened(guided)
    with pytest.raises((OperatorError, StoreUnavailable), match="permission denied"):
        await upgrade(guided.url(WORKER))
    await upgrade(guided.url(OWNER))
    shared = await opened(guided)
    try:
        await shared.store.create_proxy(a_proxy())
        replica = Replica(replica_id=UUID(int=1), name="r1", url="http://r1", started_at=SystemClock().now())
        await shared.membership.renew(replica, 60)
        assert [lease.proxy_id for lease in await shared.membership.claim(replica.replica_id, ["web"])] == [
            "web"
        ]
        await shared.exchange.note_node("edge-1", replica.replica_id, connected=True)
        await shared.membership.leave(replica.replica_id)
    finally:
        await shared.store.close()
    async with guided.server.admin(DATABASE) as admin:
        rights = await admin.fetch(
            "SELECT tablename, verb, has_table_privilege($1, tablename::text, verb) AS may"
            " FROM pg_tables, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS verb"
            " WHERE schemaname = 'public'",
            WORKER,
        )
    assert len(rights) > 40
    assert [(row["tablename"], row["verb"]) for row in rights if not row["may"]] == []


async def test_a_backup_is_restored_by_the_commands_of_the_guide(guided: Guided) -> None:
    dump, restore = (
        next(line for block in blocks("sh") for line in block.splitlines() if line.startswith(name))
        for name in ("pg_dump", "pg_restore")
    )
    await upgrade(guided.url(OWNER))
    await created(guided, "web")
    guided.run(dump)
    await created(guided, "younger")
    guided.run(restore)
    assert await created(guided, "again") == ["again", "web"]


async def created(guided: Guided, proxy_id: str) -> list[str]:
    """Create a proxy as a replica would; every proxy that there is then."""
    shared = await opened(guided)
    try:
        await shared.store.create_proxy(a_proxy(proxy_id))
        return [holding.proxy_id for holding in await shared.membership.holdings()]
    finally:
        await shared.store.close()


async def opened(guided: Guided) -> SharedRecord:
    """The database as a replica opens it."""
    return await open_shared(guided.url(WORKER), replica_id=UUID(int=1), clock=SystemClock())
