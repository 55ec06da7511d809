"""Opening what several replicas share: one database as store, membership and exchange."""

from dataclasses import dataclass
from uuid import UUID

from switchover.model.clock import Clock
from switchover.model.errors import FieldProblem, InvalidInput
from switchover.record.sql.limits import DatabaseLimits
from switchover.record.sql.postgresql_exchange import PostgresqlExchange
from switchover.record.sql.postgresql_leases import SqlMembership
from switchover.record.sql.postgresql_url import SCHEMES
from switchover.record.sql.store import SqlStore, open_database


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRecord:
    """One replica's ways to what all share; closing the store closes all."""

    store: SqlStore
    membership: SqlMembership
    exchange: PostgresqlExchange


async def open_shared(
    database_url: str, *, replica_id: UUID, clock: Clock, limits: DatabaseLimits | None = None
) -> SharedRecord:
    """Open the database of several replicas.

    Raises:
        InvalidInput: It is a file, which one process has for itself.
        UnusableDatabase: It is missing, read-only, no database, or not of this version.
        StoreUnavailable: It did not answer.
    """
    if database_url.partition("://")[0] not in SCHEMES:
        allowed = "several replicas share a PostgreSQL server; allowed is postgresql://user:password@host:5432/database"
        raise InvalidInput(FieldProblem("database_url", database_url.partition(":")[0], allowed))
    database = await open_database(database_url, limits)
    return SharedRecord(
        store=SqlStore(database),
        membership=SqlMembership(database),
        exchange=PostgresqlExchange(database, replica_id=replica_id, clock=clock),
    )
