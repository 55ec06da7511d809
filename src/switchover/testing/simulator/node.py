"""Data-plane nodes, and the driver by which one replica steers one of them.

A node listens to one replica at a time and runs what it was last given. Each replica has a driver for every node.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from switchover.model.plan import EndpointTraffic, Plan, Receipt, ReceiptKind, TrafficEvidence
from switchover.switch.driver import Driver, NodeState, NodeStatus
from switchover.testing.simulator.dice import Dice
from switchover.testing.simulator.time import ReplicaLoop, SimulatedTime

_AT_ONCE = 0.6
_SLOWEST_SECONDS = 0.4

Told = Callable[["SimulatedNode", Plan], None]
"""Told of each plan that a node begins to run, just before it does."""


@dataclass(eq=False, slots=True)
class Stream:
    """One connection of a node to a replica.

    Attributes:
        driver: Who is at the other end.
        known: proxy id → what the node has acknowledged here.
        latest: proxy id → what the node will have once it has taken in what is on its way.
        stalled: While True whatever is sent is lost, and neither end knows.
        down_at: When what was sent last to the node arrives.
    """

    driver: "NodeDriver"
    known: dict[str, Plan] = field(default_factory=dict)
    latest: dict[str, Plan] = field(default_factory=dict)
    stalled: bool = False
    down_at: float = 0.0


class SimulatedNode:
    """One data-plane process.

    Attributes:
        applied: proxy id → the plan that it runs.
        rejects: Proxies whose plans it refuses.
        stream: Its connection; None while it is away.
        calm: While True nothing is slow.
    """

    def __init__(
        self,
        node_id: str,
        *,
        time: SimulatedTime,
        dice: Dice,
        told: Told,
        lost: Callable[["SimulatedNode"], None],
    ) -> None:
        self.node_id = node_id
        self.applied: dict[str, Plan] = {}
        self.rejects: set[str] = set()
        self.stream: Stream | None = None
        self.calm = False
        self._time = time
        self._dice = dice
        self._told = told
        self._lost = lost
        self._up_at = 0.0

    def connect(self, driver: "NodeDriver") -> None:
        """Leave the replica that it listens to, if any, and name to another one what it runs."""
        self.disconnect()
        stream = self.stream = Stream(driver)
        self._up(stream, driver.opened, stream, dict(self.applied))

    def disconnect(self) -> None:
        """Hang up; what is on its way is lost."""
        stream, self.stream = self.stream, None
        if stream is not None:
            self._up(stream, stream.driver.closed, stream)

    def sent_away(self, stream: Stream) -> None:
        """The replica ends a stream."""
        if stream is self.stream and not stream.stalled:
            self.disconnect()
            self._lost(self)

    def restart(self) -> None:
        """Be a new process, which runs nothing."""
        self.disconnect()
        self.applied = {}

    def account(self) -> None:
        """Tell what it carried."""
        if self.stream is None:
            return
        accounts = [
            TrafficEvidence(
                node_id=self.node_id,
                proxy_id=plan.proxy_id,
                endpoints=(
                    EndpointTraffic(
                        instance_id=plan.tiers[0][0].instance_id,
                        epoch=plan.epoch,
                        successes=3,
                        errors=0,
                        in_progress=1,
                    ),
                ),
            )
            for plan in self.applied.values()
            if plan.tiers
        ]
        self._up(self.stream, self.stream.driver.carried, accounts)

    def send(self, stream: Stream, plan: Plan | None, proxy_id: str) -> None:
        """Send it a plan, or that it should run none, over this stream."""
        stream.down_at = max(stream.down_at, self._time.now + self._delay())
        self._time.at(stream.down_at, self._take, stream, plan, proxy_id)

    def _take(self, stream: Stream, plan: Plan | None, proxy_id: str) -> None:
        if stream is not self.stream or stream.stalled:
            return
        refused = plan is not None and proxy_id in self.rejects
        if plan is None:
            self.applied.pop(proxy_id, None)
        elif not refused:
            self._told(self, plan)
            self.applied[proxy_id] = plan
        words = "refused: the schedule says so" if refused else None
        self._up(stream, stream.driver.answered, stream, proxy_id, plan, words)

    def _up(self, stream: Stream, heard: Callable[..., None], *arguments: object) -> None:
        if stream.stalled and heard != stream.driver.closed:
            return
        # One after the other, whichever stream: a replica accepts them in the order in which they were opened.
        self._up_at = max(self._up_at, self._time.now + self._delay())
        self._time.at(self._up_at, stream.driver.loop.call_soon, heard, *arguments)

    def _delay(self) -> float:
        if self.calm or self._dice.happens(_AT_ONCE):
            return 0.0
        return self._dice.uniform(0, _SLOWEST_SECONDS)


@dataclass(eq=False, slots=True)
class _Waiting:
    plan: Plan
    receipt: asyncio.Future[Receipt]


class NodeDriver(Driver):
    """One replica's driver of one simulated node; keeps what the real driver keeps.

    Args:
        node: The node.
        loop: The replica's.

    Attributes:
        is_open: Whether `start` was called; before it nothing is answered.
    """

    def __init__(self, node: SimulatedNode, loop: ReplicaLoop) -> None:
        self.loop = loop
        self._node = node
        self.is_open = False
        self._desired: dict[str, Plan] = {}
        self._acknowledged: dict[str, int] = {}
        self._stream: Stream | None = None
        self._waiting: dict[str, list[_Waiting]] = {}
        self._rejections: dict[str, str] = {}
        self._newer: dict[str, int] = {}
        self._newer_found = asyncio.Event()
        self._accounts: list[TrafficEvidence] = []
        self._account_came = asyncio.Event()
        self._moved = asyncio.Event()

    @property
    def node_id(self) -> str:
        return self._node.node_id

    async def start(self, plans: Sequence[Plan]) -> None:
        for plan in plans:
            self._put(plan)
        self.is_open = True
        self._offer_all()

    async def apply(self, plan: Plan, timeout_seconds: float) -> Receipt:
        self._supersede(plan.proxy_id, plan)
        self._put(plan)
        waiting = _Waiting(plan, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(plan.proxy_id, []).append(waiting)
        timer = self.loop.call_later(
            timeout_seconds, self._answer, waiting, ReceiptKind.TIMED_OUT, "no answer in time"
        )
        try:
            self._offer(plan.proxy_id)
            self._settle(plan.proxy_id)
            return await waiting.receipt
        finally:
            timer.cancel()
            self._waiting[plan.proxy_id].remove(waiting)

    async def withdraw(self, proxy_id: str) -> None:
        self._supersede(proxy_id, None)
        self._desired.pop(proxy_id, None)
        self._newer.pop(proxy_id, None)
        self._offer(proxy_id)

    async def observe(self) -> Sequence[TrafficEvidence]:
        await self._account_came.wait()
        self._account_came.clear()
        accounts, self._accounts = self._accounts, []
        return accounts

    async def newer_epoch(self) -> tuple[str, int]:
        while True:
            while self._newer:
                proxy_id, epoch = self._newer.popitem()
                desired = self._desired.get(proxy_id)
                if desired is not None and desired.epoch < epoch:
                    return proxy_id, epoch
            self._newer_found.clear()
            await self._newer_found.wait()

    async def came_or_went(self) -> None:
        await self._moved.wait()
        self._moved.clear()

    def send_away(self) -> None:
        if self._stream is not None:
            self._node.sent_away(self._stream)

    def status(self) -> NodeStatus:
        return NodeStatus(
            node_id=self.node_id,
            state=NodeState.CONNECTED if self._stream else NodeState.AWAY,
            rejections=dict(self._rejections),
        )

    def opened(self, stream: Stream, runs: Mapping[str, Plan]) -> None:
        """The node came and named what it runs."""
        self._stream = stream
        self._moved.set()
        stream.known, stream.latest = dict(runs), dict(runs)
        for plan in runs.values():
            self._note_epoch(plan)
        self._offer_all()
        for proxy_id in self._waiting:
            self._settle(proxy_id)

    def closed(self, stream: Stream) -> None:
        """The node hung up."""
        if self._stream is stream:
            self._stream = None
            self._moved.set()

    def answered(self, stream: Stream, proxy_id: str, plan: Plan | None, words: str | None) -> None:
        """The node took or refused what it was sent."""
        if stream is not self._stream:
            return
        if words is not None:
            if stream.latest.get(proxy_id) == plan:
                _set(stream.latest, proxy_id, stream.known.get(proxy_id))
            self._rejections[proxy_id] = words
            for waiting in self._waiting.get(proxy_id, ()):
                if waiting.plan == plan:
                    self._answer(waiting, ReceiptKind.REJECTED, words)
            return
        self._rejections.pop(proxy_id, None)
        _set(stream.known, proxy_id, plan)
        if plan is not None:
            self._note_epoch(plan)
        self._settle(proxy_id)

    def carried(self, accounts: Sequence[TrafficEvidence]) -> None:
        """The node told what it carried."""
        self._accounts += accounts
        self._account_came.set()

    def _put(self, plan: Plan) -> None:
        self._desired[plan.proxy_id] = plan
        self._look_for_newer(plan.proxy_id)

    def _note_epoch(self, plan: Plan) -> None:
        proxy_id = plan.proxy_id
        self._acknowledged[proxy_id] = max(plan.epoch, self._acknowledged.get(proxy_id, 0))
        self._look_for_newer(proxy_id)

    def _look_for_newer(self, proxy_id: str) -> None:
        plan, epoch = self._desired.get(proxy_id), self._acknowledged.get(proxy_id, 0)
        if plan is not None and plan.epoch < epoch:
            self._newer[proxy_id] = epoch
            self._newer_found.set()

    def _held_back(self, plan: Plan) -> bool:
        """Whether the node has acknowledged a newer epoch: then nothing older is served."""
        return plan.epoch < self._acknowledged.get(plan.proxy_id, 0)

    def _offer_all(self) -> None:
        if self._stream is not None:
            for proxy_id in dict.fromkeys((*self._desired, *self._stream.latest)):
                self._offer(proxy_id)

    def _offer(self, proxy_id: str) -> None:
        stream, plan = self._stream, self._desired.get(proxy_id)
        if stream is None or not self.is_open or stream.latest.get(proxy_id) == plan:
            return
        if plan is None or not self._held_back(plan):
            _set(stream.latest, proxy_id, plan)
            self._node.send(stream, plan, proxy_id)

    def _settle(self, proxy_id: str) -> None:
        stream = self._stream
        if stream is None or not self.is_open:
            return
        for waiting in self._waiting.get(proxy_id, ()):
            if stream.known.get(proxy_id) == waiting.plan == stream.latest.get(proxy_id):
                self._answer(waiting, ReceiptKind.APPLIED, "")

    def _supersede(self, proxy_id: str, plan: Plan | None) -> None:
        for waiting in self._waiting.get(proxy_id, ()):
            if waiting.plan != plan:
                self._answer(waiting, ReceiptKind.TIMED_OUT, "another plan took its place")

    def _answer(self, waiting: _Waiting, kind: ReceiptKind, detail: str) -> None:
        if not waiting.receipt.done():
            plan = waiting.plan
            waiting.receipt.set_result(
                Receipt(
                    node_id=self.node_id, proxy_id=plan.proxy_id, epoch=plan.epoch, kind=kind, detail=detail
                )
            )


def _set(plans: dict[str, Plan], proxy_id: str, plan: Plan | None) -> None:
    if plan is None:
        plans.pop(proxy_id, None)
    else:
        plans[proxy_id] = plan
