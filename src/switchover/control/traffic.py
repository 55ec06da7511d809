"""What the nodes tell of their traffic: usage, live connections, proof that a move arrived, and first suspicion."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog

from switchover.control.beliefs import Evidence
from switchover.control.collector import Collector
from switchover.control.dispatcher import Dispatcher
from switchover.control.fleet import Fleet, ProxyState
from switchover.control.ownership import Ownership
from switchover.model.clock import Clock
from switchover.model.errors import LostLease, StoreUnavailable
from switchover.model.plan import TrafficEvidence
from switchover.record.exchange import Exchange
from switchover.record.store import Store
from switchover.switch.driver import Driver

_log = structlog.get_logger(__name__)

TELL_SECONDS = 1.0
MOST_UNTOLD = 20_000
"""Accounts that wait to be told; more are dropped, as they are statistics."""


class TrafficWatch:
    """Listens to the accounts of every node."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        store: Store,
        clock: Clock,
        ownership: Ownership,
        drivers: Sequence[Driver],
        exchange: Exchange | None,
        dispatcher: Dispatcher,
        collector: Collector,
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._clock = clock
        self._drivers = tuple(drivers)
        self._dispatcher = dispatcher
        self._collector = collector
        self._ownership = ownership
        self._exchange = exchange
        self._others: list[TrafficEvidence] = []

    async def run(self) -> None:
        """Listen until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for driver in self._drivers:
                tasks.create_task(self._listen(driver), name=f"traffic of {driver.node_id}")
            if self._exchange is not None:
                tasks.create_task(self._tell_often(self._exchange), name="traffic of others' proxies")

    async def take_in(self, account: TrafficEvidence) -> None:
        """Take in a node's account of a proxy that is ours."""
        if not self._ownership.holds(account.proxy_id) or account.proxy_id not in self._fleet:
            return
        told = tuple(replace(endpoint, node_id=account.node_id) for endpoint in account.endpoints)
        self._dispatcher.take(account.proxy_id, Evidence(traffic=told))
        self._suspect(account)
        await self._verify(account)

    async def _listen(self, driver: Driver) -> None:
        while True:
            for account in await driver.observe():
                if self._ownership.holds(account.proxy_id):
                    await self.take_in(account)
                elif self._exchange is not None and len(self._others) < MOST_UNTOLD:
                    self._others.append(account)

    async def _tell_often(self, exchange: Exchange) -> None:
        while True:
            await self._clock.sleep(TELL_SECONDS)
            accounts, self._others = self._others, []
            if not accounts:
                continue
            try:
                await exchange.tell_traffic(accounts)
            except StoreUnavailable as error:
                # Statistics of a second; what is known of moves and health does not depend on them.
                _log.warning("accounts lost", accounts=len(accounts), error=str(error), fault="ours")

    def _suspect(self, account: TrafficEvidence) -> None:
        for endpoint in account.endpoints:
            if endpoint.errors:
                self._collector.hurry(endpoint.instance_id)

    async def _verify(self, account: TrafficEvidence) -> None:
        if not _proves(self._fleet.state(account.proxy_id), account):
            return
        async with self._fleet.lock(account.proxy_id):
            # It may have become another replica's while we waited.
            if account.proxy_id not in self._fleet or not self._ownership.holds(account.proxy_id):
                return
            state = self._fleet.state(account.proxy_id)
            event_id = state.unverified_event_id
            if event_id is None or not _proves(state, account):
                return
            now = self._clock.now()
            try:
                await self._store.note_verified(event_id, now, fence=state.fence)
            except (StoreUnavailable, LostLease) as error:
                # The next account proves it again.
                _log.warning(
                    "could not note a verification", event_id=str(event_id), error=str(error), fault="ours"
                )
                return
            open_move = state.open_move
            if open_move is not None:
                open_move = replace(open_move, stages=replace(open_move.stages, verified_at=now))
            self._fleet.put(replace(state, open_move=open_move, unverified_event_id=None))


def _proves(state: ProxyState, account: TrafficEvidence) -> bool:
    """Whether the account shows that the new active answered under the epoch that made it active."""
    return state.unverified_event_id is not None and any(
        endpoint.instance_id == state.proxy.active_instance_id
        and endpoint.epoch == state.proxy.epoch
        and endpoint.successes > 0
        for endpoint in account.endpoints
    )
