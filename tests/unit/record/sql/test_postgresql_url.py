import pytest

from switchover.record.sql.engine import place_of
from switchover.record.sql.postgresql_url import parse_url
from switchover.record.unusable import UnusableDatabase


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_every_spelling_of_the_engine_is_taken(scheme: str) -> None:
    url = parse_url(f"{scheme}://ann:secret@db:5433/switchover")

    assert url.arguments == {"dsn": "postgresql:///switchover", "user": "ann", "password": "secret"}
    assert url.hosts == ({"host": "db", "port": 5433},)
    assert url.name == "postgresql://ann@db:5433/switchover"


def test_a_password_may_hold_any_character() -> None:
    url = parse_url("postgresql://ann%40corp:p%40ss%2F:%3F@word@db/switchover")

    assert (url.arguments["user"], url.arguments["password"]) == ("ann@corp", "p@ss/:?@word")
    assert url.arguments["dsn"] == "postgresql:///switchover"


@pytest.mark.parametrize(
    ("query", "passed"),
    [
        ("target_session_attrs=read-write",) * 2,
        ("sslmode=verify-full&sslrootcert=/ca.pem", "sslmode=verify-full&sslrootcert=%2Fca.pem"),
        ("options=-c%20search_path%3Dours",) * 2,
        ("ssl=require", "sslmode=require"),
    ],
)
def test_options_that_the_driver_understands_reach_it(query: str, passed: str) -> None:
    assert parse_url(f"postgresql://db/x?{query}").arguments == {"dsn": f"postgresql:///x?{passed}"}


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://db/x", [{"host": "db"}]),
        (
            "postgresql://db1:5432,db2:5433,db3/x",
            [{"host": "db1", "port": 5432}, {"host": "db2", "port": 5433}, {"host": "db3"}],
        ),
        ("postgresql://[::1]:5432/x", [{"host": "::1", "port": 5432}]),
        ("postgresql:///x?host=/run/postgresql&port=5433", [{"host": "/run/postgresql", "port": 5433}]),
        ("postgresql://%2Frun%2Fpostgresql/x", [{"host": "/run/postgresql"}]),
        (
            "postgresql:///x?host=db1,db2&port=5433",
            [{"host": "db1", "port": 5433}, {"host": "db2", "port": 5433}],
        ),
        ("postgresql:///x?host=db1,db2&port=1,2", [{"host": "db1", "port": 1}, {"host": "db2", "port": 2}]),
        ("postgresql://:5433/x", [{"port": 5433}]),
        ("postgresql:///x", [{}]),
    ],
)
def test_every_host_is_named_with_its_port(url: str, hosts: list[dict[str, object]]) -> None:
    assert list(parse_url(url).hosts) == hosts


def test_options_that_the_driver_calls_otherwise_are_translated() -> None:
    url = parse_url("postgresql://db/x?connect_timeout=3&application_name=ours&sslmode=require")

    assert (url.connect_timeout_seconds, url.application_name) == (3.0, "ours")
    assert url.arguments == {"dsn": "postgresql:///x?sslmode=require"}


def test_waiting_for_ever_is_not_understood() -> None:
    assert parse_url("postgresql://db/x?connect_timeout=0").connect_timeout_seconds is None


def test_the_certificates_of_the_machine_can_be_trusted() -> None:
    url = parse_url("postgresql://db/x?sslmode=verify-full&sslrootcert=system")

    assert url.arguments == {"dsn": "postgresql:///x", "ssl": True}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("channel_binding=require", "'channel_binding' cannot be used: the driver cannot bind channels"),
        (
            "keepalives=1",
            "'keepalives' cannot be used: allowed are application_name, connect_timeout, database,",
        ),
        ("sslmode=yes", "sslmode='yes'; allowed are disable, allow, prefer, require, verify-ca, verify-full"),
        ("ssl=true", "sslmode='true'; allowed are disable"),
        (
            "target_session_attrs=master",
            "target_session_attrs='master'; allowed are any, read-write, primary",
        ),
        ("connect_timeout=soon", "connect_timeout='soon'; allowed are 0 to 3600 seconds"),
        ("connect_timeout=nan", "connect_timeout='nan'; allowed are"),
        ("sslrootcert=system&sslmode=require", "sslrootcert=system; allowed is sslmode=verify-full with it"),
    ],
)
def test_an_option_that_cannot_be_heeded_is_refused_with_what_is_allowed(query: str, words: str) -> None:
    with pytest.raises(UnusableDatabase, match=words) as refused:
        parse_url(f"postgresql://ann:secret@db/x?{query}&password=hidden&sslpassword=hidden2")

    assert "postgresql://ann@db/x" in str(refused.value)
    assert not [word for word in ("secret", "hidden") if word in str(refused.value)]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:secret@[::1/x",
        "postgresql://ann:secret@db/x?secret",
        "postgresql://ann:secret@db:port/x",
        "postgresql://ann:secret@/x?port=none",
        "postgresql://ann:secret@/x?host=a,b,c&port=1,2",
    ],
)
def test_a_url_of_no_shape_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(
        UnusableDatabase, match="no valid shape; allowed is postgresql://user:password@"
    ) as refused:
        place_of(url)

    assert "secret" not in str(refused.value)


def test_the_name_of_a_database_says_where_it_is_and_holds_no_secret() -> None:
    url = "postgresql://ann:secret@/x?host=/run/pg&port=5433&password=hidden&sslpassword=hidden&passfile=/p"

    assert place_of(url).name == "postgresql://ann@/x?host=/run/pg&port=5433"
