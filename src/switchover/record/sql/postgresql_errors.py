"""What PostgreSQL's and asyncpg's errors mean. Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html."""

import ssl
from collections.abc import Iterator, Mapping

import asyncpg

DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What opening a connection may raise as it is; `TimeoutError` is an `OSError`."""

TRY_ANOTHER = (
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.TargetServerAttributeNotMatched,
)
"""What one host may answer while another one takes us; besides, it may not answer at all."""

# The server took the transaction back for others' sake, or changed what a prepared statement means.
_UNDONE: Mapping[str, str] = {
    "40001": "another transaction changed the same rows (serialization failure)",
    "40P01": "two transactions waited for each other (deadlock)",
}
_LOST: Mapping[str, str] = {
    "08": "the connection was lost",
    "25P03": "the server ended our connection, because its transaction was idle for too long",
    "57P01": "the server ended our connection (it shuts down, or an administrator did it)",
    "57P02": "the server crashed and restarts",
    "57P05": "the server ended our idle connection",
}
_READ_ONLY = "25006"
_UNAVAILABLE: Mapping[str, str] = {
    "08001": "the server refused the connection",
    "08004": "the server refused the connection",
    "08P01": "the server, or a pooler before it, did not understand the protocol",
    _READ_ONLY: "it is read-only: a standby, or default_transaction_read_only is on; writing needs the primary",
    "53100": "the server's disk is full",
    "53200": "the server has no memory left",
    "53300": "the server has too many connections; see max_connections and database_pool_size",
    "53400": "the server reached a limit of its configuration",
    "55P03": "somebody else held a row or table for longer than the lock timeout",
    "57014": "a statement took longer than the statement timeout",
    "57P03": "the server starts up, shuts down or recovers",
    "58": "the server could not read or write a file",
}
_UNUSABLE: Mapping[str, str] = {
    "28000": "the server does not let this user in; mend the user, the sslmode or its pg_hba.conf",
    "28P01": "the password is wrong; mend it in the database URL",
    "3D000": "there is no such database; make it with `createdb`, or mend the database URL",
    "3F000": "there is no schema to hold tables; mend the user's search_path, or CREATE SCHEMA",
    "42501": "the user may not do that; GRANT it, or make the user the owner of the tables and the schema",
}
_OURS = frozenset({"0A", "21", "22", "23", "2F", "42"})
"""Classes of what only we can get wrong: values, constraints, syntax, names."""


def driver_error(error: BaseException) -> BaseException | None:
    """What the driver raised, out of whatever the library wrapped around it; None when it is not of this driver."""
    return next((cause for cause in _causes(error) if isinstance(cause, DRIVER_ERRORS)), None)


def violated_constraint(error: BaseException) -> str | None:
    """The name of the constraint that a row violated; None when the error is about none."""
    found = driver_error(error)
    return getattr(found, "constraint_name", None)


def undone_words(error: BaseException) -> str | None:
    """Why the server undid a transaction that may be repeated at once; None when it did not."""
    if isinstance(error, asyncpg.InvalidCachedStatementError | asyncpg.OutdatedSchemaCacheError):
        return "a migration changed a table that a prepared statement reads"
    return _words(_UNDONE, error)


def lost_words(error: BaseException) -> str | None:
    """Why the connection is gone, and with it whatever was not committed; None when it is not."""
    if _words(_UNAVAILABLE, error) is not None:
        return None
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return None
    if isinstance(error, asyncpg.InternalClientError):
        # The server's last words came while nobody asked; the driver waits for more, which never comes.
        return _LOST["08"]
    if isinstance(error, asyncpg.InterfaceError) and "closed" in str(error):
        return _LOST["08"]
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return _LOST["08"]
    return _words(_LOST, error)


def ends_connection(error: BaseException) -> bool:
    """Whether a connection that said so is of no more use: it is lost, or whoever is there takes no writes."""
    found = driver_error(error)
    return found is not None and (
        lost_words(found) is not None or getattr(found, "sqlstate", None) == _READ_ONLY
    )


def unavailable_words(error: BaseException) -> str | None:
    """What keeps the server from doing it now; None when it is our fault or our value's."""
    if isinstance(error, TimeoutError):
        return "the server did not answer in time"
    if isinstance(error, OSError):
        return f"the server cannot be reached: {error}"
    if isinstance(error, asyncpg.PostgresError):
        code = str(error.sqlstate)
        if code[:2] in _OURS and code not in _UNUSABLE:
            return None
        words = _words(_UNAVAILABLE, error) or _words(_UNUSABLE, error) or f"the server refused, code {code}"
        return f"{words}: {error.args[0]}"
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return _UNAVAILABLE[_READ_ONLY]
    if isinstance(error, asyncpg.DataError):
        return None
    return str(error)


def unusable_words(error: BaseException) -> str | None:
    """What is wrong with the URL or the server's configuration and what mends it; None when trying again may help."""
    if isinstance(error, asyncpg.ClientConfigurationError):
        return f"{error.args[0]}; mend the database URL"
    if isinstance(error, ssl.SSLError):
        return (
            f"no TLS that both sides trust ({error.reason or error}); mend sslmode, sslrootcert or the server"
        )
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in str(error):
        return "the server speaks no TLS, and the database URL demands it; mend sslmode or the server"
    if (words := _words(_UNUSABLE, error)) is None:
        return None
    return f"{words} ({error.args[0]})"


def _words(table: Mapping[str, str], error: BaseException) -> str | None:
    code = getattr(error, "sqlstate", None) or ""
    return table.get(code) or table.get(code[:2])


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = getattr(cause, "orig", None) or cause.__cause__
