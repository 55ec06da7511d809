"""What one process may ask of a database server. SQLite has no server and needs none of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseLimits:
    """How many connections a process opens, and how long it waits for what.

    Attributes:
        connections: Most connections of the pool, at least 1. One for listening comes on top.
        connect_timeout_seconds: For opening a connection, above 0; `connect_timeout` in the URL wins.
        statement_timeout_seconds: For one statement, above 0; also for a free connection of the pool.
        lock_timeout_seconds: For a row or table that somebody else holds, above 0.
    """

    connections: int = 10
    connect_timeout_seconds: float = 5.0
    statement_timeout_seconds: float = 10.0
    lock_timeout_seconds: float = 5.0
