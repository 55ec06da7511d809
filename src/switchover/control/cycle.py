"""One pass over one proxy. Read this first: `Cycle.run` has the order of everything.

    probe → health → decision → record(intent) → switch → record(outcome) → notify

A pass runs as soon as evidence about its proxy arrives, and on a slow safety tick. It is serialised
per proxy by the fleet's lock. Receipts come later and close the event (`switching.py`); messages
leave through the outbox (`notify/relay.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog

from switchover.control.beliefs import NO_EVIDENCE, Evidence, believe
from switchover.control.fleet import MOVE_WINDOW, Fleet, ProxyState, reconciled, state_of
from switchover.control.intent import Intent, Order, intend
from switchover.control.lookout import Lookout
from switchover.control.ownership import Ownership
from switchover.control.safety import SafetyBook
from switchover.control.switching import Switching
from switchover.decision.blocking import blocked
from switchover.decision.decide import decide
from switchover.decision.reasons import BY_NAME
from switchover.decision.rules import MoveBlocked
from switchover.decision.survey import survey
from switchover.decision.verdict import Decision
from switchover.decision.view import View
from switchover.model.blocked import BlockedMove
from switchover.model.clock import Clock, IdFactory
from switchover.model.errors import Conflict, LostLease, NotFound, StoreUnavailable
from switchover.model.events import FailoverEvent
from switchover.record.store import Store

_log = structlog.get_logger(__name__)

Deciding = Callable[[View, datetime], Decision]
"""What decides in a pass: the policy (`decide`), or an operator's order."""

BY_POLICY = Order()

_MOST_TRIES = 3
"""How often a move is decided that the store does not let pass: what is in its way may come and go meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What a pass came to.

    Attributes:
        at: When it was decided.
        view: What the decision looked at.
        decision: What was decided.
        event: The committed move, as it stood when the pass ended; None without one.
        state: The proxy's state after the pass.
    """

    at: datetime
    view: View
    decision: Decision
    event: FailoverEvent | None
    state: ProxyState


