"""What is asked of the store in memory, how it forgets, and when it does not answer."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from switchover.model.blocked import BlockedMove
from switchover.model.drills import Drill
from switchover.model.errors import StoreUnavailable
from switchover.model.events import FailoverEvent
from switchover.model.metrics import InstanceMetrics
from switchover.model.recovery import RecoverySecrets
from switchover.model.rules import ScopeStanding
from switchover.model.trail import AuditEntry, OutboxMessage
from switchover.model.transition import HealthTransition
from switchover.record.store import StoredProxy
from switchover.testing.memory_leases import MemoryLeases
from switchover.testing.memory_tables import MemoryTables
from switchover.testing.stored_copies import check_times


class MemoryReading(MemoryTables):
    """Reads the tables, hands messages over, prunes what is old. See `MemoryStore`."""

    def __init__(self, leases: MemoryLeases | None = None) -> None:
        super().__init__()
        self.unavailable = False
        self._closed = False
        self._leases = leases

    async def load(
        self, moves_since: datetime, proxy_ids: Collection[str] | None = None
    ) -> Sequence[StoredProxy]:
        await self._turn(moves_since)
        wanted = self._proxies.keys() if proxy_ids is None else self._proxies.keys() & set(proxy_ids)
        return [self._stored(proxy_id, moves_since) for proxy_id in sorted(wanted)]

    async def load_proxy(self, proxy_id: str, moves_since: datetime) -> StoredProxy | None:
        await self._turn(moves_since)
        return self._stored(proxy_id, moves_since) if proxy_id in self._proxies else None

    async def drills(self, proxy_id: str, limit: int) -> Sequence[Drill]:
        await self._turn()
        wanted = [drill for drill in self._drills.values() if drill.proxy_id == proxy_id]
        return sorted(wanted, key=attrgetter("created_at", "drill_id"), reverse=True)[:limit]

    async def recovery_secrets(self, proxy_id: str) -> RecoverySecrets | None:
        await self._turn()
        return self._secrets.get(proxy_id)

    async def standings(self) -> Sequence[ScopeStanding]:
        await self._turn()
        return sorted(self._standings.values(), key=lambda standing: str(standing.scope))

    async def blocked_moves(self, proxy_id: str, limit: int) -> Sequence[BlockedMove]:
        await self._turn()
        wanted = [move for move in self._blocked.values() if move.proxy_id == proxy_id]
        return sorted(wanted, key=attrgetter("first_at", "blocked_id"), reverse=True)[:limit]

    async def event(self, event_id: UUID) -> FailoverEvent | None:
        await self._turn()
        return self._events.get(event_id)

    async def events(self, proxy_id: str, limit: int) -> Sequence[FailoverEvent]:
        await self._turn()
        return self._newest_first(proxy_id)[:limit]

    async def health_transitions(
        self, proxy_id: str, since: datetime, until: datetime, limit: int
    ) -> Sequence[HealthTransition]:
        await self._turn(since, until)
        wanted = [t for t in self._transitions.values() if t.proxy_id == proxy_id and since <= t.at <= until]
        return sorted(wanted, key=attrgetter("at", "transition_id"), reverse=True)[:limit]

    async def metrics(
        self, instance_id: UUID, since: datetime, until: datetime, limit: int
    ) -> Sequence[InstanceMetrics]:
        await self._turn(since, until)
        wanted = [
            sample
            for sample in self._metrics.values()
            if sample.instance_id == instance_id and since <= sample.recorded_at <= until
        ]
        return sorted(wanted, key=attrgetter("recorded_at", "metrics_id"), reverse=True)[:limit]

    async def audit(self, proxy_id: str, limit: int) -> Sequence[AuditEntry]:
        await self._turn()
        wanted = [entry for entry in self._audit.values() if entry.proxy_id == proxy_id]
        return sorted(wanted, key=attrgetter("at", "entry_id"), reverse=True)[:limit]

    async def pending_messages(self, limit: int, replica_id: UUID | None = None) -> Sequence[OutboxMessage]:
        await self._turn()
        pending = sorted(self._messages.keys() - self._delivered.keys())
        if replica_id is not None and self._leases is not None:
            held = self._leases.held_by(replica_id)
            ours = held | self._deleted_proxies.keys()
            pending = [key for key in pending if self._messages[key].proxy_id in ours]
        return [self._messages[message_id] for message_id in pending[:limit]]

    async def mark_delivered(self, message_ids: Sequence[UUID], at: datetime) -> None:
        await self._turn(at)
        for message_id in message_ids:
            if message_id in self._messages:
                self._delivered.setdefault(message_id, at)

    async def prune(
        self,
        *,
        events_before: datetime,
        metrics_before: datetime,
        messages_before: datetime,
        transitions_before: datetime,
    ) -> int:
        await self._turn(events_before, metrics_before, messages_before, transitions_before)
        newest = {
            self._newest_first(proxy_id)[0].event_id
            for proxy_id in {event.proxy_id for event in self._events.values()}
        }
        events = [
            event.event_id
            for event in self._events.values()
            if event.completed_at is not None and event.completed_at < events_before
        ]
        gone_events = set(events) - newest
        gone_blocked = [
            move.blocked_id
            for move in self._blocked.values()
            if move.ended_at is not None and move.ended_at < events_before
        ]
        gone_drills = [
            drill.drill_id
            for drill in self._drills.values()
            if drill.finished_at is not None and drill.finished_at < events_before
        ]
        gone_metrics = [s.metrics_id for s in self._metrics.values() if s.recorded_at < metrics_before]
        gone_messages = [key for key, at in self._delivered.items() if at < messages_before]
        for event_id in gone_events:
            del self._events[event_id]
        for blocked_id in gone_blocked:
            del self._blocked[blocked_id]
        for drill_id in gone_drills:
            del self._drills[drill_id]
        for metrics_id in gone_metrics:
            del self._metrics[metrics_id]
        for message_id in gone_messages:
            del self._messages[message_id], self._delivered[message_id]
        gone_transitions = [t.transition_id for t in self._transitions.values() if t.at < transitions_before]
        for transition_id in gone_transitions:
            del self._transitions[transition_id]
        gone = (gone_events, gone_drills, gone_blocked, gone_metrics, gone_messages, gone_transitions)
        return sum(map(len, gone))

    async def close(self) -> None:
        self._closed = True

    def reopen(self) -> None:
        """Open what was recorded again, as the next process does."""
        self._closed = False

    async def _turn(self, *values: object) -> None:
        await asyncio.sleep(0)
        if self._closed:
            raise StoreUnavailable("the record is closed")
        if self.unavailable:
            raise StoreUnavailable("the record is not available: a test says so")
        for value in values:
            check_times(value)
