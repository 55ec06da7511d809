"""The driver of one Envoy: plans in, receipts out. The server (`server`) brings the node's streams to it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from switchover.model.clock import Clock
from switchover.model.plan import Plan, Receipt, ReceiptKind, TrafficEvidence
from switchover.switch.driver import NodeState, NodeStatus
from switchover.switch.envoy.configuration import NodeConfiguration
from switchover.switch.envoy.messages import DeltaRequest, LoadReport, ResourceKind
from switchover.switch.envoy.resources import ProxyResources
from switchover.switch.envoy.session import Answer, DeltaSession
from switchover.switch.envoy.traffic import TrafficAccounts

_log = structlog.get_logger(__name__)


SENT_AWAY_SECONDS = 2.0
"""How long a node that was sent away is not let in.

A stream that only ends does not make Envoy choose another replica; one that is refused does (see `bootstrap`).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rejection:
    version: str
    words: str


@dataclass(eq=False, slots=True, kw_only=True)
class _Waiting:
    """One `apply` that waits for its receipt."""

    plan: Plan
    receipt: asyncio.Future[Receipt]


@dataclass(eq=False, slots=True, kw_only=True)
class Connection:
    """A stream that a node listens on.

    Attributes:
        session: Its conversation.
        wake: Set when `session.responses()` may have something new.
        replaced: Set when a newer stream of the same node took its place.
    """

    session: DeltaSession
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    replaced: asyncio.Event = field(default_factory=asyncio.Event)


