"""What a node acknowledged of a proxy and we do not know of: we are behind, or the store is (a restored backup)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from switchover.control.alarm import Alarm
from switchover.control.fleet import MOVE_WINDOW, Fleet, ProxyState
from switchover.control.ownership import Ownership
from switchover.control.switching import Switching
from switchover.control.telling import audit_of
from switchover.model.actor import AUTOMATION
from switchover.model.clock import Clock, IdFactory
from switchover.model.errors import LostLease, StoreUnavailable
from switchover.model.plan import Receipt, ReceiptKind
from switchover.model.trail import Trail
from switchover.record.exchange import Exchange
from switchover.record.store import Store
from switchover.switch.driver import Driver

_log = structlog.get_logger(__name__)

AGAIN_SECONDS = 2.0
"""How long after a claim that is not settled it is looked at again."""


@dataclass(frozen=True, slots=True)
class _Claim:
    epoch: int
    node_id: str


class NewerEpochs:
    """Settles what nodes claim. A node's word is never taken back: what is older than it is not served meanwhile.

    First we look into the store, because another replica may have moved the proxy. Only its owner raises the epoch,
    and only when the store itself is behind; who is not its owner tells it.

    Args:
        fleet: What we believe.
        store: Looked into, and raised.
        clock: For pauses.
        ids: Of audit entries.
        ownership: Whose a proxy is.
        drivers: The nodes.
        exchange: By which the owner is told; None when we are alone.
        switching: Brings the nodes to a raised epoch.
        catch_up: Brings us to what is stored.
    """

    def __init__(
        self,
        *,
        fleet: Fleet,
        store: Store,
        clock: Clock,
        ids: IdFactory,
        ownership: Ownership,
        drivers: Sequence[Driver],
        exchange: Exchange | None,
        switching: Switching,
        catch_up: Callable[[], Awaitable[None]],
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._clock = clock
        self._ids = ids
        self._ownership = ownership
        self._drivers = tuple(drivers)
        self._exchange = exchange
        self._switching = switching
        self._catch_up = catch_up
        self._claims: dict[str, _Claim] = {}
        self._bell = Alarm(clock)

    async def run(self) -> None:
        """Listen to the nodes and settle what they claim, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for driver in self._drivers:
                tasks.create_task(self._heed(driver), name=f"epochs of {driver.node_id}")
            tasks.create_task(self._settle_often(), name="epochs")

    def take_in(self, receipt: Receipt) -> None:
        """Take in what a node of any replica acknowledged."""
        if not receipt.is_applied or receipt.proxy_id not in self._fleet:
            return
        if receipt.epoch > self._fleet.state(receipt.proxy_id).proxy.epoch:
            self._claim(receipt.proxy_id, receipt.epoch, receipt.node_id)

    def _claim(self, proxy_id: str, epoch: int, node_id: str) -> None:
        known = self._claims.get(proxy_id)
        if known is None or known.epoch < epoch:
            self._claims[proxy_id] = _Claim(epoch, node_id)
            self._bell.ring()

    async def _heed(self, driver: Driver) -> None:
        while True:
            proxy_id, epoch = await driver.newer_epoch()
            self._claim(proxy_id, epoch, driver.node_id)

    async def _settle_often(self) -> None:
        while True:
            await self._bell.wait(AGAIN_SECONDS if self._claims else None)
            try:
                await self._settle()
            except StoreUnavailable as error:
                _log.error("could not settle what nodes acknowledged", error=str(error), fault="ours")

    async def _settle(self) -> None:
        await self._catch_up()
        for proxy_id, claim in tuple(self._claims.items()):
            async with self._fleet.lock(proxy_id):
                settled = await self._is_settled(proxy_id, claim)
            if settled and self._claims.get(proxy_id) is claim:
                del self._claims[proxy_id]

    async def _is_settled(self, proxy_id: str, claim: _Claim) -> bool:
        if proxy_id not in self._fleet:
            return True
        state = self._fleet.state(proxy_id)
        if self._exchange is None or self._ownership.replica_id is None:
            # Nobody but us gives epochs out, so even the same one is another history's.
            return state.proxy.epoch > claim.epoch or await self._pass(state, claim)
        if state.proxy.epoch >= claim.epoch:
            return True
        if self._ownership.owns(proxy_id):
            if await self._is_store_behind(proxy_id, claim):
                return await self._pass(state, claim)
            # A move of ours was stored without our being told; the next pass finds it.
            self._fleet.doubt(proxy_id)
            return False
        receipt = Receipt(
            node_id=claim.node_id,
            proxy_id=proxy_id,
            epoch=claim.epoch,
            kind=ReceiptKind.APPLIED,
            detail="it had this epoch when it came",
        )
        await self._exchange.note_receipt(receipt, self._ownership.replica_id)
        return False

    async def _is_store_behind(self, proxy_id: str, claim: _Claim) -> bool:
        stored = await self._store.load_proxy(proxy_id, self._clock.now() - MOVE_WINDOW)
        return stored is not None and stored.proxy.epoch < claim.epoch

    async def _pass(self, state: ProxyState, claim: _Claim) -> bool:
        proxy, now, raised = state.proxy, self._clock.now(), claim.epoch + 1
        detail = {"from": proxy.epoch, "to": raised, "nodeId": claim.node_id}
        entry = audit_of(self._ids, AUTOMATION, "epoch.raise", proxy.proxy_id, now, detail=detail)
        try:
            await self._store.raise_epoch(proxy.proxy_id, raised, Trail(audit=(entry,)), fence=state.fence)
        except LostLease:
            return False  # whoever owns it now is told
        _log.error(
            "store is behind a node, epoch raised past it", proxy_id=proxy.proxy_id, fault="ours", **detail
        )
        after = replace(state, proxy=replace(proxy, epoch=raised))
        self._fleet.put(after)
        await self._switching.want(after)
        return True
