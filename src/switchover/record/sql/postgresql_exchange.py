"""What replicas tell each other through PostgreSQL: rows that say it, and notes that somebody should look."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.backoff import Backoff
from switchover.model.clock import Clock
from switchover.model.errors import StoreUnavailable
from switchover.model.observation import Health
from switchover.model.plan import Phase, Receipt, ReceiptKind, TrafficEvidence
from switchover.model.vantage import VantageReport
from switchover.record.exchange import Changes, Connected, Exchange, Notes
from switchover.record.sql.company_schema import node_receipts, nodes, vantage_reports
from switchover.record.sql.engine import Database
from switchover.record.sql.postgresql import DriverConnection
from switchover.record.sql.postgresql_notes import (
    CHANNEL,
    read_note,
    receipt_came,
    tell,
    traffic_carried,
    vantage_told,
)
from switchover.record.sql.schema import proxies

_log = structlog.get_logger(__name__)

OVERLAP = timedelta(seconds=120)
"""A row's time is that of its transaction's begin; it can be seen only after the commit. No transaction lasts that long."""
ALIVE_SECONDS = 5.0
"""How often a silent connection is asked whether it still is one."""
RETRY = Backoff(first_seconds=0.2, most_seconds=5.0)


class PostgresqlExchange(Exchange):
    """An `Exchange` on PostgreSQL.

    Args:
        database: Shared with the store.
        replica_id: Who we are; our own accounts of traffic are not told to us.
        clock: Measures pauses.
    """

    def __init__(self, database: Database, *, replica_id: UUID, clock: Clock) -> None:
        self._database = database
        self._replica_id = replica_id
        self._clock = clock
        self._notes = Notes()
        self._told = asyncio.Event()

    async def changes(self, since: datetime | None) -> Changes:
        """See the Protocol."""
        return await self._database.read(_changes, since)

    async def note_receipt(self, receipt: Receipt, replica_id: UUID) -> None:
        """See the Protocol."""
        await self._database.write(_note_receipt, receipt, replica_id)

    async def receipts(self, proxy_id: str, epoch: int) -> Sequence[Receipt]:
        """See the Protocol."""
        return await self._database.read(_receipts, proxy_id, epoch)

    async def refusals(self) -> Sequence[Receipt]:
        """See the Protocol."""
        return await self._database.read(_refusals)

    async def note_node(self, node_id: str, replica_id: UUID, *, connected: bool) -> None:
        """See the Protocol."""
        await self._database.write(_note_node, node_id, replica_id, connected=connected)

    async def nodes(self) -> Sequence[Connected]:
        """See the Protocol."""
        return await self._database.read(_nodes)

    async def note_vantages(self, reports: Sequence[VantageReport]) -> None:
        """See the Protocol."""
        await self._database.write(_note_vantages, reports)

    async def vantages(self, proxy_ids: Collection[str]) -> Sequence[VantageReport]:
        """See the Protocol."""
        return await self._database.read(_vantages, proxy_ids)

    async def tell_traffic(self, accounts: Sequence[TrafficEvidence]) -> None:
        """See the Protocol."""
        await self._database.write(_tell_traffic, self._replica_id, accounts)

    async def listen(self) -> None:
        """See the Protocol."""
        failures = 0
        while True:
            try:
                async with self._database.listening() as connection:
                    await connection.add_listener(CHANNEL, self._hear)
                    # What was told before we listened, nobody told us.
                    self._take(Notes(missed=True))
                    failures = 0
                    await self._until_dead(connection)
            except StoreUnavailable as error:
                if failures == 0:
                    _log.warning("cannot listen to the other replicas", error=str(error), fault="ours")
            await self._clock.sleep(RETRY.delay(failures))
            failures += 1

    async def notes(self) -> Notes:
        """See the Protocol."""
        await self._told.wait()
        self._told.clear()
        taken, self._notes = self._notes, Notes()
        return taken

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._take(read_note(str(payload), self._replica_id))

    def _take(self, notes: Notes) -> None:
        self._notes = self._notes.and_then(notes)
        if self._notes != Notes():
            self._told.set()

    async def _until_dead(self, connection: DriverConnection) -> None:
        died = asyncio.Event()
        connection.add_termination_listener(lambda _: died.set())
        while not died.is_set() and not connection.is_closed():
            try:
                async with asyncio.timeout(ALIVE_SECONDS):
                    await died.wait()
            except TimeoutError:
                # A cut network says nothing; only a question that is not answered does.
                await self._ask(connection)

    async def _ask(self, connection: DriverConnection) -> None:
        try:
            await connection.execute("SELECT 1", timeout=ALIVE_SECONDS)
        except Exception as error:
            raise StoreUnavailable(f"the connection that listens is dead: {error}") from error


async def _changes(connection: AsyncConnection, since: datetime | None) -> Changes:
    until = (await connection.execute(select(func.current_timestamp()))).scalar_one()
    wanted = select(proxies.c.proxy_id, proxies.c.change_number)
    if since is not None:
        wanted = wanted.where(proxies.c.changed_at > since - OVERLAP)
    rows = await connection.execute(wanted)
    return Changes(until=until, numbers={row.proxy_id: row.change_number for row in rows})


async def _note_receipt(connection: AsyncConnection, receipt: Receipt, replica_id: UUID) -> None:
    values: dict[str, Any] = {
        "epoch": receipt.epoch,
        "kind": receipt.kind,
        "detail": receipt.detail,
        "replica_id": replica_id,
        "received_at": func.current_timestamp(),
    }
    key = {"proxy_id": receipt.proxy_id, "node_id": receipt.node_id, "phase": receipt.phase}
    await connection.execute(
        insert(node_receipts)
        .values(**key, **values)
        .on_conflict_do_update(
            index_elements=[node_receipts.c.proxy_id, node_receipts.c.node_id, node_receipts.c.phase],
            set_=values,
            where=node_receipts.c.epoch <= receipt.epoch,
        )
    )
    await tell(connection, receipt_came(receipt.proxy_id))


async def _receipts(connection: AsyncConnection, proxy_id: str, epoch: int) -> Sequence[Receipt]:
    return await _selected(connection, node_receipts.c.proxy_id == proxy_id, node_receipts.c.epoch >= epoch)


async def _refusals(connection: AsyncConnection) -> Sequence[Receipt]:
    return await _selected(connection, node_receipts.c.kind == ReceiptKind.REJECTED)


async def _selected(connection: AsyncConnection, *conditions: ColumnElement[bool]) -> Sequence[Receipt]:
    rows = await connection.execute(select(node_receipts).where(*conditions))
    return [
        Receipt(
            node_id=row.node_id,
            proxy_id=row.proxy_id,
            epoch=row.epoch,
            kind=ReceiptKind(row.kind),
            detail=row.detail,
            phase=Phase(row.phase),
        )
        for row in sorted(rows, key=lambda row: (row.proxy_id, row.node_id, row.phase))
    ]


async def _note_node(connection: AsyncConnection, node_id: str, replica_id: UUID, *, connected: bool) -> None:
    if not connected:
        await connection.execute(
            update(nodes)
            .where(nodes.c.node_id == node_id, nodes.c.replica_id == replica_id)
            .values(replica_id=None, since=func.current_timestamp())
        )
        return
    values = {"replica_id": replica_id, "since": func.current_timestamp()}
    await connection.execute(
        insert(nodes)
        .values(node_id=node_id, **values)
        .on_conflict_do_update(index_elements=[nodes.c.node_id], set_=values)
    )


async def _nodes(connection: AsyncConnection) -> Sequence[Connected]:
    rows = await connection.execute(select(nodes))
    return [
        Connected(node_id=row.node_id, replica_id=row.replica_id, since=row.since)
        for row in sorted(rows, key=lambda row: row.node_id)
    ]


async def _note_vantages(connection: AsyncConnection, reports: Sequence[VantageReport]) -> None:
    if not reports:
        return
    # In order: two that tell of the same instances cannot block each other for ever.
    rows = [
        {
            "proxy_id": report.proxy_id,
            "instance_id": report.instance_id,
            "replica_id": report.replica_id,
            "health": report.health,
            "consecutive_failures": report.consecutive_failures,
            "reported_at": func.clock_timestamp(),
        }
        for report in sorted(reports, key=lambda report: (report.proxy_id, report.instance_id))
    ]
    told = insert(vantage_reports).values(rows)
    await connection.execute(
        told.on_conflict_do_update(
            index_elements=[
                vantage_reports.c.proxy_id,
                vantage_reports.c.instance_id,
                vantage_reports.c.replica_id,
            ],
            set_={
                "health": told.excluded.health,
                "consecutive_failures": told.excluded.consecutive_failures,
                "reported_at": told.excluded.reported_at,
            },
        )
    )
    for proxy_id in sorted({report.proxy_id for report in reports}):
        await tell(connection, vantage_told(proxy_id))


async def _vantages(connection: AsyncConnection, proxy_ids: Collection[str]) -> Sequence[VantageReport]:
    age = func.extract("epoch", func.clock_timestamp() - vantage_reports.c.reported_at)
    rows = await connection.execute(
        select(vantage_reports, age.label("age_seconds")).where(
            vantage_reports.c.proxy_id.in_(sorted(proxy_ids))
        )
    )
    return [
        VantageReport(
            proxy_id=row.proxy_id,
            instance_id=row.instance_id,
            replica_id=row.replica_id,
            health=Health(row.health),
            consecutive_failures=row.consecutive_failures,
            age_seconds=float(row.age_seconds),
        )
        for row in sorted(rows, key=lambda row: (row.proxy_id, row.instance_id, row.replica_id))
    ]


async def _tell_traffic(
    connection: AsyncConnection, replica_id: UUID, accounts: Sequence[TrafficEvidence]
) -> None:
    for note in traffic_carried(replica_id, accounts):
        await tell(connection, note)
