"""What one of several replicas must be told before it starts."""

import pytest

from switchover.app.replicas import is_postgresql, reachable_url, serving_problems
from switchover.app.settings import load_settings
from switchover.model.errors import InvalidInput

POSTGRESQL = "postgresql://u:p@db/switchover"


def missing(**changes: object) -> list[str]:
    settings = {"database_url": POSTGRESQL, "host": "10.0.0.1", "advertise_url": None, "has_keys": True}
    return [problem.field for problem in serving_problems(**{**settings, **changes})]  # type: ignore[arg-type]


def test_a_replica_needs_a_postgresql_keys_and_an_address_that_others_reach() -> None:
    assert missing() == []
    assert missing(database_url=None) == ["database_url"]
    assert missing(database_url="sqlite+aiosqlite:///x.db") == ["database_url"]
    assert missing(has_keys=False) == ["jwt_secret"]
    for wildcard in ("0.0.0.0", "::"):
        assert missing(host=wildcard) == ["advertise_url"]
        assert missing(host=wildcard, advertise_url="http://10.0.0.1:8700") == []


def test_no_password_is_repeated() -> None:
    (problem,) = serving_problems(
        database_url="mysql://u:secret@h/d", host="h", advertise_url=None, has_keys=True
    )
    assert "secret" not in str(problem)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1:8700", "https://r1.example/", "http://[2001:db8::1]:8700", "http://localhost:1"]
)
def test_an_address_of_an_api_is_taken(url: str) -> None:
    assert reachable_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "10.0.0.1:8700",
            "ftp://h",
            "http://",
            "http://u:p@h",
            "http://h/api",
            "http://h?x=1",
            "http://h#x",
        ),
        *("http://0.0.0.0:8700", "http://[::]:8700", "http://h:0", "http://h:99999", "http://[zz"),
    ],
)
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="allowed is http"):
        reachable_url(url)
    with pytest.raises(InvalidInput, match="--advertise-url"):
        load_settings(advertise_url=url)


@pytest.mark.parametrize("seconds", [0, 0.5, 301, float("nan")])
def test_a_lease_lasts_between_one_second_and_five_minutes(seconds: float) -> None:
    with pytest.raises(InvalidInput, match="--lease-seconds"):
        load_settings(lease_seconds=seconds)
    assert load_settings().lease_seconds == 10


def test_what_several_replicas_can_share() -> None:
    assert is_postgresql("postgres://h/d")
    assert is_postgresql("postgresql+asyncpg://h/d")
    assert not is_postgresql("sqlite+aiosqlite:///x")
    assert not is_postgresql(None)
