"""Who a replica is among others: the rules of these settings. Pure."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from switchover.model.errors import FieldProblem
from switchover.record.sql.postgresql_url import SCHEMES


def reachable_url(text: str) -> str:
    """`text` without a slash at its end, if it is the address of an API that another machine may use.

    Raises:
        ValueError: It is not.
    """
    allowed = "allowed is http:// or https:// with a host and a port, such as http://10.0.0.1:8700"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(allowed) from error
    bare = parts.path in {"", "/"} and not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or not bare:
        raise ValueError(allowed)
    if is_wildcard(parts.hostname):
        raise ValueError(f"{parts.hostname} leads to no machine; {allowed}")
    return text.rstrip("/")


def is_wildcard(host: str) -> bool:
    """Whether it stands for every address of a machine, and so for none that others could use."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def is_postgresql(database_url: str | None) -> bool:
    """Whether it is a database that several replicas can share."""
    return database_url is not None and database_url.partition("://")[0] in SCHEMES


def serving_problems(
    *, database_url: str | None, host: str, advertise_url: str | None, has_keys: bool
) -> Iterator[FieldProblem]:
    """What one of several replicas lacks among these settings, each of which is well formed.

    Args:
        database_url: Shared by all.
        host: Where the API listens.
        advertise_url: Where the others reach it; None for where it listens.
        has_keys: Whether it is said how tokens are verified.
    """
    if not is_postgresql(database_url):
        words = (
            "several replicas share a PostgreSQL; allowed is postgresql://user:password@host:5432/database "
            "(`switchover up` works without)"
        )
        yield FieldProblem("database_url", None if database_url is None else "…", words)
    if advertise_url is None and is_wildcard(host):
        words = (
            f"the API listens on {host}, which leads to no machine; allowed is where the other replicas reach it, "
            "such as http://10.0.0.1:8700"
        )
        yield FieldProblem("advertise_url", None, words)
    if not has_keys:
        words = (
            "a token must be good at every replica; allowed is a secret of 32 bytes or more that all of them have, "
            "or jwt_jwks_url, the keys of an identity provider"
        )
        yield FieldProblem("jwt_secret", None, words)
