"""Orders for later, and drills: given, cancelled, and put on record."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from switchover.control.commands.words import checked_reason
from switchover.control.desk import Desk
from switchover.control.fleet import ProxyState
from switchover.control.intent import Order
from switchover.control.telling import event_payload, message_of, time_text
from switchover.decision.reasons import Reason, sentence
from switchover.model.actor import Actor, ActorKind
from switchover.model.drills import DEFAULT_HOLD_SECONDS, MOST_HOLD_SECONDS, Drill, DrillOutcome, DrillStatus
from switchover.model.errors import Conflict, FieldProblem, InvalidInput, NotFound
from switchover.model.events import Closing, EventStatus, EventType, FailoverEvent, Trigger, close
from switchover.model.trail import Topic

FURTHEST = timedelta(days=30)
"""How far ahead something may be scheduled."""


class ScheduleCommands:
    """Takes orders that the timetable carries out."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def schedule(
        self,
        proxy_id: str,
        target_id: UUID | None,
        reason: str | None,
        at: datetime,
        actor: Actor,
        *,
        force: bool = False,
    ) -> FailoverEvent:
        """Order a switchover for `at`; whether it may be made is decided then. A proxy has one at a time.

        Raises:
            InvalidInput: The time is not ahead, or too far; the reason is wrong, or missing with `force`.
            NotFound: There is no such proxy or instance for this actor.
            Conflict: The proxy has a scheduled switchover already.
        """
        desk = self._desk
        words = checked_reason(reason, needed=force)
        desk.ours(proxy_id, actor)
        _check_time(at, desk.clock.now())
        async with desk.changing(proxy_id):
            state = desk.ours(proxy_id, actor)
            if target_id is not None and target_id not in state.instances:
                raise NotFound("instance", target_id)
            now = desk.clock.now()
            event = FailoverEvent(
                event_id=desk.ids(),
                proxy_id=proxy_id,
                event_type=EventType.SWITCHOVER,
                status=EventStatus.PENDING,
                trigger=Trigger.MANUAL,
                source_instance_id=None,
                target_instance_id=target_id,
                reason=words or sentence(Reason.MANUAL, {}),
                reason_code=Reason.MANUAL.value,
                epoch=state.proxy.epoch,
                actor=actor.name,
                evidence={"order": {"actorKind": actor.kind.value, "reason": words, "force": force}},
                created_at=now,
                scheduled_at=at,
            )
            detail = {
                "scheduledAt": time_text(at),
                "targetInstanceId": None if target_id is None else str(target_id),
                "force": force,
                "reason": words,
            }
            trail = desk.trail(
                actor, "switchover.schedule", proxy_id, subject_id=event.event_id, detail=detail
            )
            await desk.store.schedule_move(event, trail, fence=state.fence)
            desk.fleet.put(replace(state, scheduled_move=event))
        await desk.pass_after(proxy_id)
        return event

    async def cancel(self, proxy_id: str, actor: Actor) -> FailoverEvent:
        """Cancel the scheduled switchover: it has failed, cancelled by this actor.

        Raises:
            NotFound: There is no such proxy for this actor.
            Conflict: It has no scheduled switchover.
        """
        desk = self._desk
        event = desk.ours(proxy_id, actor).scheduled_move
        words = f"cancelled by {actor.name}"
        closed = event and await close_scheduled(
            desk, proxy_id, event.event_id, words, actor, "switchover.cancel"
        )
        if closed is None:
            raise Conflict(f"proxy {proxy_id} has no scheduled switchover", {})
        return closed

    async def drill(
        self,
        proxy_id: str,
        reason: str | None,
        hold_seconds: float | None,
        at: datetime | None,
        actor: Actor,
    ) -> Drill:
        """Order a drill, for now or for `at`; whether it may begin is decided then. A proxy has one at a time.

        Raises:
            InvalidInput: A value is out of range.
            NotFound: There is no such proxy for this actor.
            Conflict: The proxy has a drill that has not ended.
        """
        desk = self._desk
        words = checked_reason(reason)
        hold = DEFAULT_HOLD_SECONDS if hold_seconds is None else hold_seconds
        if not 0 <= hold <= MOST_HOLD_SECONDS:
            allowed = f"allowed is a number of seconds from 0 to {MOST_HOLD_SECONDS:g}"
            raise InvalidInput(FieldProblem("holdSeconds", hold_seconds, allowed))
        desk.ours(proxy_id, actor)
        if at is not None:
            _check_time(at, desk.clock.now())
        async with desk.changing(proxy_id):
            state = desk.ours(proxy_id, actor)
            drill = Drill(
                drill_id=desk.ids(),
                proxy_id=proxy_id,
                status=DrillStatus.PENDING,
                actor=actor,
                reason=words,
                hold_seconds=hold,
                scheduled_at=at,
                created_at=desk.clock.now(),
            )
            await record_drill(desk, state, drill, actor)
        await desk.pass_after(proxy_id)
        return drill

    async def cancel_drill(self, proxy_id: str, actor: Actor) -> Drill:
        """End a drill: one that has not begun at once; one that has goes back first.

        Raises:
            NotFound: There is no such proxy for this actor.
            Conflict: It has no drill that has not ended.
        """
        desk = self._desk
        desk.ours(proxy_id, actor)
        async with desk.changing(proxy_id):
            state = desk.ours(proxy_id, actor)
            drill = state.drill
            if drill is None:
                raise Conflict(f"proxy {proxy_id} has no drill to cancel", {})
            outcome, message = drill.outcome or DrillOutcome.CANCELLED, f"cancelled by {actor.name}"
            drill = replace(drill, outcome=outcome, message=drill.message or message)
            if drill.status is DrillStatus.PENDING:
                drill = replace(drill, status=DrillStatus.FAILED, finished_at=desk.clock.now())
            await record_drill(desk, state, drill, actor)
        await desk.pass_after(proxy_id)
        return drill


