"""The Protocol by which replicas tell each other what happened. `StoreUnavailable` may be raised by every method.

Notes are hints and may be lost: whoever gets one looks into the store, and looks by itself every few seconds.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from switchover.model.plan import Receipt, TrafficEvidence
from switchover.model.vantage import VantageReport

MOST_ACCOUNTS = 20_000
"""How many accounts of traffic wait to be taken at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What has been told since the notes were last taken, each thing once.

    Attributes:
        proxies: Proxies of which something was stored, by ourselves or by others.
        receipts: Proxies of which a node has answered.
        vantages: Proxies of whose instances an observer told what it sees.
        members: Whether sessions or leases changed.
        scopes: Whether a pause, a rule or a gate changed.
        traffic: What nodes of other replicas carried.
        missed: Whether some may have been lost, because the connection was: look at everything.
    """

    proxies: frozenset[str] = frozenset()
    receipts: frozenset[str] = frozenset()
    vantages: frozenset[str] = frozenset()
    members: bool = False
    scopes: bool = False
    traffic: tuple[TrafficEvidence, ...] = ()
    missed: bool = False

    def and_then(self, later: "Notes") -> "Notes":
        """These notes and later ones. Of too many accounts of traffic the later are dropped: they are statistics."""
        return Notes(
            proxies=self.proxies | later.proxies,
            receipts=self.receipts | later.receipts,
            vantages=self.vantages | later.vantages,
            members=self.members or later.members,
            scopes=self.scopes or later.scopes,
            traffic=(self.traffic + later.traffic)[:MOST_ACCOUNTS],
            missed=self.missed or later.missed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Which proxies were changed.

    Attributes:
        until: Give it as `since` next time.
        numbers: Proxy id → its change number, which grows with everything that is stored about it. Deleted ones are
            among them.
    """

    until: datetime
    numbers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """Where a node is connected.

    Attributes:
        node_id: The node.
        replica_id: The replica whose stream it listens on; None while it is away.
        since: When it came or went.
    """

    node_id: str
    replica_id: UUID | None
    since: datetime


class Exchange(Protocol):
    """What replicas tell each other."""

    async def changes(self, since: datetime | None) -> Changes:
        """The proxies that were changed since then; some that were changed a little before are named again. None: all."""

    async def note_receipt(self, receipt: Receipt, replica_id: UUID) -> None:
        """Store the answer of a node that is connected to us, for the owner of the proxy. The newest of a phase counts."""

    async def receipts(self, proxy_id: str, epoch: int) -> Sequence[Receipt]:
        """What nodes answered to the plans of that epoch or of a newer one."""

    async def refusals(self) -> Sequence[Receipt]:
        """What nodes answered last to the plans of a proxy, where that was a refusal; of every proxy, some maybe gone."""

    async def note_node(self, node_id: str, replica_id: UUID, *, connected: bool) -> None:
        """Store that a node came to us, or left us; leaving is ignored once it has come to another replica."""

    async def nodes(self) -> Sequence[Connected]:
        """Every node that ever came, by node id."""

    async def note_vantages(self, reports: Sequence[VantageReport]) -> None:
        """Store how we see instances of others' proxies, for their owners; the newest of each instance counts."""

    async def vantages(self, proxy_ids: Collection[str]) -> Sequence[VantageReport]:
        """How every replica sees the instances of these proxies, with the age of each report."""

    async def tell_traffic(self, accounts: Sequence[TrafficEvidence]) -> None:
        """Tell the owners of these proxies what our nodes carried. Nothing is stored; what nobody hears is lost."""

    async def listen(self) -> None:
        """Listen until cancelled; a lost connection is opened again with growing pauses."""

    async def notes(self) -> Notes:
        """Wait until something was told, and take it all. Only while `listen` runs."""
