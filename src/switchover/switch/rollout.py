"""Carry the newest plan of every proxy to every node, until each has applied it.

A commit is never rolled back: a node that rejected, timed out or was away is sent the current plan
again with backoff, whatever became of the event.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

import structlog

from switchover.model.backoff import Backoff
from switchover.model.clock import Clock
from switchover.model.plan import Phase, Plan, Receipt, ReceiptKind
from switchover.switch.driver import Driver

_log = structlog.get_logger(__name__)

APPLY_TIMEOUT_SECONDS = 5.0
"""How long one attempt waits for a node before it says TIMED_OUT; the event's own deadline is the policy's."""

RETRY = Backoff(first_seconds=0.2, most_seconds=15.0)


@dataclass(slots=True)
class _Carrying:
    """A plan on its way.

    Attributes:
        plan: What.
        owes_break: Until every node has stopped giving the proxy's requests to anybody.
        applied: The nodes that have applied all of it.
        task: What carries it.
    """

    plan: Plan
    owes_break: bool
    applied: set[str] = field(default_factory=set)
    task: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        return self.task is not None and self.task.done()

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


class Rollout:
    """One carrying task per proxy at the most; a newer plan takes the place of an older one at once.

    `running` is set while `want` may be called.

    Args:
        drivers: The nodes. Every one carries every proxy that has a plan.
        clock: For the pauses between attempts.
        receipts: Awaited with every receipt of a phase.
        all_broken: Whether every node, here or at another replica, has stopped giving requests to anybody under the
            plan's epoch. Asked again after `heed_answers`.
        shared: Whether nodes may be connected to another replica, so that one that is away here is no matter.
    """

    def __init__(
        self,
        drivers: Sequence[Driver],
        clock: Clock,
        receipts: Callable[[Receipt], Awaitable[None]],
        *,
        all_broken: Callable[[Plan], bool],
        shared: bool = False,
    ) -> None:
        self._drivers = tuple(drivers)
        self._clock = clock
        self._receipts = receipts
        self._all_broken = all_broken
        self._shared = shared
        self._answered: dict[str, asyncio.Event] = {}
        self._carrying: dict[str, _Carrying] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self.running = asyncio.Event()

    async def run(self) -> None:
        """Own the carrying tasks until cancelled; `want` works only while this runs."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self.running.set()
            try:
                while True:
                    await self._clock.sleep(RETRY.most_seconds)
                    self._repeat_refused(tasks)
            finally:
                self.running.clear()
                self._tasks = None

    def want(self, plan: Plan, *, breaks: bool = False) -> None:
        """Make `plan` the one to carry, in place of the proxy's former plan.

        Args:
            plan: What every node should do.
            breaks: Whether every node must first have stopped giving the proxy's requests to anybody.
        """
        if self._tasks is None:
            raise RuntimeError("the rollout is not running")
        former = self._carrying.get(plan.proxy_id)
        if former is not None:
            if former.plan == plan and not former.is_over:
                return
            former.cancel()
            # A break that was cut short is still owed: some node may give requests to the instance before.
            breaks = breaks or (former.owes_break and plan.exclusive)
        carrying = self._carrying[plan.proxy_id] = _Carrying(plan, owes_break=breaks)
        carrying.task = self._tasks.create_task(self._carry(carrying), name=f"carry {plan.proxy_id}")

    async def withdraw(self, proxy_id: str) -> None:
        """Take the proxy off every node."""
        former = self._carrying.pop(proxy_id, None)
        if former is not None:
            former.cancel()
        for driver in self._drivers:
            await driver.withdraw(proxy_id)

    @property
    def breaking(self) -> AbstractSet[str]:
        """The proxies whose nodes have not all stopped giving requests, as they must before they are told anew."""
        return {proxy_id for proxy_id, carrying in self._carrying.items() if carrying.owes_break}

    def _repeat_refused(self, tasks: asyncio.TaskGroup) -> None:
        """Carry again what a node has applied once and refuses now, as one may that has begun anew."""
        for driver in self._drivers:
            for proxy_id in driver.status().rejections:
                carrying = self._carrying.get(proxy_id)
                if carrying is not None and driver.node_id in carrying.applied:
                    carrying.applied.discard(driver.node_id)
                    plan = carrying.plan
                    tasks.create_task(self._until_applied(driver, plan, plan, Phase.MAKE))

    def _note_applied(self, plan: Plan, node_id: str) -> None:
        if self._is_wanted(plan):
            self._carrying[plan.proxy_id].applied.add(node_id)

    def _is_wanted(self, plan: Plan) -> bool:
        carrying = self._carrying.get(plan.proxy_id)
        return carrying is not None and carrying.plan is plan

    def heed_answers(self, proxy_id: str) -> None:
        """Take note that a node, here or elsewhere, has answered."""
        if proxy_id in self._answered:
            self._answered[proxy_id].set()

    async def _carry(self, carrying: _Carrying) -> None:
        plan = carrying.plan
        if carrying.owes_break:
            async with asyncio.TaskGroup() as nodes:
                breaking = nodes.create_task(self._to_all(replace(plan, tiers=()), plan, Phase.BREAK))
                await self._until_all_broken(plan)
                breaking.cancel()
            carrying.owes_break = False
        await self._to_all(plan, plan, Phase.MAKE)

    async def _to_all(self, plan: Plan, wanted: Plan, phase: Phase) -> None:
        async with asyncio.TaskGroup() as nodes:
            for driver in self._drivers:
                nodes.create_task(self._until_applied(driver, plan, wanted, phase))

    async def _until_all_broken(self, plan: Plan) -> None:
        answered = self._answered[plan.proxy_id] = asyncio.Event()
        try:
            while not self._all_broken(plan):
                await answered.wait()
                answered.clear()
        finally:
            if self._answered.get(plan.proxy_id) is answered:
                del self._answered[plan.proxy_id]

    async def _until_applied(self, driver: Driver, plan: Plan, wanted: Plan, phase: Phase) -> None:
        attempt = 0
        # A cancelled task may get one more turn before it learns of it; that turn must not send what is outdated.
        while self._is_wanted(wanted):
            receipt = replace(await driver.apply(plan, APPLY_TIMEOUT_SECONDS), phase=phase)
            await self._receipts(receipt)
            if receipt.is_applied:
                if phase is Phase.MAKE:
                    self._note_applied(wanted, driver.node_id)
                return
            if attempt == 0 and not (self._shared and receipt.is_silence):
                _log.warning(
                    "node did not apply",
                    node_id=driver.node_id,
                    proxy_id=plan.proxy_id,
                    epoch=plan.epoch,
                    answer=receipt.kind.value,
                    detail=receipt.detail,
                    fault="target",
                )
            # A silent node has the plan as soon as it is back; growing pauses would only delay hearing of it.
            await self._clock.sleep(RETRY.delay(attempt if receipt.kind is ReceiptKind.REJECTED else 0))
            attempt += 1
