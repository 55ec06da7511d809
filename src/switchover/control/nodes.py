"""Where every node is connected and what it refuses, be it here or at another replica."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from switchover.control.fleet import Fleet
from switchover.control.ownership import Ownership
from switchover.model.backoff import Backoff
from switchover.model.clock import Clock
from switchover.model.errors import StoreUnavailable
from switchover.model.plan import Receipt
from switchover.record.exchange import Connected, Exchange
from switchover.switch.driver import Driver, NodeState, NodeStatus

_log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0
"""How late we may know of what happens at other replicas."""
RETRY = Backoff(first_seconds=0.5, most_seconds=5.0)


class NodeWatch:
    """Tells the other replicas of our nodes and knows of theirs; alone, it knows what the drivers know.

    Args:
        fleet: What a refusal is about must be in it.
        clock: For pauses.
        ownership: Who we are, and who lives.
        drivers: The nodes.
        exchange: What replicas tell each other; None when we are alone.
    """

    def __init__(
        self,
        *,
        fleet: Fleet,
        clock: Clock,
        ownership: Ownership,
        drivers: Sequence[Driver],
        exchange: Exchange | None,
    ) -> None:
        self._fleet = fleet
        self._clock = clock
        self._ownership = ownership
        self._drivers = tuple(drivers)
        self._exchange = exchange
        self._told: Mapping[str, Connected] = {}
        self._refusals: Sequence[Receipt] = ()

    async def run(self) -> None:
        """Tell and look until cancelled; alone, there is nothing to do."""
        if self._exchange is None:
            return
        async with asyncio.TaskGroup() as tasks:
            for driver in self._drivers:
                tasks.create_task(self._tell_often(driver, self._exchange), name=f"place of {driver.node_id}")
            tasks.create_task(self._look_often(self._exchange), name="places")

    def statuses(self) -> Sequence[NodeStatus]:
        """How every node stands to all replicas."""
        return tuple(self._status(driver) for driver in self._drivers)

    def send_away(self) -> None:
        """Let our nodes look for another replica, once."""
        _log.warning("nodes sent away", fault="ours")
        for driver in self._drivers:
            driver.send_away()

    def _status(self, driver: Driver) -> NodeStatus:
        here = driver.status()
        if self._ownership.replica is None:
            return here
        if here.state is NodeState.CONNECTED:
            return replace(here, replica=self._ownership.replica.name)
        told = self._told.get(driver.node_id)
        # What we last told of our own node is not news.
        elsewhere = None if told is None or told.replica_id == self._ownership.replica_id else told.replica_id
        name = None if elsewhere is None else self._ownership.name_of(elsewhere)
        return NodeStatus(
            node_id=driver.node_id,
            state=NodeState.AWAY if name is None else NodeState.CONNECTED,
            rejections={r.proxy_id: r.detail for r in self._refusals if self._is_refused(driver.node_id, r)},
            replica=name,
        )

    def _is_refused(self, node_id: str, refusal: Receipt) -> bool:
        """Whether the node refuses what its proxy still wants."""
        if refusal.node_id != node_id or refusal.proxy_id not in self._fleet:
            return False
        proxy = self._fleet.state(refusal.proxy_id).proxy
        return proxy.epoch == refusal.epoch and proxy.policy.listener is not None

    async def _tell_often(self, driver: Driver, exchange: Exchange) -> None:
        failures = 0
        while True:
            if failures == 0:
                await driver.came_or_went()
            try:
                await self._tell(driver, exchange)
            except StoreUnavailable:
                await self._clock.sleep(RETRY.delay(failures))
                failures += 1
            else:
                failures = 0

    async def _tell(self, driver: Driver, exchange: Exchange) -> None:
        if self._ownership.replica_id is not None:
            connected = driver.status().state is NodeState.CONNECTED
            await exchange.note_node(driver.node_id, self._ownership.replica_id, connected=connected)

    async def _look_often(self, exchange: Exchange) -> None:
        while True:
            try:
                self._told = {told.node_id: told for told in await exchange.nodes()}
                self._refusals = await exchange.refusals()
                await self._correct(exchange)
            except StoreUnavailable as error:
                _log.warning("could not look where nodes are", error=str(error), fault="ours")
            await self._clock.sleep(LOOK_SECONDS)

    async def _correct(self, exchange: Exchange) -> None:
        """Tell again of nodes that are ours and said to be elsewhere: words of two replicas crossed."""
        for driver in self._drivers:
            told = self._told.get(driver.node_id)
            is_ours = told is not None and told.replica_id == self._ownership.replica_id
            if driver.status().state is NodeState.CONNECTED and not is_ours:
                await self._tell(driver, exchange)
