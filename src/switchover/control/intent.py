"""PURE: what one pass believed and decided, as the change to store and the state after it."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from switchover.control.fleet import MOVE_WINDOW, ProxyState, recorded_of, view_of
from switchover.control.telling import audit_of, event_payload, health_payload, message_of, redundancy_payload
from switchover.decision.reasons import Reason, sentence
from switchover.decision.redundancy import redundancy_of, same_redundancy
from switchover.decision.verdict import Decision, DecisionKind
from switchover.model.actor import AUTOMATION, Actor
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
from switchover.model.policy import FailoverPolicy
from switchover.model.trail import AuditEntry, OutboxMessage, Topic, Trail
from switchover.record.store import Move, Pass

_EVENT_TYPES = {
    DecisionKind.ACTIVATE: EventType.ACTIVATION,
    DecisionKind.FAILOVER: EventType.FAILOVER,
    DecisionKind.SWITCHOVER: EventType.SWITCHOVER,
    DecisionKind.FAILBACK: EventType.FAILBACK,
}
_OPERATORS_REASONS = frozenset({Reason.MANUAL, Reason.ACTIVE_DRAINED, Reason.ACTIVE_IN_MAINTENANCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Whose doing a pass is, and the words they gave for it."""

    actor: Actor = AUTOMATION
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a pass wants stored, and the state once it is.

    Attributes:
        change: The transaction; None when nothing durable changed.
        after: The state once `change` is stored.
        event: The move's event; None for a HOLD.
    """

    change: Pass | None
    after: ProxyState
    event: FailoverEvent | None


def intend(
    believed: ProxyState, decision: Decision, order: Order, *, now: datetime, ids: IdFactory
) -> Intent:
    """The change that puts what was believed and decided on record.

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
    after = replace(believed, recorded={i.instance_id: recorded_of(i) for i in believed.instances.values()})
    move = None
    if decision.acts:
        move = _move(believed, decision, order, now=now, ids=ids)
        after = _moved(after, move, now)
        messages.append(message_of(ids, Topic.MOVE_COMMITTED, after.proxy, now, event_payload(move.event)))
        audit.append(_move_entry(move.event, _actor(decision, order), now, ids))
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
    if move is None and redundancy is None and not turned:
        return Intent(change=None, after=after, event=None)
    change = Pass(
        proxy_id=after.proxy.proxy_id,
        at=now,
        instances=turned,
        move=move,
        redundancy=redundancy,
        trail=Trail(audit=tuple(audit), messages=tuple(messages)),
        fence=believed.fence,
    )
    return Intent(change=change, after=after, event=move.event if move else None)


def _move(state: ProxyState, decision: Decision, order: Order, *, now: datetime, ids: IdFactory) -> Move:
    proxy = state.proxy
    event = FailoverEvent(
        event_id=ids(),
        proxy_id=proxy.proxy_id,
        event_type=_EVENT_TYPES[decision.kind],
        status=EventStatus.IN_PROGRESS,
        trigger=Trigger.MANUAL if decision.reason in _OPERATORS_REASONS else Trigger.AUTOMATIC,
        source_instance_id=decision.source_instance_id,
        target_instance_id=decision.target_instance_id,
        reason=_reason(decision, order),
        reason_code=decision.reason.value,
        epoch=proxy.epoch + 1,
        actor=_actor(decision, order).name,
        evidence=_evidence(decision, proxy.generation, proxy.policy),
        stages=Stages(detected_at=decision.detected_at or now, decided_at=now, committed_at=now),
        created_at=now,
    )
    superseded = None
    if state.open_move is not None:
        words = f"superseded by event {event.event_id} (epoch {event.epoch})"
        superseded = close(state.open_move, Closing(status=EventStatus.FAILED, at=now, error_message=words))
    return Move(
        seen_active_instance_id=proxy.active_instance_id,
        seen_epoch=proxy.epoch,
        event=event,
        pin=_pin_after(state, decision),
        superseded=superseded,
    )


def _reason(decision: Decision, order: Order) -> str:
    given = order.reason if decision.reason is Reason.MANUAL else None
    return given or sentence(decision.reason, decision.facts)


def _actor(decision: Decision, order: Order) -> Actor:
    # A person's report or change may set off an automatic move; that one is not theirs.
    return order.actor if decision.reason in _OPERATORS_REASONS else AUTOMATION


def _pin_after(state: ProxyState, decision: Decision) -> UUID | None:
    # An operator's drain moves the traffic too, but it names no target, so there is nothing to pin.
    if decision.reason is Reason.MANUAL and decision.kind is not DecisionKind.ACTIVATE:
        return decision.target_instance_id
    if state.proxy.pinned_instance_id == decision.source_instance_id:
        return None
    return state.proxy.pinned_instance_id


def _moved(state: ProxyState, move: Move, now: datetime) -> ProxyState:
    event = move.event
    past = PastMove(
        event_type=event.event_type,
        source_instance_id=event.source_instance_id,
        target_instance_id=event.target_instance_id,
        committed_at=now,
    )
    recent = tuple(old for old in state.moves if now - old.committed_at <= MOVE_WINDOW)
    return replace(
        state,
        proxy=replace(
            state.proxy,
            active_instance_id=event.target_instance_id,
            epoch=event.epoch,
            pinned_instance_id=move.pin,
        ),
        moves=(*recent, past),
        open_move=event,
        unverified_event_id=event.event_id,
    )


def _evidence(decision: Decision, generation: int, policy: FailoverPolicy) -> dict[str, object]:
    return {
        "strategy": policy.failover_strategy.value,
        "generation": generation,
        "facts": dict(decision.facts),
        "candidates": [candidate.as_json() for candidate in decision.candidates],
    }


def _move_entry(event: FailoverEvent, actor: Actor, now: datetime, ids: IdFactory) -> AuditEntry:
    detail = {
        "eventType": event.event_type.value,
        "epoch": event.epoch,
        "sourceInstanceId": str(event.source_instance_id) if event.source_instance_id else None,
        "targetInstanceId": str(event.target_instance_id),
        "reason": event.reason,
    }
    return audit_of(ids, actor, "move.commit", event.proxy_id, now, subject_id=event.event_id, detail=detail)


def _health_message(
    believed: ProxyState, instance: Instance, now: datetime, ids: IdFactory
) -> OutboxMessage | None:
    recorded, state = believed.recorded.get(instance.instance_id), instance.health.state
    if state is Health.UNKNOWN or (recorded is not None and recorded.health is state):
        return None
    topic = Topic.INSTANCE_UNHEALTHY if state is Health.UNHEALTHY else Topic.INSTANCE_HEALTHY
    payload = health_payload(instance, believed.proxy.policy)
    return message_of(ids, topic, believed.proxy, now, payload)
