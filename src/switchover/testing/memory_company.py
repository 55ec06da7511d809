"""Several replicas in one process: what they share in memory, and each one's way to it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from switchover.model.clock import Clock
from switchover.model.errors import StoreUnavailable
from switchover.model.lease import Holding, Lease, Member, Replica
from switchover.model.plan import Phase, Receipt, ReceiptKind, TrafficEvidence
from switchover.model.rules import ScopeStanding
from switchover.model.trail import Trail
from switchover.model.vantage import VantageReport
from switchover.record.exchange import Changes, Connected, Exchange, Notes
from switchover.record.membership import Membership
from switchover.testing.memory_leases import MemoryLeases
from switchover.testing.memory_store import MemoryStore


class MemoryCompany:
    """What all replicas share: one store, its leases, and who hears what.

    Args:
        clock: Stands for the database's.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.leases = MemoryLeases(clock)
        self.store = TellingStore(self)
        self.receipts: dict[tuple[str, str, Phase], Receipt] = {}
        self.nodes: dict[str, Connected] = {}
        self.vantages: dict[tuple[str, UUID, UUID], tuple[VantageReport, float]] = {}
        self._ways: list[MemoryWay] = []

    def way(self) -> "MemoryWay":
        """A replica's way to what is shared."""
        way = MemoryWay(self)
        self._ways.append(way)
        return way

    def tell(self, notes: Notes) -> None:
        """Tell everybody who can be reached."""
        for way in self._ways:
            way.hear(notes)


class TellingStore(MemoryStore):
    """A store in memory that tells everybody what was changed."""

    def __init__(self, company: MemoryCompany) -> None:
        super().__init__(company.leases)
        self._company = company

    def _touch(self, proxy_id: str) -> None:
        super()._touch(proxy_id)
        self._company.tell(Notes(proxies=frozenset({proxy_id})))

    def _change_scope(self, standing: ScopeStanding, trail: Trail) -> None:
        super()._change_scope(standing, trail)
        self._company.tell(Notes(scopes=True))


class MemoryWay(Membership, Exchange):
    """One replica's membership and exchange.

    Attributes:
        cut: While True nothing comes or goes: every method raises `StoreUnavailable`, and notes are lost.
    """

    def __init__(self, company: MemoryCompany) -> None:
        self.cut = False
        self._company = company
        self._notes = Notes()
        self._told = asyncio.Event()

    def hear(self, notes: Notes) -> None:
        """Take notes in, unless the way is cut; then they are lost and that is known."""
        self._notes = self._notes.and_then(Notes(missed=True) if self.cut else notes)
        self._told.set()

    async def renew(
        self, replica: Replica, session_seconds: float, doubt: str | None = None
    ) -> Sequence[Member]:
        await self._turn()
        return self._company.leases.renew(replica, session_seconds, doubt)

    async def leave(self, replica_id: UUID) -> None:
        await self._turn()
        self._company.leases.leave(replica_id)
        self._company.tell(Notes(members=True))

    async def holdings(self) -> Sequence[Holding]:
        await self._turn()
        leases = self._company.leases
        return [Holding(proxy_id=p, fence=leases.fence(p)) for p in self._company.store.proxy_ids]

    async def claim(self, replica_id: UUID, proxy_ids: Collection[str]) -> Sequence[Lease]:
        await self._turn()
        live = set(self._company.store.proxy_ids)
        claimed = self._company.leases.claim(replica_id, [p for p in proxy_ids if p in live])
        if claimed:
            self._company.tell(Notes(members=True))
        return claimed

    async def hand_over(self, replica_id: UUID, heirs: Mapping[str, UUID]) -> None:
        await self._turn()
        self._company.leases.hand_over(replica_id, heirs)
        self._company.tell(Notes(members=True))

    async def changes(self, since: datetime | None) -> Changes:  # noqa: ARG002 - naming all is always right
        await self._turn()
        return Changes(until=self._company.clock.now(), numbers=self._company.store.change_numbers)

    async def note_receipt(self, receipt: Receipt, replica_id: UUID) -> None:  # noqa: ARG002 - nobody asks who heard
        await self._turn()
        key = (receipt.proxy_id, receipt.node_id, receipt.phase)
        former = self._company.receipts.get(key)
        if former is None or former.epoch <= receipt.epoch:
            self._company.receipts[key] = receipt
            self._company.tell(Notes(receipts=frozenset({receipt.proxy_id})))

    async def receipts(self, proxy_id: str, epoch: int) -> Sequence[Receipt]:
        await self._turn()
        return [r for r in self._company.receipts.values() if r.proxy_id == proxy_id and r.epoch >= epoch]

    async def refusals(self) -> Sequence[Receipt]:
        await self._turn()
        return [r for r in self._company.receipts.values() if r.kind is ReceiptKind.REJECTED]

    async def note_node(self, node_id: str, replica_id: UUID, *, connected: bool) -> None:
        await self._turn()
        former = self._company.nodes.get(node_id)
        if connected or (former is not None and former.replica_id == replica_id):
            self._company.nodes[node_id] = Connected(
                node_id=node_id,
                replica_id=replica_id if connected else None,
                since=self._company.clock.now(),
            )

    async def nodes(self) -> Sequence[Connected]:
        await self._turn()
        return [self._company.nodes[node_id] for node_id in sorted(self._company.nodes)]

    async def note_vantages(self, reports: Sequence[VantageReport]) -> None:
        await self._turn()
        at = self._company.clock.monotonic()
        for report in reports:
            key = report.proxy_id, report.instance_id, report.replica_id
            self._company.vantages[key] = (report, at)
        self._company.tell(Notes(vantages=frozenset(report.proxy_id for report in reports)))

    async def vantages(self, proxy_ids: Collection[str]) -> Sequence[VantageReport]:
        await self._turn()
        now = self._company.clock.monotonic()
        return [
            replace(report, age_seconds=now - at)
            for report, at in self._company.vantages.values()
            if report.proxy_id in proxy_ids
        ]

    async def tell_traffic(self, accounts: Sequence[TrafficEvidence]) -> None:
        await self._turn()
        self._company.tell(Notes(traffic=tuple(accounts)))

    async def listen(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def notes(self) -> Notes:
        while True:
            await self._told.wait()
            self._told.clear()
            if not self.cut:
                taken, self._notes = self._notes, Notes()
                return taken

    async def _turn(self) -> None:
        await asyncio.sleep(0)
        if self.cut:
            raise StoreUnavailable("the way to the record is cut: a test says so")