class EnvoyDriver:
    """Steers one Envoy; see `switch.driver.Driver` for the contract. Made by `XdsServer.node`.

    Args:
        node_id: The node's name.
        clock: For deadlines.
        bind_address: Where the node opens listeners that are declared for every address; None opens them on every one.
    """

    def __init__(self, *, node_id: str, clock: Clock, bind_address: str | None = None) -> None:
        self._node_id = node_id
        self._clock = clock
        self._configuration = NodeConfiguration(bind_address)
        self._opened = asyncio.Event()
        self._connection: Connection | None = None
        self._waiting: dict[str, list[_Waiting]] = {}
        self._rejections: dict[str, dict[ResourceKind, _Rejection]] = {}
        self._traffic = TrafficAccounts(node_id)
        self._traffic_arrived = asyncio.Event()
        self._newer_epochs: dict[str, int] = {}
        self._newer_epoch_found = asyncio.Event()
        self._moved = asyncio.Event()
        self._sent_away_until = float("-inf")
        self.sent_away = asyncio.Event()
        """Set when the streams that are open now should end; streams that open later have another."""

    @property
    def node_id(self) -> str:
        """The node's name."""
        return self._node_id

    async def start(self, plans: Sequence[Plan]) -> None:
        """Open for the node with all of `plans` at once."""
        for plan in plans:
            self._put(plan)
        self._opened.set()

    async def apply(self, plan: Plan, timeout_seconds: float) -> Receipt:
        """Make `plan` the desired one of its proxy and wait for the node's answer; see the Protocol."""
        self._supersede(plan.proxy_id, plan)
        self._put(plan)
        waiting = _Waiting(plan=plan, receipt=asyncio.get_running_loop().create_future())
        self._waiting.setdefault(plan.proxy_id, []).append(waiting)
        try:
            self._offer(plan.proxy_id)
            self._settle(plan.proxy_id)
            return await self._receipt(waiting, timeout_seconds)
        finally:
            self._waiting[plan.proxy_id].remove(waiting)
            if not self._waiting[plan.proxy_id]:
                del self._waiting[plan.proxy_id]

    async def withdraw(self, proxy_id: str) -> None:
        """Take the proxy off the node; returns at once."""
        self._supersede(proxy_id, None)
        self._configuration.remove(proxy_id)
        self._rejections.pop(proxy_id, None)
        self._newer_epochs.pop(proxy_id, None)
        self._traffic.forget(proxy_id)
        self._offer(proxy_id)

    async def observe(self) -> Sequence[TrafficEvidence]:
        """Wait for the node's next account of its traffic; what nobody waited for has been summed up."""
        await self._traffic_arrived.wait()
        self._traffic_arrived.clear()
        return self._traffic.take()

    async def newer_epoch(self) -> tuple[str, int]:
        """Wait until the node is found to have acknowledged an epoch above the desired one."""
        while True:
            while self._newer_epochs:
                proxy_id = self._newer_epochs.popitem()[0]
                epoch = self._configuration.newer_epoch(proxy_id)
                if epoch is not None:  # unless a plan has caught up since
                    return proxy_id, epoch
            self._newer_epoch_found.clear()
            await self._newer_epoch_found.wait()

    async def came_or_went(self) -> None:
        """Wait until the node has come or gone since the last call."""
        await self._moved.wait()
        self._moved.clear()

    def send_away(self) -> None:
        """End the node's streams once, so that it looks for another replica."""
        self._sent_away_until = self._clock.monotonic() + SENT_AWAY_SECONDS
        self.sent_away.set()
        self.sent_away = asyncio.Event()

    @property
    def is_sent_away(self) -> bool:
        """Whether the node should not be let in yet."""
        return self._clock.monotonic() < self._sent_away_until

    def status(self) -> NodeStatus:
        """How the node stands now."""
        return NodeStatus(
            node_id=self._node_id,
            state=NodeState.CONNECTED if self._connection else NodeState.AWAY,
            rejections={
                proxy_id: "; ".join(dict.fromkeys(rejection.words for rejection in kinds.values()))
                for proxy_id, kinds in self._rejections.items()
            },
        )

    async def opened(self) -> None:
        """Wait for `start`: before it nothing is answered, because an empty answer wipes a node."""
        await self._opened.wait()

    def connect(self, *, fresh: bool = True) -> Connection:
        """A new stream of the node; an older one, which the node has given up, is told that it is replaced.

        Args:
            fresh: Whether we know everything that other replicas may have told the node; see `freshen`.
        """
        if self._connection is not None:
            self._connection.replaced.set()
        self._connection = Connection(session=DeltaSession(self._configuration, fresh=fresh))
        self._moved.set()
        return self._connection

    def freshen(self, connection: Connection) -> None:
        """We have come to know everything that other replicas may have told the node before this stream."""
        connection.session.freshen()
        connection.wake.set()

    def disconnect(self, connection: Connection) -> None:
        """The stream is over; a replaced one changes nothing."""
        if self._connection is connection:
            self._connection = None
            self._moved.set()

    def receive(self, connection: Connection, request: DeltaRequest) -> None:
        """Take in what the node says on a stream."""
        answers = connection.session.receive(request)
        connection.wake.set()
        if connection is not self._connection:
            return
        for answer in answers:
            self._note(answer)
        for proxy_id in {answer.name for answer in answers}:
            self._settle(proxy_id)

    def account(self, report: LoadReport) -> None:
        """Take in the node's account of its traffic."""
        if self._traffic.add(report.loads):
            self._traffic_arrived.set()

    def _put(self, plan: Plan) -> ProxyResources:
        resources = self._configuration.put(plan)
        self._traffic.know(plan)
        self._look_for_newer_epoch(plan.proxy_id)
        # What was refused and is no longer wanted is refused no more.
        rejections = self._rejections.get(plan.proxy_id, {})
        current = {kind: r for kind, r in rejections.items() if resources.of_kind(kind).version == r.version}
        self._set_rejections(plan.proxy_id, current)
        return resources

    def _look_for_newer_epoch(self, proxy_id: str) -> None:
        epoch = self._configuration.newer_epoch(proxy_id)
        if epoch is not None:
            self._newer_epochs[proxy_id] = epoch
            self._newer_epoch_found.set()

    def _set_rejections(self, proxy_id: str, rejections: dict[ResourceKind, _Rejection]) -> None:
        if rejections:
            self._rejections[proxy_id] = rejections
        else:
            self._rejections.pop(proxy_id, None)

    def _offer(self, proxy_id: str) -> None:
        if self._connection is not None:
            self._connection.session.offer(proxy_id)
            self._connection.wake.set()

    def _note(self, answer: Answer) -> None:
        resource = self._configuration.resource(answer.kind, answer.name)
        self._look_for_newer_epoch(answer.name)
        if resource is None or resource.version != answer.version:
            return
        rejections = self._rejections.get(answer.name, {})
        if answer.error is None:
            self._set_rejections(answer.name, {k: r for k, r in rejections.items() if k is not answer.kind})
            return
        rejection = _Rejection(version=answer.version, words=answer.error.strip())
        if rejections.get(answer.kind) != rejection:  # the rollout tries again and again: say it once
            _log.error(
                "node_rejected_configuration",
                node_id=self._node_id,
                proxy_id=answer.name,
                resource=answer.kind.name.lower(),
                words=rejection.words,
            )
        self._set_rejections(answer.name, rejections | {answer.kind: rejection})
        for waiting in self._waiting.get(answer.name, ()):
            self._answer(waiting, ReceiptKind.REJECTED, rejection.words)

    def _settle(self, proxy_id: str) -> None:
        """Answer who waits for a plan that the node now has."""
        resources = self._configuration.resources(proxy_id)
        if self._connection is None or resources is None or proxy_id not in self._waiting:
            return
        if all(self._connection.session.has(resource) for resource in resources):
            for waiting in self._waiting[proxy_id]:
                self._answer(waiting, ReceiptKind.APPLIED, "")

    def _supersede(self, proxy_id: str, plan: Plan | None) -> None:
        words = "the proxy was withdrawn" if plan is None else f"a plan of epoch {plan.epoch} took its place"
        for waiting in self._waiting.get(proxy_id, ()):
            if waiting.plan != plan:
                self._answer(waiting, ReceiptKind.TIMED_OUT, words)

    async def _receipt(self, waiting: _Waiting, timeout_seconds: float) -> Receipt:
        if waiting.receipt.done():
            return waiting.receipt.result()
        async with asyncio.TaskGroup() as group:
            alarm = group.create_task(self._time_out(waiting, timeout_seconds))
            receipt = await waiting.receipt
            alarm.cancel()
        return receipt

    async def _time_out(self, waiting: _Waiting, timeout_seconds: float) -> None:
        await self._clock.sleep(timeout_seconds)
        self._answer(
            waiting, ReceiptKind.TIMED_OUT, f"{self._missing(waiting.plan)} within {timeout_seconds:g} s"
        )

    def _missing(self, plan: Plan) -> str:
        """What is waited for, in words."""
        connection, resources = self._connection, self._configuration.resources(plan.proxy_id)
        newer = self._configuration.newer_epoch(plan.proxy_id)
        if newer is not None:
            return f"the node has acknowledged epoch {newer}, which is newer; nothing older is sent"
        if not self._opened.is_set():
            return "the driver was not started"
        if connection is None:
            return "the node was away and did not come back"
        if not connection.session.is_fresh:
            return "we cannot look into the store, and the node may have what is newer"
        missing = [r.kind.name.lower() for r in resources or () if not connection.session.has(r)]
        return f"the node did not acknowledge {', '.join(missing)}"

    def _answer(self, waiting: _Waiting, kind: ReceiptKind, detail: str) -> None:
        if waiting.receipt.done():
            return
        waiting.receipt.set_result(
            Receipt(
                node_id=self._node_id,
                proxy_id=waiting.plan.proxy_id,
                epoch=waiting.plan.epoch,
                kind=kind,
                detail=detail,
            )
        )