class Cycle:
    """Runs passes.

    Args:
        fleet: The truth in memory.
        store: Where intents are recorded before anything moves.
        lookout: Makes what a decision looks at.
        safety: Learns what the store says about the rules.
        ownership: Says what is ours to decide.
        switching: What moves it.
        clock: Its wall clock dates decisions.
        ids: Makes the ids of events, audit entries and messages.
        told: Called after a pass stored something, so that the outbox is looked at.
        heed: Called with the result of every pass.
        reloaded: Called with a proxy that was loaded again: its instances may be others.
    """

    def __init__(
        self,
        *,
        fleet: Fleet,
        store: Store,
        lookout: Lookout,
        safety: SafetyBook,
        ownership: Ownership,
        switching: Switching,
        clock: Clock,
        ids: IdFactory,
        told: Callable[[], None],
        heed: Callable[[PassResult], None],
        reloaded: Callable[[str], None],
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._lookout = lookout
        self._safety = safety
        self._ownership = ownership
        self._switching = switching
        self._clock = clock
        self._ids = ids
        self._told = told
        self._heed = heed
        self._reloaded = reloaded

    async def run(
        self,
        proxy_id: str,
        evidence: Evidence = NO_EVIDENCE,
        deciding: Deciding = decide,
        order: Order = BY_POLICY,
    ) -> PassResult:
        """One pass: believe, decide, record the intent, switch.

        Args:
            proxy_id: The proxy.
            evidence: Observations and reports that have come in since the last pass.
            deciding: The policy, or an operator's order.
            order: Whose doing it is.

        Raises:
            NotFound: There is no such proxy.
            MoveBlocked: A safety rule is in the way of what a person ordered, a leg of a drill included.
            Conflict: `deciding` refused, or somebody else moved the proxy first.
            OwnedElsewhere: Another replica decides about it, or our session is over; what was believed is kept.
            LostLease: Another replica owns it since; nothing was stored.
            StoreUnavailable: Nothing was decided, or it is not known whether that was stored; what was believed stays in
                memory and is recorded later.
        """
        async with self._fleet.lock(proxy_id):
            believed = believe(self._fleet.state(proxy_id), evidence, self._ownership.name)
            self._put(believed, evidence)
            self._ownership.check(proxy_id)
            await self.settle(proxy_id)
            believed, now = self._fleet.state(proxy_id), self._clock.now()
            view, decision, intent = await self._decide(believed, deciding, order, now)
            await self._switch(intent)
            result = PassResult(
                at=now, view=view, decision=decision, event=intent.event, state=self._fleet.state(proxy_id)
            )
        self._heed(result)
        return result

    async def _decide(
        self, believed: ProxyState, deciding: Deciding, order: Order, now: datetime
    ) -> tuple[View, Decision, Intent]:
        """Decide and put it on record; once more, on what the store knows, when that lets a move not pass."""
        refused = 0
        while True:
            view = self._lookout.view(believed, now)
            decision = deciding(view, now)
            intent = intend(believed, view, decision, order, now=now, ids=self._ids)
            try:
                await self._record(intent, believed)
            except MoveBlocked as refusal:
                # Whoever ordered it is told; the policy's own wishes are put on record.
                if decision.reason in BY_NAME:
                    raise
                refused += 1
                if refused == _MOST_TRIES:
                    found = refusal.breaches
                    break
                await self._learn(refusal)
            else:
                return view, decision, intent
        # Memory never agrees with the store; so that the move is blocked is on record without the grounds for it.
        decision = blocked(survey(view, now), decision, found)
        intent = intend(believed, view, decision, order, now=now, ids=self._ids)
        await self._record(intent, believed)
        return view, decision, intent

    async def settle(self, proxy_id: str) -> None:
        """Load a proxy about which there is doubt; the caller holds its lock.

        Raises:
            StoreUnavailable: The store did not answer; the doubt remains.
        """
        if proxy_id in self._fleet and self._fleet.is_in_doubt(proxy_id):
            await self._reload(proxy_id)

    def _put(self, believed: ProxyState, evidence: Evidence) -> None:
        self._fleet.put(believed)
        self._fleet.mark_unflushed(believed.proxy.proxy_id, *evidence.instance_ids)

    async def _learn(self, refusal: MoveBlocked) -> None:
        """Know what the store knew better: what other replicas moved, and what people have set there."""
        await self._safety.refresh()
        self._safety.learn(refusal.latest)

    async def _record(self, intent: Intent, believed: ProxyState) -> None:
        if intent.change is None:
            return
        try:
            await self._store.commit_pass(intent.change)
        except MoveBlocked:
            raise
        except (Conflict, NotFound):
            # Somebody else moved it, or the proxy or the target is gone: the store's word is newer than ours.
            await self._reload(believed.proxy.proxy_id)
            raise
        except LostLease as lost:
            _log.warning("late work dropped", proxy_id=lost.proxy_id, error=str(lost), fault="ours")
            self._fleet.put(replace(believed, fence=None, change_number=0))
            raise
        except StoreUnavailable as error:
            _log.error("pass not recorded", proxy_id=believed.proxy.proxy_id, error=str(error), fault="ours")
            raise
        if intent.blocked is not None:
            _warn(intent.blocked)
        self._told()

    async def _switch(self, intent: Intent) -> None:
        after = intent.after
        if intent.steps:
            _tell_step(after)
        if intent.event is not None:
            committed = replace(
                intent.event, stages=replace(intent.event.stages, committed_at=self._clock.now())
            )
            after = replace(after, open_move=committed)
            _tell(committed)
        self._fleet.put(after)
        if intent.event is not None or intent.steps:
            await self._switching.begin(after)
        else:
            await self._switching.want(after)

    async def _reload(self, proxy_id: str) -> None:
        known, now = self._fleet.state(proxy_id), self._clock.now()
        stored = await self._store.load_proxy(proxy_id, now - MOVE_WINDOW)
        self._fleet.settle(proxy_id)
        if stored is None:
            self._fleet.remove(proxy_id)
            await self._switching.forget(proxy_id)
        else:
            fresh = reconciled(known, state_of(stored, now))
            self._fleet.put(fresh)
            # A move or step that we did not see may be our own, whose commit was never confirmed to us.
            if _stage_of(fresh) not in {None, _stage_of(known)}:
                await self._switching.begin(fresh)
            else:
                await self._switching.want(fresh)
        self._reloaded(proxy_id)


def _stage_of(state: ProxyState) -> tuple[UUID, int | None] | None:
    """The open move, and the step that it is at; None without one."""
    move = state.open_move
    return None if move is None else (move.event_id, None if move.gradual is None else move.gradual.step)


def _warn(move: BlockedMove) -> None:
    _log.warning(
        "move blocked",
        proxy_id=move.proxy_id,
        wanted=move.event_type.value,
        source=str(move.source_instance_id),
        target=str(move.target_instance_id),
        reason=move.reason,
        rule=move.rule,
        scope=move.scope,
        message=move.message,
        fault="operator",
    )


def _tell_step(state: ProxyState) -> None:
    move = state.open_move
    if move is not None and move.gradual is not None:
        _log.info(
            "step",
            event_id=str(move.event_id),
            proxy_id=move.proxy_id,
            share=move.gradual.share,
            epoch=state.proxy.epoch,
        )


def _tell(event: FailoverEvent) -> None:
    _log.info(
        event.event_type.value,
        event_id=str(event.event_id),
        proxy_id=event.proxy_id,
        source=str(event.source_instance_id),
        target=str(event.target_instance_id),
        reason=event.reason,
        epoch=event.epoch,
        trigger=event.trigger.value,
    )
