"""The database of a process: where it is, and its tables brought to this version."""

import asyncio
from dataclasses import dataclass

from switchover.app.datadir import DataDir
from switchover.app.settings import Settings
from switchover.record.migrations import run
from switchover.record.sql.engine import place_of
from switchover.record.sql.limits import DatabaseLimits


def database_url(settings: Settings) -> str:
    """The database these settings mean."""
    return settings.database_url or DataDir(settings.data_dir).database_url


def database_limits(settings: Settings) -> DatabaseLimits:
    """What these settings allow a process to ask of a database server."""
    return DatabaseLimits(
        connections=settings.database_pool_size,
        connect_timeout_seconds=settings.database_connect_timeout_seconds,
        statement_timeout_seconds=settings.database_statement_timeout_seconds,
        lock_timeout_seconds=settings.database_lock_timeout_seconds,
    )


def database_name(settings: Settings) -> str:
    """The URL of the database without its password."""
    return place_of(database_url(settings)).name


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded:
    """What an upgrade came to.

    Attributes:
        before: The revision before; None for an empty database.
        after: The revision now.
        is_finished: Whether nothing is left that waits for the end of older replicas.
    """

    before: str | None
    after: str
    is_finished: bool


def upgrade_database(settings: Settings, *, post: bool = False) -> Upgraded:
    """Bring the tables to this version.

    Args:
        settings: The process settings.
        post: Whether to take the steps too that older replicas could not live with.

    Raises:
        StoreUnavailable: The database did not answer.
        OperatorError: It is no database of ours, or a newer one.
    """
    if settings.database_url is None:
        DataDir(settings.data_dir).make()
    before, after = asyncio.run(run.upgrade(database_url(settings), database_limits(settings), post=post))
    return Upgraded(before=before, after=after, is_finished=after == run.head_revision())
