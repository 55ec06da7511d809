"""What the store in memory holds, and how one change alters it; nothing here waits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from switchover.decision.rules import MoveBlocked, breaches, counts, limits, safety_of, wanted_move
from switchover.model.blocked import BlockedMove
from switchover.model.drills import Drill
from switchover.model.errors import NotFound
from switchover.model.events import EventStatus, EventType, FailoverEvent, PastMove
from switchover.model.instance import Instance
from switchover.model.metrics import InstanceMetrics
from switchover.model.proxy import Proxy
from switchover.model.recovery import RecoverySecrets
from switchover.model.redundancy import RedundancyStatus
from switchover.model.rules import MoveLimit, Scope, ScopeKind, ScopeStanding
from switchover.model.trail import AuditEntry, OutboxMessage, Trail
from switchover.model.transition import HealthTransition
from switchover.record.conflicts import (
    active_moved,
    instance_name_taken,
    listener_taken,
    move_open,
    move_over,
    schedule_gone,
)
from switchover.record.store import Move, Pass, Stepped, StoredProxy
from switchover.testing.stored_copies import stored_blocked, stored_entry, stored_event, stored_message


class MemoryTables:
    """The dictionaries behind `MemoryStore`."""

    def __init__(self) -> None:
        self._proxies: dict[str, Proxy] = {}
        self._deleted_proxies: dict[str, Proxy] = {}
        self._instances: dict[UUID, Instance] = {}
        self._deleted_instances: set[UUID] = set()
        self._events: dict[UUID, FailoverEvent] = {}
        self._drills: dict[UUID, Drill] = {}
        self._redundancy: dict[str, RedundancyStatus] = {}
        self._secrets: dict[str, RecoverySecrets] = {}
        self._metrics: dict[UUID, InstanceMetrics] = {}
        self._transitions: dict[UUID, HealthTransition] = {}
        self._audit: dict[UUID, AuditEntry] = {}
        self._messages: dict[UUID, OutboxMessage] = {}
        self._delivered: dict[UUID, datetime] = {}
        self._change_numbers: dict[str, int] = {}
        self._standings: dict[Scope, ScopeStanding] = {}
        self._blocked: dict[UUID, BlockedMove] = {}

    @property
    def change_numbers(self) -> Mapping[str, int]:
        """Proxy id → its change number; deleted ones are among them."""
        return dict(self._change_numbers)

    @property
    def proxy_ids(self) -> Sequence[str]:
        """Every proxy that is not deleted, sorted."""
        return sorted(self._proxies)

    def _touch(self, proxy_id: str) -> None:
        self._change_numbers[proxy_id] = self._change_numbers.get(proxy_id, 0) + 1

    def _proxy(self, proxy_id: str) -> Proxy:
        if proxy_id not in self._proxies:
            raise NotFound("proxy", proxy_id)
        return self._proxies[proxy_id]

    def _instance(self, instance_id: UUID) -> Instance:
        if instance_id not in self._instances or instance_id in self._deleted_instances:
            raise NotFound("instance", instance_id)
        return self._instances[instance_id]

    def _registered(self, proxy_id: str) -> list[Instance]:
        registered = [
            instance
            for instance_id, instance in self._instances.items()
            if instance.proxy_id == proxy_id and instance_id not in self._deleted_instances
        ]
        return sorted(registered, key=attrgetter("instance_id"))

    def _stored(self, proxy_id: str, moves_since: datetime) -> StoredProxy:
        moves = [
            (event.stages.committed_at, event.epoch, event)
            for event in self._events.values()
            if event.proxy_id == proxy_id
            and event.event_type is not EventType.RECOVERY
            and event.stages.committed_at is not None
            and event.stages.committed_at >= moves_since
        ]
        return StoredProxy(
            proxy=self._proxies[proxy_id],
            instances=tuple(self._registered(proxy_id)),
            moves=tuple(
                PastMove(
                    event_type=event.event_type,
                    source_instance_id=event.source_instance_id,
                    target_instance_id=event.target_instance_id,
                    committed_at=at,
                    trigger=event.trigger,
                )
                # By epoch: the clocks of replicas differ, and one may have been set back.
                for at, _, event in sorted(moves, key=lambda move: move[1])
            ),
            open_move=self._open_move(proxy_id),
            scheduled_move=self._of_status(proxy_id, EventStatus.PENDING),
            open_drill=self._open_drill(proxy_id),
            redundancy=self._redundancy.get(proxy_id),
            recoveries=tuple(self._newest_recoveries(proxy_id)),
            last_move_failed=self._last_move_failed(proxy_id),
            change_number=self._change_numbers.get(proxy_id, 0),
            blocked=self._lasting_block(proxy_id),
        )

    def _open_move(self, proxy_id: str) -> FailoverEvent | None:
        return self._of_status(proxy_id, EventStatus.IN_PROGRESS)

    def _open_drill(self, proxy_id: str) -> Drill | None:
        drills = self._drills.values()
        return next((d for d in drills if d.proxy_id == proxy_id and d.status.is_open), None)

    def _of_status(self, proxy_id: str, status: EventStatus) -> FailoverEvent | None:
        return next(
            (
                event
                for event in self._events.values()
                if event.proxy_id == proxy_id
                and event.event_type is not EventType.RECOVERY
                and event.status is status
            ),
            None,
        )

    def _newest_recoveries(self, proxy_id: str) -> list[FailoverEvent]:
        newest: dict[UUID | None, FailoverEvent] = {}
        # In the order in which they were stored.
        for event in self._events.values():
            if event.event_type is EventType.RECOVERY:
                newest[event.target_instance_id] = event
        known = (newest.get(instance.instance_id) for instance in self._registered(proxy_id))
        return [event for event in known if event is not None]

    def _last_move_failed(self, proxy_id: str) -> bool:
        moves = [
            event
            for event in self._events.values()
            if event.proxy_id == proxy_id
            and event.event_type is not EventType.RECOVERY
            and event.stages.committed_at is not None
        ]
        return bool(moves) and max(moves, key=attrgetter("epoch")).status is EventStatus.FAILED

    def _newest_first(self, proxy_id: str) -> list[FailoverEvent]:
        events = [event for event in self._events.values() if event.proxy_id == proxy_id]
        return sorted(events, key=attrgetter("created_at", "event_id"), reverse=True)

    def _check_listener(self, proxy: Proxy) -> None:
        listener = proxy.policy.listener
        for other in self._proxies.values():
            theirs = other.policy.listener
            if listener is None or theirs is None or other.proxy_id == proxy.proxy_id:
                continue
            if (listener.address, listener.port) == (theirs.address, theirs.port):
                raise listener_taken(listener)

    def _check_name(self, instance: Instance) -> None:
        stored = self._instances.get(instance.instance_id, instance)
        for other in self._registered(stored.proxy_id):
            if other.name == instance.name and other.instance_id != instance.instance_id:
                raise instance_name_taken(instance)

    def _check_move(self, proxy_id: str, move: Move) -> None:
        stored = self._proxy(proxy_id)
        if (stored.active_instance_id, stored.epoch) != (move.seen_active_instance_id, move.seen_epoch):
            raise active_moved(proxy_id, stored.active_instance_id, stored.epoch)
        if move.event.target_instance_id is not None:
            self._instance(move.event.target_instance_id)
        still_open = self._open_move(proxy_id)
        closed = move.superseded.event_id if move.superseded is not None else None
        if still_open is not None and still_open.event_id != closed:
            raise move_open(proxy_id, stored.active_instance_id, stored.epoch)
        scheduled = self._of_status(proxy_id, EventStatus.PENDING)
        if move.scheduled and (scheduled is None or scheduled.event_id != move.event.event_id):
            raise schedule_gone(proxy_id, stored.active_instance_id, stored.epoch)

    def _check_rules(self, change: Pass, move: Move) -> None:
        if move.forced:
            return
        proxy = self._proxies[change.proxy_id]
        safety = safety_of(proxy.proxy_id, proxy.owner_id, proxy.policy.rules, self._standings)
        latest = {
            scope: at
            for scope, rules in limits(safety)
            if rules.move_limit is not None
            and (at := self._latest_counted(scope, rules.move_limit, change.at)) is not None
        }
        health = {instance.instance_id: instance.health for instance in change.instances}
        instances = [
            replace(i, health=health.get(i.instance_id, i.health)) for i in self._registered(change.proxy_id)
        ]
        source = next((i for i in instances if i.instance_id == move.seen_active_instance_id), None)
        wanted = wanted_move(move.event.trigger, move.event.event_type, source, instances)
        found = breaches(wanted, safety.with_latest(latest), change.at)
        if found:
            raise MoveBlocked(found, latest)

    def _latest_counted(self, scope: Scope, limit: MoveLimit, now: datetime) -> datetime | None:
        times = sorted(
            event.stages.committed_at
            for event in self._events.values()
            if counts(event.trigger, event.event_type)
            and event.stages.committed_at is not None
            and event.stages.committed_at > now - limit.window
            and self._reaches(scope, event.proxy_id)
        )
        return times[-limit.moves] if len(times) >= limit.moves else None

    def _reaches(self, scope: Scope, proxy_id: str) -> bool:
        if scope.kind is ScopeKind.PROXY:
            return scope.name == proxy_id
        proxy = self._proxies.get(proxy_id) or self._deleted_proxies[proxy_id]
        return scope.kind is ScopeKind.FLEET or proxy.owner_id == scope.name

    def _lasting_block(self, proxy_id: str) -> BlockedMove | None:
        return next(
            (b for b in self._blocked.values() if b.proxy_id == proxy_id and b.ended_at is None), None
        )

    def _note_blocked(self, moves: Sequence[BlockedMove]) -> None:
        for move in moves:
            known = self._blocked.get(move.blocked_id)
            self._blocked[move.blocked_id] = (
                stored_blocked(move)
                if known is None
                else replace(known, last_at=move.last_at, count=move.count, ended_at=move.ended_at)
            )

    def _set(self, standing: ScopeStanding) -> None:
        if standing.is_empty:
            self._standings.pop(standing.scope, None)
        else:
            self._standings[standing.scope] = standing

    def _move(self, change: Pass, move: Move) -> None:
        event = stored_event(move.event)
        if event.stages.committed_at is None:
            event = replace(event, stages=replace(event.stages, committed_at=change.at))
        if move.superseded is not None:
            stored = self._events.get(move.superseded.event_id)
            if stored is not None and stored.status.is_open:
                self._close(move.superseded)
        self._events[event.event_id] = event
        self._proxies[change.proxy_id] = replace(
            self._proxies[change.proxy_id],
            active_instance_id=event.target_instance_id,
            epoch=event.epoch,
            pinned_instance_id=move.pin,
            pin_note=move.pin_note,
        )

    def _step(self, proxy_id: str, step: Stepped) -> None:
        stored = self._proxy(proxy_id)
        if (stored.active_instance_id, stored.epoch) != (step.seen_active_instance_id, step.seen_epoch):
            raise active_moved(proxy_id, stored.active_instance_id, stored.epoch)
        event = self._events.get(step.event.event_id)
        if event is None or event.status is not EventStatus.IN_PROGRESS:
            raise move_over(proxy_id, stored.active_instance_id, stored.epoch)
        self._events[event.event_id] = replace(event, gradual=step.event.gradual)
        self._proxies[proxy_id] = replace(stored, epoch=step.seen_epoch + 1)

    def _measure(self, instances: Sequence[Instance]) -> None:
        for instance in instances:
            stored = self._instances.get(instance.instance_id)
            if stored is not None and instance.instance_id not in self._deleted_instances:
                self._instances[instance.instance_id] = replace(
                    stored,
                    health=instance.health,
                    usage=instance.usage,
                    resolved_host=instance.resolved_host,
                )

    def _close(self, event: FailoverEvent) -> None:
        stored = self._events[event.event_id]
        self._events[event.event_id] = replace(
            stored,
            status=event.status,
            error_message=event.error_message,
            stages=replace(stored.stages, applied_at=event.stages.applied_at),
            duration_ms=event.duration_ms,
            completed_at=event.completed_at,
            answers=event.answers,
        )

    def _leave(self, trail: Trail) -> None:
        self._audit |= {entry.entry_id: stored_entry(entry) for entry in trail.audit}
        self._messages |= {message.message_id: stored_message(message) for message in trail.messages}


def is_open_recovery(event: FailoverEvent) -> bool:
    """Whether the event is a recovery whose outcome is missing."""
    return event.event_type is EventType.RECOVERY and event.status.is_open
