"""PURE: what one pass believed and decided, as the change to store and the state after it."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from switchover.control.blocking import block_after
from switchover.control.evidence import evidence_of
from switchover.control.fleet import MOVE_WINDOW, ProxyState, Turn, recorded_of, view_of
from switchover.control.telling import (
    audit_of,
    blocked_payload,
    event_payload,
    health_payload,
    message_of,
    redundancy_payload,
)
from switchover.decision.gradual import begun
from switchover.decision.pins import pin_after
from switchover.decision.reasons import BY_PEOPLE, DRILLS, Reason, sentence
from switchover.decision.redundancy import redundancy_of, same_redundancy
from switchover.decision.verdict import EVENT_TYPES, Decision
from switchover.decision.view import View
from switchover.model.actor import AUTOMATION, Actor, ActorKind
from switchover.model.blocked import BlockedMove
from switchover.model.clock import IdFactory
from switchover.model.events import (
    Closing,
    EventStatus,
    EventType,
    FailoverEvent,
    PastMove,
    Stages,
    Trigger,
    close,
)
from switchover.model.instance import Instance
from switchover.model.observation import Health
from switchover.model.trail import AuditEntry, OutboxMessage, Topic, Trail
from switchover.model.transition import HealthTransition
from switchover.record.conflicts import schedule_gone
from switchover.record.store import Move, Pass, Stepped


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Whose doing a pass is, and how.

    Attributes:
        actor: Whose.
        reason: The words they gave for it.
        pin_until: Until when a move of theirs is pinned; None has no end.
        force: Whether they skip what can be skipped: the safety rules, and what was measured of the target.
        event_id: What the move's event is to be called; None for a new id.
        scheduled: Whether that event is the one that the proxy has scheduled.
        drill_id: The drill that the move is part of.
    """

    actor: Actor = AUTOMATION
    reason: str | None = None
    pin_until: datetime | None = None
    force: bool = False
    event_id: UUID | None = None
    scheduled: bool = False
    drill_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a pass wants stored, and the state once it is.

    Attributes:
        change: The transaction; None when nothing durable changed.
        after: The state once `change` is stored.
        event: The move's event; None for a HOLD.
        blocked: The move that this pass was the first to block; None otherwise.
        steps: Whether the open move takes a step.
    """

    change: Pass | None
    after: ProxyState
    event: FailoverEvent | None
    blocked: BlockedMove | None = None
    steps: bool = False


def intend(
    believed: ProxyState, view: View, decision: Decision, order: Order, *, now: datetime, ids: IdFactory
) -> Intent:
    """The change that puts what was believed, seen (`view`) and decided on record.

    Counters that moved without a transition are not worth a transaction of their own; they are
    flushed in batches.
    """
    turned = tuple(
        instance
        for instance_id, instance in believed.instances.items()
        if believed.recorded.get(instance_id) != recorded_of(instance)
    )
    messages = [
        message
        for instance in turned
        if (message := _health_message(believed, instance, now, ids)) is not None
    ]
    audit: list[AuditEntry] = []
    after = replace(
        believed,
        recorded={i.instance_id: recorded_of(i) for i in believed.instances.values()},
        turns=(),
    )
    move = None
    if decision.acts:
        move = _move(believed, view, decision, order, now=now, ids=ids)
        after = _moved(after, move, now)
        messages.append(message_of(ids, Topic.MOVE_COMMITTED, after.proxy, now, event_payload(move.event)))
        audit.append(_move_entry(move.event, _actor(decision, order), now, ids))
    after, step = _stepped(after, decision)
    audit += _step_entries(step, now, ids)
    derived = redundancy_of(
        view_of(after.proxy, after.instances, after.moves), previous=after.redundancy, now=now
    )
    if move is not None and move.event.event_type is not EventType.ACTIVATION:
        derived = replace(derived, last_failover_at=now, last_failover_reason=move.event.reason)
    redundancy = None
    if not same_redundancy(derived, believed.derived):
        redundancy = derived
        after = replace(after, derived=derived, declared=None)
        messages.append(
            message_of(ids, Topic.REDUNDANCY_CHANGED, after.proxy, now, redundancy_payload(derived))
        )
    block = block_after(believed, view, decision, now=now, ids=ids)
    after = replace(after, blocked=block.move, block_noted_at=block.noted_at)
    if block.begins and block.move is not None:
        messages.append(message_of(ids, Topic.MOVE_BLOCKED, after.proxy, now, blocked_payload(block.move)))
    unchanged = move is None and redundancy is None and step is None
    if unchanged and not (turned or believed.turns or block.changes):
        return Intent(change=None, after=after, event=None)
    change = Pass(
        proxy_id=after.proxy.proxy_id,
        at=now,
        instances=turned,
        transitions=tuple(_transition(believed, turn, ids) for turn in believed.turns),
        move=move,
        step=step,
        redundancy=redundancy,
        blocked=block.changes,
        trail=Trail(audit=tuple(audit), messages=tuple(messages)),
        fence=believed.fence,
    )
    return Intent(
        change=change,
        after=after,
        event=move.event if move else None,
        blocked=block.move if block.begins else None,
        steps=step is not None,
    )


def _stepped(state: ProxyState, decision: Decision) -> tuple[ProxyState, Stepped | None]:
    if decision.step is None or state.open_move is None:
        return state, None
    proxy, event = state.proxy, replace(state.open_move, gradual=decision.step)
    step = Stepped(seen_active_instance_id=proxy.active_instance_id, seen_epoch=proxy.epoch, event=event)
    return replace(state, proxy=replace(proxy, epoch=proxy.epoch + 1), open_move=event), step


def _transition(state: ProxyState, turn: Turn, ids: IdFactory) -> HealthTransition:
    before, after = turn.change.before, turn.change.after
    return HealthTransition(
        transition_id=ids(),
        proxy_id=state.proxy.proxy_id,
        instance_id=turn.instance_id,
        at=after.changed_at or state.proxy.updated_at,
        before=before.state,
        after=after.state,
        reason=turn.change.reason,
        code=after.last_code,
        consecutive_failures=after.consecutive_failures,
        consecutive_passes=after.consecutive_passes,
        first_failed_at=after.first_failed_at or before.first_failed_at,
    )


def _move(
    state: ProxyState, view: View, decision: Decision, order: Order, *, now: datetime, ids: IdFactory
) -> Move:
    proxy, actor, reason = state.proxy, _actor(decision, order), _reason(decision, order)
    planned = _planned(state, order)
    event = FailoverEvent(
        event_id=order.event_id or ids(),
        proxy_id=proxy.proxy_id,
        event_type=EVENT_TYPES[decision.kind],
        status=EventStatus.IN_PROGRESS,
        trigger=_trigger(decision, order),
        source_instance_id=decision.source_instance_id,
        target_instance_id=decision.target_instance_id,
        reason=reason,
        reason_code=decision.reason.value,
        epoch=proxy.epoch + 1,
        actor=actor.name,
        evidence=evidence_of(view, decision, now, sightings=state.sightings, actor=actor.name, reason=reason)
        | _forced(decision, order),
        stages=Stages(detected_at=decision.detected_at or now, decided_at=now, committed_at=now),
        created_at=now if planned is None else planned.created_at,
        scheduled_at=None if planned is None else planned.scheduled_at,
        drill_id=order.drill_id,
        gradual=begun(view, decision, now),
    )
    superseded = None
    if state.open_move is not None:
        words = _ended_by(event)
        superseded = close(state.open_move, Closing(status=EventStatus.FAILED, at=now, error_message=words))
    pin = pin_after(
        proxy.pin, decision, by=order.actor.name, reason=order.reason, at=now, until=order.pin_until
    )
    return Move(
        seen_active_instance_id=proxy.active_instance_id,
        seen_epoch=proxy.epoch,
        event=event,
        pin=None if pin is None else pin.instance_id,
        superseded=superseded,
        pin_note=pin,
        # The way back of a drill is the better place to be: no rule may keep a proxy away from home.
        forced=(order.force and decision.reason is Reason.MANUAL) or decision.reason is Reason.DRILL_BACK,
        scheduled=planned is not None,
    )


def _ended_by(event: FailoverEvent) -> str:
    if event.reason_code == Reason.GRADUAL_ABORTED:
        return f"{event.reason}; rolled back by event {event.event_id} (epoch {event.epoch})"
    return f"superseded by event {event.event_id} (epoch {event.epoch})"


def _planned(state: ProxyState, order: Order) -> FailoverEvent | None:
    if not order.scheduled:
        return None
    planned = state.scheduled_move
    if planned is None or planned.event_id != order.event_id:
        raise schedule_gone(state.proxy.proxy_id, state.proxy.active_instance_id, state.proxy.epoch)
    return planned


def _trigger(decision: Decision, order: Order) -> Trigger:
    by_people = _actor(decision, order).kind is not ActorKind.AUTOMATION
    # A drain that ended by itself is somebody's all the same.
    ordered = decision.reason in BY_PEOPLE and (by_people or decision.reason not in DRILLS)
    return Trigger.MANUAL if ordered else Trigger.AUTOMATIC


def _forced(decision: Decision, order: Order) -> dict[str, object]:
    if not order.force:
        return {}
    skipped = str(decision.facts.get("skipped", ""))
    return {"forced": True, "skipped": skipped.split(", ") if skipped else []}


def _reason(decision: Decision, order: Order) -> str:
    given = order.reason if decision.reason is Reason.MANUAL else None
    if decision.reason in DRILLS and order.reason:
        return f"{sentence(decision.reason, decision.facts)} ({order.reason})"
    return given or sentence(decision.reason, decision.facts)


def _actor(decision: Decision, order: Order) -> Actor:
    # A person's report or change may set off an automatic move; that one is not theirs.
    return order.actor if decision.reason in BY_PEOPLE else AUTOMATION


def _moved(state: ProxyState, move: Move, now: datetime) -> ProxyState:
    event = move.event
    past = PastMove(
        event_type=event.event_type,
        source_instance_id=event.source_instance_id,
        target_instance_id=event.target_instance_id,
        committed_at=now,
        trigger=event.trigger,
    )
    recent = tuple(old for old in state.moves if now - old.committed_at <= MOVE_WINDOW)
    return replace(
        state,
        proxy=replace(
            state.proxy,
            active_instance_id=event.target_instance_id,
            epoch=event.epoch,
            pinned_instance_id=move.pin,
            pin_note=move.pin_note,
        ),
        moves=(*recent, past),
        open_move=event,
        scheduled_move=None if move.scheduled else state.scheduled_move,
        unverified_event_id=event.event_id,
    )


def _move_entry(event: FailoverEvent, actor: Actor, now: datetime, ids: IdFactory) -> AuditEntry:
    detail = {
        "eventType": event.event_type.value,
        "epoch": event.epoch,
        "sourceInstanceId": str(event.source_instance_id) if event.source_instance_id else None,
        "targetInstanceId": str(event.target_instance_id),
        "reason": event.reason,
        **{key: event.evidence[key] for key in ("forced", "skipped") if key in event.evidence},
    }
    return audit_of(ids, actor, "move.commit", event.proxy_id, now, subject_id=event.event_id, detail=detail)


def _step_entries(step: Stepped | None, now: datetime, ids: IdFactory) -> list[AuditEntry]:
    if step is None:
        return []
    event = step.event
    share = None if event.gradual is None else event.gradual.share
    detail = {"epoch": step.seen_epoch + 1, "share": share}
    subject_id = event.event_id
    return [audit_of(ids, AUTOMATION, "move.step", event.proxy_id, now, subject_id=subject_id, detail=detail)]


def _health_message(
    believed: ProxyState, instance: Instance, now: datetime, ids: IdFactory
) -> OutboxMessage | None:
    recorded, state = believed.recorded.get(instance.instance_id), instance.health.state
    if state is Health.UNKNOWN or (recorded is not None and recorded.health is state):
        return None
    topic = Topic.INSTANCE_UNHEALTHY if state is Health.UNHEALTHY else Topic.INSTANCE_HEALTHY
    payload = health_payload(instance, believed.proxy.policy)
    return message_of(ids, topic, believed.proxy, now, payload)
