"""Sessions and leases of replicas, by the database's clock. PostgreSQL alone: a file has one process.

A session is one row that its replica renews; a lease is valid while its holder's session is. Whoever writes as an owner
holds a share lock on the lease until the transaction ends, so nobody takes it over in between.
"""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Uuid,
    bindparam,
    delete,
    exists,
    func,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.errors import LostLease
from switchover.model.lease import Fence, Holding, Lease, Member, Replica
from switchover.record.membership import Membership
from switchover.record.sql.company_schema import leases, replicas, vantage_reports
from switchover.record.sql.engine import Database
from switchover.record.sql.postgresql_notes import MEMBERS, tell
from switchover.record.sql.schema import proxies

FORGOTTEN_SECONDS = 24 * 3600.0
"""How long a session that has ended is still shown."""

# Not the transaction's time: what waits for a lock grows older while it waits.
_NOW = func.clock_timestamp()
# The row at hand, as it is after waiting for it. As a column it would bring the table along, as it was before that.
_HOLDER: ColumnElement[UUID] = literal_column("leases.replica_id", Uuid())


async def check_fence(connection: AsyncConnection, proxy_id: str, fence: Fence | None) -> None:
    """Hold the lease until the transaction ends; None is somebody who is alone.

    Raises:
        LostLease: Another replica has the lease, or the session is over.
    """
    if fence is not None and fence != (await _valid(connection, (proxy_id,))).get(proxy_id):
        raise LostLease(proxy_id)


async def fenced(connection: AsyncConnection, fences: Mapping[str, Fence]) -> frozenset[str]:
    """Those of the proxies whose fence holds; their leases are held until the transaction ends."""
    valid = await _valid(connection, tuple(sorted(fences)))
    return frozenset(proxy_id for proxy_id, fence in fences.items() if valid.get(proxy_id) == fence)


async def _valid(connection: AsyncConnection, proxy_ids: Sequence[str]) -> Mapping[str, Fence]:
    rows = await connection.execute(
        select(leases.c.proxy_id, leases.c.replica_id, leases.c.token)
        .join(replicas, replicas.c.replica_id == leases.c.replica_id)
        .where(leases.c.proxy_id.in_(proxy_ids), replicas.c.expires_at > _NOW)
        .order_by(leases.c.proxy_id)
        .with_for_update(read=True, of=leases)
    )
    return {row.proxy_id: Fence(row.replica_id, row.token) for row in rows}


class SqlMembership(Membership):
    """A `Membership` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def renew(
        self, replica: Replica, session_seconds: float, doubt: str | None = None
    ) -> Sequence[Member]:
        """See the Protocol."""
        return await self._database.write(_renew, replica, session_seconds, doubt)

    async def leave(self, replica_id: UUID) -> None:
        """See the Protocol."""
        await self._database.write(_leave, replica_id)

    async def holdings(self) -> Sequence[Holding]:
        """See the Protocol."""
        return await self._database.read(_holdings)

    async def claim(self, replica_id: UUID, proxy_ids: Collection[str]) -> Sequence[Lease]:
        """See the Protocol."""
        return await self._database.write(_claim, replica_id, proxy_ids)

    async def hand_over(self, replica_id: UUID, heirs: Mapping[str, UUID]) -> None:
        """See the Protocol."""
        await self._database.write(_hand_over, replica_id, heirs)


async def _renew(
    connection: AsyncConnection, replica: Replica, session_seconds: float, doubt: str | None
) -> Sequence[Member]:
    until = _NOW + func.make_interval(0, 0, 0, 0, 0, 0, session_seconds)
    renewed = await connection.execute(
        update(replicas)
        .where(replicas.c.replica_id == replica.replica_id)
        .values(renewed_at=_NOW, expires_at=until, doubt=doubt)
    )
    if renewed.rowcount == 0:
        forgotten = _NOW - func.make_interval(0, 0, 0, 0, 0, 0, FORGOTTEN_SECONDS)
        await connection.execute(delete(replicas).where(replicas.c.expires_at < forgotten))
        await connection.execute(
            insert(replicas).values(
                replica_id=replica.replica_id,
                name=replica.name,
                url=replica.url,
                started_at=replica.started_at,
                renewed_at=_NOW,
                expires_at=until,
                doubt=doubt,
            )
        )
        # What replicas saw that nobody remembers.
        await connection.execute(
            delete(vantage_reports).where(vantage_reports.c.replica_id.not_in(select(replicas.c.replica_id)))
        )
        await tell(connection, MEMBERS)
    rows = await connection.execute(
        select(replicas, func.extract("epoch", replicas.c.expires_at - _NOW).label("seconds_left"))
    )
    return [
        Member(
            replica=Replica(replica_id=row.replica_id, name=row.name, url=row.url, started_at=row.started_at),
            seconds_left=float(row.seconds_left),
            doubt=row.doubt,
        )
        for row in sorted(rows, key=lambda row: row.replica_id)
    ]


async def _leave(connection: AsyncConnection, replica_id: UUID) -> None:
    await connection.execute(delete(replicas).where(replicas.c.replica_id == replica_id))
    await tell(connection, MEMBERS)


async def _holdings(connection: AsyncConnection) -> Sequence[Holding]:
    rows = await connection.execute(
        select(proxies.c.proxy_id, leases.c.replica_id, leases.c.token)
        .outerjoin(leases, leases.c.proxy_id == proxies.c.proxy_id)
        .where(proxies.c.deleted_at.is_(None))
    )
    # Sorted here: a database sorts text by its own collation.
    return [
        Holding(
            proxy_id=row.proxy_id,
            fence=None if row.replica_id is None else Fence(row.replica_id, row.token),
        )
        for row in sorted(rows, key=lambda row: row.proxy_id)
    ]


async def _claim(
    connection: AsyncConnection, replica_id: UUID, proxy_ids: Collection[str]
) -> Sequence[Lease]:
    wanted = select(proxies.c.proxy_id, literal(replica_id), literal(1), _NOW).where(
        proxies.c.proxy_id.in_(proxy_ids), proxies.c.deleted_at.is_(None), _lives(literal(replica_id))
    )
    # In order: two replicas that claim the same cannot block each other for ever.
    claim = insert(leases).from_select(
        ["proxy_id", "replica_id", "token", "taken_at"], wanted.order_by(proxies.c.proxy_id)
    )
    rows = await connection.execute(
        claim.on_conflict_do_update(
            index_elements=[leases.c.proxy_id],
            set_={"replica_id": replica_id, "token": leases.c.token + 1, "taken_at": _NOW},
            where=~_lives(_HOLDER),
        ).returning(leases.c.proxy_id, leases.c.token)
    )
    claimed = [
        Lease(proxy_id=row.proxy_id, fence=Fence(replica_id, row.token))
        for row in sorted(rows, key=lambda row: row.proxy_id)
    ]
    if claimed:
        await tell(connection, MEMBERS)
    return claimed


async def _hand_over(connection: AsyncConnection, replica_id: UUID, heirs: Mapping[str, UUID]) -> None:
    if not heirs:
        return
    await connection.execute(
        update(leases)
        .where(leases.c.proxy_id == bindparam("proxy"), leases.c.replica_id == replica_id)
        .values(replica_id=bindparam("heir"), token=leases.c.token + 1, taken_at=_NOW),
        [{"proxy": proxy_id, "heir": heirs[proxy_id]} for proxy_id in sorted(heirs)],
    )
    await tell(connection, MEMBERS)


def _lives(replica_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    return exists().where(replicas.c.replica_id == replica_id, replicas.c.expires_at > _NOW)
