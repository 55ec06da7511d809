"""From a committed move to its outcome: plans go to the nodes, receipts close the event."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import structlog

from switchover.control.fleet import Fleet, ProxyState
from switchover.control.ownership import Ownership
from switchover.control.telling import audit_of, event_payload, message_of
from switchover.decision.plan import plan_of
from switchover.model.actor import AUTOMATION, Actor
from switchover.model.backoff import Backoff
from switchover.model.clock import Clock, IdFactory
from switchover.model.errors import LostLease, StoreUnavailable
from switchover.model.events import (
    TIMED_OUT_PREFIX,
    Closing,
    EventStatus,
    EventType,
    FailoverEvent,
    NodeAnswer,
    close,
)
from switchover.model.plan import Phase, Plan, Receipt, ReceiptKind
from switchover.model.trail import Topic, Trail
from switchover.record.exchange import Exchange
from switchover.record.store import Store
from switchover.switch.driver import Driver
from switchover.switch.rollout import Rollout

_log = structlog.get_logger(__name__)

_ReceiptKey = tuple[str, str, Phase]

STORE_RETRY = Backoff(first_seconds=0.5, most_seconds=10.0)
_MOST_WORDS = 500


class Switching:
    """Keeps the nodes at what the fleet's states say and closes the events of moves.

    `begin` and `want` are called by whoever holds the proxy's lock.
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
        told: Callable[[], None],
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._ownership = ownership
        self._exchange = exchange
        self._clock = clock
        self._ids = ids
        self._drivers = tuple(drivers)
        self._told = told
        self._rollout = Rollout(
            drivers, clock, self._receive, all_broken=self._all_broken, shared=exchange is not None
        )
        self._wanted: dict[str, Plan] = {}
        # Whose nodes may still give requests to the active before; the rollout is told so with the next plan.
        self._unbroken: set[str] = set()
        self._answers: dict[str, dict[tuple[int, Phase], dict[str, Receipt]]] = {}
        self._unshared: dict[_ReceiptKey, Receipt] = {}
        self._sharing: set[_ReceiptKey] = set()
        self._tasks: asyncio.TaskGroup | None = None

    async def start(self) -> None:
        """Open the nodes' doors with every plan at once, so that none is ever shown half of the truth."""
        plans: list[Plan] = []
        for state in self._fleet:
            plan = plan_of(state.view())
            if plan is None:
                continue
            self._wanted[plan.proxy_id] = plan
            # Interrupted between break and make, only the break is known to be safe.
            if state.is_interrupted:
                self._unbroken.add(plan.proxy_id)
            interrupted = plan.exclusive and state.is_interrupted
            plans.append(replace(plan, tiers=()) if interrupted else plan)
        for driver in self._drivers:
            await driver.start(plans)

    async def run(self) -> None:
        """Carry plans and watch deadlines until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._rollout.run(), name="rollout")
            try:
                await self._rollout.running.wait()
                for state in self._fleet:
                    async with self._fleet.lock(state.proxy.proxy_id):
                        if state.proxy.proxy_id in self._fleet:
                            await self.begin(self._fleet.state(state.proxy.proxy_id))
                await asyncio.get_running_loop().create_future()
            finally:
                self._tasks = None

    def carries(self, state: ProxyState) -> bool:
        """Whether nodes of ours carry this proxy; if not, somebody else switches it."""
        return bool(self._drivers) and state.proxy.policy.listener is not None

    async def begin(self, state: ProxyState) -> None:
        """Bring the nodes to `state` and see its open move, if any, to its end."""
        await self.want(state)
        event = state.open_move
        if event is None or self._tasks is None or not self._ownership.holds(state.proxy.proxy_id):
            return
        if event.steps_ahead is not None and self.carries(state):
            # Its nodes have their deadline at the last step; until then it is how it should be that it is open.
            return
        timeout = state.proxy.policy.switch_timeout_seconds
        if not self.carries(state) and event.event_type is EventType.ACTIVATION:
            timeout = 0.0
            with contextlib.suppress(StoreUnavailable, LostLease):
                await self._close(state, self._outcome(state, event))
                return
        self._tasks.create_task(self._expire(event, timeout), name=f"deadline of {event.event_id}")

    async def want(self, state: ProxyState) -> None:
        """Bring the nodes to `state`; cheap when they are there already."""
        proxy_id = state.proxy.proxy_id
        plan = plan_of(state.view()) if self._drivers else None
        former = self._wanted.pop(proxy_id, None)
        if plan is None:
            if former is not None:
                await self._rollout.withdraw(proxy_id)
            return
        self._wanted[proxy_id] = plan
        self._forget_older(proxy_id, plan.epoch)
        if former is None or former.epoch != plan.epoch or former.tiers[:1] != plan.tiers[:1]:
            self._unbroken.add(proxy_id)
        if self._rollout.running.is_set():
            self._rollout.want(plan, breaks=plan.exclusive and proxy_id in self._unbroken)
            self._unbroken.discard(proxy_id)

    async def forget(self, proxy_id: str) -> None:
        """Take a proxy off every node."""
        self._wanted.pop(proxy_id, None)
        self._answers.pop(proxy_id, None)
        await self._rollout.withdraw(proxy_id)

    async def complete(self, state: ProxyState, closing: Closing, actor: Actor) -> None:
        """Close the open move of `state` as its owner says; the caller holds the lock."""
        await self._close(state, closing, actor)
        # Of a move in steps the rest follows at once.
        await self.want(self._fleet.state(state.proxy.proxy_id))

    async def take_in(self, receipt: Receipt) -> None:
        """Take in what a node answered, to us or to another replica."""
        async with self._fleet.lock(receipt.proxy_id):
            if receipt.proxy_id not in self._fleet:
                return
            state = self._fleet.state(receipt.proxy_id)
            if receipt.epoch != state.proxy.epoch:
                return
            self._note(receipt)
            event = state.open_move
            if event is None or event.steps_ahead is not None or not self._all_applied(state):
                return
            if not self._ownership.holds(receipt.proxy_id):
                return
            now = self._clock.now()
            try:
                await self._close(state, Closing(status=EventStatus.COMPLETED, at=now, applied_at=now))
            except (StoreUnavailable, LostLease) as error:
                # The deadline's watcher closes it, ours or the next owner's; the answers are kept.
                _log.error(
                    "could not close event", event_id=str(event.event_id), error=str(error), fault="ours"
                )

    async def _receive(self, receipt: Receipt) -> None:
        await self.take_in(receipt)
        # A silence is no answer: the node may be talking to another replica.
        if self._exchange is not None and not receipt.is_silence:
            key = (receipt.proxy_id, receipt.node_id, receipt.phase)
            self._unshared[key] = receipt
            self._pass_on(key, self._exchange)

    def awaiting(self) -> Sequence[str]:
        """The proxies of which nodes, here or elsewhere, still owe an answer."""
        moving = {state.proxy.proxy_id for state in self._fleet if state.open_move is not None}
        return sorted(moving | self._rollout.breaking)

    def pass_on(self) -> None:
        """Pass on to the other replicas what could not be when it came."""
        for key in tuple(self._unshared):
            if self._exchange is not None:
                self._pass_on(key, self._exchange)

    def _pass_on(self, key: _ReceiptKey, exchange: Exchange) -> None:
        # In a task of its own: who received it may be cancelled, because it was the answer that was waited for.
        if self._tasks is not None and key not in self._sharing:
            self._sharing.add(key)
            self._tasks.create_task(self._share(key, exchange), name=f"receipt of {key[0]}")

    async def _share(self, key: _ReceiptKey, exchange: Exchange) -> None:
        try:
            while (receipt := self._unshared.get(key)) is not None and self._ownership.replica_id is not None:
                await exchange.note_receipt(receipt, self._ownership.replica_id)
                if self._unshared.get(key) is receipt:
                    del self._unshared[key]
        except StoreUnavailable as error:
            _log.error("could not pass a receipt on", proxy_id=key[0], error=str(error), fault="ours")
        finally:
            self._sharing.discard(key)

    def _note(self, receipt: Receipt) -> None:
        of_proxy = self._answers.setdefault(receipt.proxy_id, {})
        answers = of_proxy.setdefault((receipt.epoch, receipt.phase), {})
        former = answers.get(receipt.node_id)
        if former is None or not former.is_applied:
            answers[receipt.node_id] = replace(receipt, heard_at=self._clock.now())
        self._rollout.heed_answers(receipt.proxy_id)

    def _forget_older(self, proxy_id: str, epoch: int) -> None:
        answers = self._answers.get(proxy_id, {})
        for key in [key for key in answers if key[0] < epoch]:
            del answers[key]

    async def _expire(self, event: FailoverEvent, timeout_seconds: float) -> None:
        await self._clock.sleep(timeout_seconds)
        attempt = 0
        while True:
            async with self._fleet.lock(event.proxy_id):
                if event.proxy_id not in self._fleet:
                    return
                state = self._fleet.state(event.proxy_id)
                if state.open_move is None or state.open_move.event_id != event.event_id:
                    return
                if state.open_move.gradual != event.gradual:
                    # It has taken a step since, and with that one a deadline of its own began.
                    return
                if not self._ownership.holds(event.proxy_id):
                    return
                try:
                    await self._close(state, self._outcome(state, event))
                except StoreUnavailable as error:
                    _log.error(
                        "could not close event", event_id=str(event.event_id), error=str(error), fault="ours"
                    )
                except LostLease:
                    return
                else:
                    return
            await self._clock.sleep(STORE_RETRY.delay(attempt))
            attempt += 1

    def _outcome(self, state: ProxyState, event: FailoverEvent) -> Closing:
        now = self._clock.now()
        if self._drivers and self._all_applied(state):
            return Closing(status=EventStatus.COMPLETED, at=now, applied_at=now)
        timeout = state.proxy.policy.switch_timeout_seconds
        if not self.carries(state):
            if event.event_type is EventType.ACTIVATION:
                return Closing(status=EventStatus.COMPLETED, at=now)
            words = f"{TIMED_OUT_PREFIX}: nobody completed it within {timeout:g} s"
            return Closing(status=EventStatus.FAILED, at=now, error_message=words)
        answers = self._answers_to(state)
        parts = [
            _why_not(driver.node_id, answers.get(driver.node_id))
            for driver in self._drivers
            if not _applied(answers.get(driver.node_id))
        ]
        words = f"not applied within {timeout:g} s: " + "; ".join(parts)
        return Closing(status=EventStatus.FAILED, at=now, error_message=words)

    async def _close(self, state: ProxyState, closing: Closing, actor: Actor = AUTOMATION) -> None:
        event = state.open_move
        if event is None:
            return
        if self.carries(state):
            closing = replace(closing, answers=self._node_answers(state))
        closed, now = close(event, closing), self._clock.now()
        entry = audit_of(
            self._ids,
            actor,
            "move.close",
            closed.proxy_id,
            now,
            subject_id=closed.event_id,
            detail={"status": closed.status.value, "errorMessage": closed.error_message},
        )
        message = message_of(self._ids, Topic.MOVE_CLOSED, state.proxy, now, event_payload(closed))
        await self._store.close_event(closed, Trail(audit=(entry,), messages=(message,)), fence=state.fence)
        self._told()
        self._fleet.put(replace(self._fleet.state(closed.proxy_id), open_move=None))
        _tell(closed)

    def _all_applied(self, state: ProxyState) -> bool:
        answers = self._answers_to(state)
        return all(_applied(answers.get(driver.node_id)) for driver in self._drivers)

    def _answers_to(self, state: ProxyState) -> Mapping[str, Receipt]:
        # Not of the event's epoch: one that was raised since (a restored backup) has the same active.
        proxy = state.proxy
        return self._answers.get(proxy.proxy_id, {}).get((proxy.epoch, Phase.MAKE), {})

    def _node_answers(self, state: ProxyState) -> tuple[NodeAnswer, ...]:
        answers = self._answers_to(state)
        return tuple(
            _answer_of(node_id, answers.get(node_id)) for node_id in sorted(d.node_id for d in self._drivers)
        )

    def _all_broken(self, plan: Plan) -> bool:
        answers = self._answers.get(plan.proxy_id, {})
        broken, made = (answers.get((plan.epoch, phase), {}) for phase in (Phase.BREAK, Phase.MAKE))
        # Who has made has broken. The word that it broke may have died with the replica that heard it.
        return all(
            _applied(broken.get(driver.node_id)) or _applied(made.get(driver.node_id))
            for driver in self._drivers
        )


def _applied(receipt: Receipt | None) -> bool:
    return receipt is not None and receipt.kind is ReceiptKind.APPLIED


def _answer_of(node_id: str, receipt: Receipt | None) -> NodeAnswer:
    if receipt is None or receipt.is_silence:
        return NodeAnswer(node_id=node_id, kind=ReceiptKind.TIMED_OUT.value)
    detail = "" if receipt.is_applied else receipt.detail[:_MOST_WORDS]
    return NodeAnswer(node_id=node_id, kind=receipt.kind.value, detail=detail, at=receipt.heard_at)


def _why_not(node_id: str, receipt: Receipt | None) -> str:
    if receipt is None or receipt.kind is ReceiptKind.TIMED_OUT:
        return f"node {node_id} did not answer"
    return f"node {node_id} rejected it: {receipt.detail}"


def _tell(event: FailoverEvent) -> None:
    tell = _log.info if event.status is EventStatus.COMPLETED else _log.error
    tell(
        f"{event.event_type.value} {event.status.value}",
        event_id=str(event.event_id),
        proxy_id=event.proxy_id,
        epoch=event.epoch,
        duration_ms=event.duration_ms,
        error=event.error_message,
    )
