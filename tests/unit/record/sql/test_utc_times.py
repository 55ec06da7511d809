from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite

from switchover.record.sql.columns import UtcTime

SQLITE = SQLiteDialect_aiosqlite()
POSTGRESQL: Dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped
IN_KATHMANDU = datetime(2026, 3, 1, 5, 45, 0, 7, tzinfo=timezone(timedelta(hours=5, minutes=45)))
IN_UTC = datetime(2026, 3, 1, 0, 0, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL])
def test_a_time_is_stored_in_utc(dialect: Dialect) -> None:
    stored = UtcTime().process_bind_param(IN_KATHMANDU, dialect)

    assert stored == IN_UTC
    assert stored.tzinfo is UTC


@pytest.mark.parametrize("given", [IN_UTC, IN_KATHMANDU, IN_UTC.replace(tzinfo=None)])
def test_a_time_comes_back_aware_and_in_utc_whatever_the_engine_gives(given: datetime) -> None:
    loaded = UtcTime().process_result_value(given, SQLITE)

    assert loaded == IN_UTC
    assert loaded.tzinfo is UTC


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needs a time zone; 2026-03-01T00:00:00\.000007 has none"):
        UtcTime().process_bind_param(IN_UTC.replace(tzinfo=None), SQLITE)


def test_no_time_stays_none() -> None:
    assert UtcTime().process_bind_param(None, SQLITE) is None
    assert UtcTime().process_result_value(None, SQLITE) is None
