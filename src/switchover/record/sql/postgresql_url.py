"""The URL of a PostgreSQL database, as people have it, for the driver.

What libpq takes and asyncpg does not is translated or refused, never ignored: a `channel_binding=require`
that nobody heeds would be a promise broken. Sources: https://www.postgresql.org/docs/current/libpq-connect.html,
https://magicstack.github.io/asyncpg/current/api/index.html#connection.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from switchover.record.unusable import UnusableDatabase

EXAMPLE = "postgresql://user:password@host:5432/database"
SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")

_NO_SHAPE = f"the database URL has no valid shape; allowed is {EXAMPLE}"
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\]]+\]|[^:\[\]]*)(:(?P<port>[^:]*))?")
_PORT = re.compile(r"[0-9]{1,5}")
_WORDS: Mapping[str, tuple[str, ...]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    # Whoever reads only is of no use to us.
    "target_session_attrs": ("any", "read-write", "primary"),
}
_NAMED = frozenset({"host", "port", "dbname", "sslmode", "target_session_attrs"})
"""What the name of a database keeps of its options: where it is."""
_PASSED = frozenset(
    {
        *_NAMED,
        *_WORDS,
        "application_name",
        "database",
        "gsslib",
        "krbsrvname",
        "options",
        "passfile",
        "password",
        "service",
        "ssl_max_protocol_version",
        "ssl_min_protocol_version",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslpassword",
        "sslrootcert",
        "user",
    }
)
_REFUSED = {
    "channel_binding": "the driver cannot bind channels; leave it out, and take sslmode=verify-full instead",
    "prepared_statement_cache_size": "statements are always prepared; connect to the server or to a pooler in session mode",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlUrl:
    """Where a database is and how to get in.

    Attributes:
        name: The URL without any secret, for people.
        arguments: What `asyncpg.connect` takes, without the hosts.
        hosts: What it takes for each host, in the order in which they are tried; one at least.
        application_name: What the server's lists call our connections; None without a word.
        connect_timeout_seconds: For opening a connection; None without a word.
    """

    name: str
    arguments: Mapping[str, Any]
    hosts: Sequence[Mapping[str, Any]]
    application_name: str | None
    connect_timeout_seconds: float | None


def parse_url(database_url: str) -> PostgresqlUrl:
    """Read a `postgresql://` URL.

    Raises:
        UnusableDatabase: It has another shape, or an option that is not known or not valid. No secret is repeated.
    """
    try:
        parts = urlsplit(database_url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise UnusableDatabase(_NO_SHAPE) from None
    login, _, place = parts.netloc.rpartition("@")
    user, colon, password = login.partition(":")
    name = _name(parts, user, place, options)
    timeout = _connect_timeout(options.pop("connect_timeout", None), name)
    application_name = options.pop("application_name", None)
    if "ssl" in options:
        # What SQLAlchemy and asyncpg call it.
        options.setdefault("sslmode", options.pop("ssl"))
    hosts = _hosts(place, options.pop("host", ""), options.pop("port", ""))
    arguments = _checked(options, name)
    query = urlencode(options, quote_via=quote)
    arguments["dsn"] = _written("", parts.path, query)
    if user:
        arguments["user"] = unquote(user)
    if colon:
        arguments["password"] = unquote(password)
    return PostgresqlUrl(
        name=name,
        arguments=arguments,
        hosts=hosts,
        application_name=application_name,
        connect_timeout_seconds=timeout,
    )


def _name(parts: SplitResult, user: str, place: str, options: Mapping[str, str]) -> str:
    shown = urlencode({key: value for key, value in options.items() if key in _NAMED}, safe="/,:")
    who = f"{user}@" if user else ""
    return _written(f"{who}{place}", parts.path, shown)


def _written(place: str, path: str, query: str) -> str:
    return f"postgresql://{place}{path}" + (f"?{query}" if query else "")


def _hosts(place: str, hosts: str, ports: str) -> Sequence[Mapping[str, Any]]:
    """Each host with its port, if they are named; a single port is everybody's."""
    if not place:
        numbers = ports.split(",")
        names = hosts.split(",")
        numbers = numbers * len(names) if len(numbers) == 1 else numbers
        if len(numbers) != len(names):
            raise UnusableDatabase(_NO_SHAPE)
        pairs = list(zip(names, numbers, strict=True))
    else:
        parts = [_HOST_AND_PORT.fullmatch(part) for part in place.split(",")]
        pairs = [(part["host"].strip("[]"), part["port"] or "") for part in parts if part is not None]
        if len(pairs) < len(parts):
            raise UnusableDatabase(_NO_SHAPE)
    if not all(number == "" or _PORT.fullmatch(number) for _, number in pairs):
        raise UnusableDatabase(_NO_SHAPE)
    return tuple(
        ({"host": unquote(name)} if name else {}) | ({"port": int(number)} if number else {})
        for name, number in pairs
    )


def _checked(options: dict[str, str], name: str) -> dict[str, Any]:
    """Arguments of their own for what a DSN cannot say; that is taken out of `options`."""
    for key, value in options.items():
        if key not in _PASSED:
            why = _REFUSED.get(key) or f"allowed are {', '.join(sorted({*_PASSED, 'connect_timeout'}))}"
            raise UnusableDatabase(f"{name}: option {key!r} cannot be used: {why}")
        if key in _WORDS and value not in _WORDS[key]:
            raise UnusableDatabase(f"{name}: {key}={value!r}; allowed are {', '.join(_WORDS[key])}")
    if options.get("sslrootcert") != "system":
        return {}
    # The certificates that this machine trusts: libpq's word, Python's default context.
    if options.get("sslmode", "verify-full") != "verify-full":
        raise UnusableDatabase(f"{name}: sslrootcert=system; allowed is sslmode=verify-full with it")
    del options["sslrootcert"]
    options.pop("sslmode", None)
    return {"ssl": True}


def _connect_timeout(text: str | None, name: str) -> float | None:
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:  # noqa: PLR2004 - the message has the words
        raise UnusableDatabase(f"{name}: connect_timeout={text!r}; allowed are 0 to 3600 seconds")
    # libpq: 0 is for ever. Every wait of ours ends, so it is our own word instead.
    return seconds or None