async def close_scheduled(
    desk: Desk, proxy_id: str, event_id: UUID, words: str, actor: Actor, action: str
) -> FailoverEvent | None:
    """Close a scheduled switchover as failed, with `words`; None when it is not pending any more."""
    async with desk.changing(proxy_id):
        desk.ownership.check(proxy_id)
        state = desk.fleet.state(proxy_id)
        event = state.scheduled_move
        if event is None or event.event_id != event_id:
            return None
        now = desk.clock.now()
        closed = close(event, Closing(status=EventStatus.FAILED, at=now, error_message=words))
        message = message_of(desk.ids, Topic.MOVE_CLOSED, state.proxy, now, event_payload(closed))
        trail = desk.trail(actor, action, proxy_id, subject_id=event_id, detail={"why": words})
        stored = await desk.store.close_event(closed, replace(trail, messages=(message,)), fence=state.fence)
        desk.fleet.put(replace(state, scheduled_move=None))
    desk.outbox_bell.ring()
    return closed if stored else None


def ordered_of(event: FailoverEvent) -> Order:
    """The order behind a scheduled switchover."""
    said = event.evidence.get("order", {})
    # Ownership was checked when it was given.
    actor = Actor(kind=ActorKind(said.get("actorKind", ActorKind.PERSON)), name=event.actor, sees_all=True)
    return Order(actor=actor, reason=said.get("reason"), force=bool(said.get("force", False)))


async def record_drill(desk: Desk, state: ProxyState, drill: Drill, actor: Actor) -> None:
    """Store how far a drill is; the caller holds the proxy's lock."""
    detail = {
        "status": drill.status.value,
        "outcome": None if drill.outcome is None else drill.outcome.value,
        "message": drill.message,
        "scheduledAt": time_text(drill.scheduled_at),
    }
    action = "drill.order" if state.drill is None else "drill.step"
    trail = desk.trail(actor, action, drill.proxy_id, subject_id=drill.drill_id, detail=detail)
    await desk.store.save_drill(drill, trail, fence=state.fence)
    desk.fleet.put(replace(state, drill=drill if drill.status.is_open else None))


def _check_time(at: datetime, now: datetime) -> None:
    if at.tzinfo is None or not now < at <= now + FURTHEST:
        allowed = f"allowed is a time with its offset, from now to {FURTHEST.days} days ahead"
        raise InvalidInput(FieldProblem("scheduledFor", at.isoformat(), allowed))
