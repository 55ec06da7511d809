"""Taking a database to the newest revision, and saying which one it has."""

from collections.abc import Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, inspect, select

from switchover.model.errors import StoreUnavailable
from switchover.record.migrations.phases import Phase
from switchover.record.sql.engine import Database, inspecting, migrating, place_of
from switchover.record.sql.limits import DatabaseLimits
from switchover.record.sql.schema import schema_revisions
from switchover.record.unusable import UnusableDatabase

_HERE = Path(__file__).parent


def head_revision() -> str:
    """The newest revision that this version of switchover knows."""
    return _chain()[-1].revision


async def current_revision(database_url: str, limits: DatabaseLimits | None = None) -> str | None:
    """The revision of the database; None when it does not exist or has no tables of ours.

    Raises:
        UnusableDatabase: It cannot be opened or is no database.
        StoreUnavailable: Somebody else held it for too long.
    """
    if not place_of(database_url).exists():
        return None
    async with inspecting(database_url, limits) as connection:
        return await connection.run_sync(_revision)


async def check_revision(database: Database) -> None:
    """Refuse a database that this version cannot work with.

    It works with its own revision, with one that lacks `post` steps alone, and with a newer one whose steps beyond
    our own are all `pre`.

    Raises:
        UnusableDatabase: It is missing, older (`switchover db upgrade` mends that), too new, or no database.
        StoreUnavailable: Somebody else held it for too long.
    """
    if not database.exists():
        raise _no_tables(database.name)
    async with database.inspecting() as connection:
        await connection.run_sync(_check, database.name)


async def upgrade(
    database_url: str, limits: DatabaseLimits | None = None, *, post: bool = False
) -> tuple[str | None, str]:
    """Take the database to this version; create a file that does not exist.

    Two processes may do this at once: the second finds the work done. An empty database gets every step, a newer one
    that this version can work with gets none.

    Args:
        database_url: Which database.
        limits: What a server is asked for at the most.
        post: Whether steps that older replicas could not live with are taken too: none of those may run.

    Returns:
        The revision before (None: there were no tables) and after.

    Raises:
        UnusableDatabase: It is read-only, no database, another program's, or too new for this version; or a `post`
            step of a former version must be taken first.
        StoreUnavailable: Somebody else held it for too long. What was not finished was undone.
    """
    try:
        async with migrating(database_url, limits) as connection:
            return await connection.run_sync(_upgrade, place_of(database_url).name, post=post)
    except StoreUnavailable as error:
        raise StoreUnavailable(
            f"{error}; the step under way was undone, run `switchover db upgrade` again"
        ) from error


def configuration() -> Config:
    """Alembic's configuration, without any file."""
    config = Config()
    # ConfigParser reads % as the start of a reference.
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _upgrade(connection: Connection, name: str, *, post: bool) -> tuple[str | None, str]:
    in_transaction = connection.in_transaction()
    before = _revision(connection)
    if before is None and (tables := inspect(connection).get_table_names()):
        raise UnusableDatabase(
            f"{name}: it holds tables of another program ({', '.join(sorted(tables)[:3])}); name another database"
        )
    if before is not None and before not in _known():
        _check_newer(connection, before, name)
        return before, before
    missing = _after(before)
    wanted = missing if post or before is None else _before_first_post(missing, name)
    if not in_transaction:
        # Reading began one; each step is to have its own.
        connection.rollback()
    if wanted:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, wanted[-1].revision)
    return before, wanted[-1].revision if wanted else str(before)


def _check(connection: Connection, name: str) -> None:
    revision = _revision(connection)
    if revision is None:
        raise _no_tables(name)
    if revision not in _known():
        _check_newer(connection, revision, name)
    elif needed := [step for step in _after(revision) if _phase(step) is Phase.PRE]:
        raise UnusableDatabase(
            f"{name}: it is at revision {revision}, this version needs {needed[-1].revision}; "
            "run `switchover db upgrade`"
        )


def _check_newer(connection: Connection, revision: str, name: str) -> None:
    applied = {}
    if inspect(connection).has_table(schema_revisions.name):
        rows = connection.execute(select(schema_revisions.c.revision, schema_revisions.c.phase))
        applied = {row.revision: row.phase for row in rows}
    beyond = {step: phase for step, phase in applied.items() if step not in _known()}
    if revision in beyond and Phase.POST not in beyond.values():
        return
    raise UnusableDatabase(
        f"{name}: it is at revision {revision}, which this version does not know; a newer switchover "
        "upgraded it. Run that version, or restore a backup"
    )


def _before_first_post(steps: Sequence[Script], name: str) -> Sequence[Script]:
    first_post = next((n for n, step in enumerate(steps) if _phase(step) is Phase.POST), len(steps))
    if any(_phase(step) is Phase.PRE for step in steps[first_post:]):
        raise UnusableDatabase(
            f"{name}: revision {steps[first_post].revision} of a former version was left out; "
            "stop every replica older than that one, then run `switchover db upgrade --post`"
        )
    return steps[:first_post]


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _no_tables(name: str) -> UnusableDatabase:
    return UnusableDatabase(f"{name}: it has no tables yet; run `switchover db upgrade`")


def _phase(step: Script) -> Phase:
    return Phase(step.module.phase)


def _known() -> set[str]:
    return {step.revision for step in _chain()}


def _after(revision: str | None) -> Sequence[Script]:
    chain = _chain()
    if revision is None:
        return chain
    return chain[[step.revision for step in chain].index(revision) + 1 :]


def _chain() -> Sequence[Script]:
    """Every step that the package ships, oldest first."""
    return tuple(reversed(list(ScriptDirectory.from_config(configuration()).walk_revisions())))
