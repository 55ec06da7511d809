import pytest

from switchover.app.database import database_limits, database_url
from switchover.app.settings import load_settings
from switchover.model.errors import InvalidInput
from switchover.record.sql.limits import DatabaseLimits


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:secret@db:5432/switchover",
        "postgres://db/switchover",
        "postgresql+asyncpg://db1,db2/switchover?target_session_attrs=read-write",
        "postgresql:///switchover?host=/run/postgresql",
        "sqlite+aiosqlite:///switchover.db",
    ],
)
def test_a_database_may_be_a_server_or_a_file(url: str) -> None:
    assert database_url(load_settings(database_url=url)) == url


@pytest.mark.parametrize("url", ["mysql://ann:secret@db/x", "postgresql:secret", "sqlite:///secret.db"])
def test_another_engine_is_refused_without_repeating_the_url(url: str) -> None:
    with pytest.raises(
        InvalidInput, match=r"Database: postgresql://user:password@host:5432/database, or"
    ) as refused:
        load_settings(database_url=url)

    assert "secret" not in str(refused.value)


def test_a_server_is_asked_for_what_the_settings_allow() -> None:
    settings = load_settings(
        database_pool_size=3,
        database_connect_timeout_seconds=1,
        database_statement_timeout_seconds=2,
        database_lock_timeout_seconds=0.5,
    )

    assert database_limits(settings) == DatabaseLimits(
        connections=3, connect_timeout_seconds=1, statement_timeout_seconds=2, lock_timeout_seconds=0.5
    )


def test_without_a_word_a_server_is_asked_for_what_the_library_would_ask_for() -> None:
    assert database_limits(load_settings()) == DatabaseLimits()
