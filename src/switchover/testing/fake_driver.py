"""A node without a data plane: applies what it is told, refuses or stays silent when a test says so."""

import asyncio
from collections.abc import Sequence

from switchover.model.plan import Plan, Receipt, ReceiptKind, TrafficEvidence
from switchover.switch.driver import NodeState, NodeStatus


class FakeDriver:
    """One node in memory.

    A test reads `applied` (proxy id → the plan the node runs) and `history` (every plan it came to run, in order),
    and steers it with `silence`, `speak`, `reject`, `accept`, `account` and `claim_epoch`. `sent_away` counts.
    """

    def __init__(self, node_id: str = "fake") -> None:
        self._node_id = node_id
        self.applied: dict[str, Plan] = {}
        self.history: list[Plan] = []
        self.started = False
        self.sent_away = 0
        self._desired: dict[str, Plan] = {}
        self._rejections: dict[str, str] = {}
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._moved = asyncio.Event()
        self._moved.set()
        self._changed = asyncio.Condition()
        self._accounts: asyncio.Queue[Sequence[TrafficEvidence]] = asyncio.Queue(maxsize=1000)
        self._claims: asyncio.Queue[tuple[str, int]] = asyncio.Queue(maxsize=1000)

    @property
    def node_id(self) -> str:
        return self._node_id

    async def start(self, plans: Sequence[Plan]) -> None:
        self.started = True
        self._desired = {plan.proxy_id: plan for plan in plans}
        self._converge()

    async def apply(self, plan: Plan, timeout_seconds: float) -> Receipt:
        self._desired[plan.proxy_id] = plan
        async with self._changed:
            self._changed.notify_all()
        self._converge()
        try:
            async with asyncio.timeout(timeout_seconds), self._changed:
                await self._changed.wait_for(lambda: self._answer(plan) is not None)
        except TimeoutError:
            return self._receipt(plan, ReceiptKind.TIMED_OUT, f"no answer within {timeout_seconds:g} s")
        answer = self._answer(plan)
        assert answer is not None
        return answer

    async def withdraw(self, proxy_id: str) -> None:
        self._desired.pop(proxy_id, None)
        self._rejections.pop(proxy_id, None)
        self._converge()

    async def observe(self) -> Sequence[TrafficEvidence]:
        return await self._accounts.get()

    async def newer_epoch(self) -> tuple[str, int]:
        return await self._claims.get()

    async def came_or_went(self) -> None:
        await self._moved.wait()
        self._moved.clear()

    def send_away(self) -> None:
        self.sent_away += 1

    def status(self) -> NodeStatus:
        state = NodeState.CONNECTED if self._speaks.is_set() else NodeState.AWAY
        return NodeStatus(node_id=self._node_id, state=state, rejections=dict(self._rejections))

    def silence(self) -> None:
        """Stop answering, as a node that is paused or cut off."""
        self._speaks.clear()
        self._moved.set()

    async def speak(self) -> None:
        """Answer again and catch up with everything that is desired now."""
        self._speaks.set()
        self._moved.set()
        self._converge()
        async with self._changed:
            self._changed.notify_all()

    def reject(self, proxy_id: str, words: str) -> None:
        """Refuse every plan of this proxy with these words."""
        self._rejections[proxy_id] = words

    def accept(self, proxy_id: str) -> None:
        """Stop refusing."""
        self._rejections.pop(proxy_id, None)

    def account(self, *evidence: TrafficEvidence) -> None:
        """Tell an account of traffic."""
        self._accounts.put_nowait(evidence)

    def claim_epoch(self, proxy_id: str, epoch: int) -> None:
        """Claim to have acknowledged this epoch."""
        self._claims.put_nowait((proxy_id, epoch))

    def _converge(self) -> None:
        if not self._speaks.is_set():
            return
        for proxy_id, plan in self._desired.items():
            if proxy_id not in self._rejections and self.applied.get(proxy_id) != plan:
                self.applied[proxy_id] = plan
                self.history.append(plan)
        for proxy_id in self.applied.keys() - self._desired.keys():
            del self.applied[proxy_id]

    def _answer(self, plan: Plan) -> Receipt | None:
        if self._desired.get(plan.proxy_id) != plan:
            return self._receipt(plan, ReceiptKind.TIMED_OUT, "a newer plan took its place")
        if not self._speaks.is_set():
            return None
        words = self._rejections.get(plan.proxy_id)
        if words is not None:
            return self._receipt(plan, ReceiptKind.REJECTED, words)
        if self.applied.get(plan.proxy_id) == plan:
            return self._receipt(plan, ReceiptKind.APPLIED, "")
        return None

    def _receipt(self, plan: Plan, kind: ReceiptKind, detail: str) -> Receipt:
        return Receipt(
            node_id=self._node_id, proxy_id=plan.proxy_id, epoch=plan.epoch, kind=kind, detail=detail
        )
