"""The store on SQL: each intent is one transaction around the function that knows its rows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from switchover.model.blocked import BlockedMove
from switchover.model.drills import Drill
from switchover.model.events import FailoverEvent
from switchover.model.instance import Instance
from switchover.model.lease import Fence
from switchover.model.metrics import InstanceMetrics
from switchover.model.proxy import Proxy
from switchover.model.recovery import RecoverySecrets
from switchover.model.redundancy import RedundancyStatus
from switchover.model.rules import Gate, Pause, SafetyRules, Scope, ScopeStanding
from switchover.model.trail import NO_TRAIL, AuditEntry, OutboxMessage, Trail
from switchover.model.transition import HealthTransition
from switchover.record.migrations.run import check_revision
from switchover.record.sql import (
    blocked,
    drill_rows,
    events,
    loading,
    passes,
    proxies,
    recoveries,
    redundancy,
    registration,
    retention,
    samples,
    scopes,
    trails,
    transitions,
)
from switchover.record.sql.changes import as_owner
from switchover.record.sql.engine import Database
from switchover.record.sql.limits import DatabaseLimits
from switchover.record.store import Pass, Store, StoredProxy


async def open_store(database_url: str, limits: DatabaseLimits | None = None) -> "SqlStore":
    """Open the store in the database that `switchover.record.migrations.run.upgrade` made; close it when done.

    Args and errors are those of `open_database`.
    """
    return SqlStore(await open_database(database_url, limits))


async def open_database(database_url: str, limits: DatabaseLimits | None = None) -> Database:
    """Open the database itself, for a store and what else works on it.

    Args:
        database_url: `postgresql://user:password@host:5432/database`, or a file as SQLAlchemy spells it, such as
            `sqlite+aiosqlite:////var/lib/switchover/switchover.db`.
        limits: What a server is asked for at the most; a file needs none.

    Raises:
        UnusableDatabase: It is missing, read-only, no database, or not of this version.
        StoreUnavailable: Somebody else held it for too long.
    """
    database = Database.at(database_url, limits)
    try:
        await check_revision(database)
        await database.check()
    except BaseException:
        await database.close()
        raise
    return database


class SqlStore(Store):
    """A `Store` on SQL. Use `open_store`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(
        self, moves_since: datetime, proxy_ids: Collection[str] | None = None
    ) -> Sequence[StoredProxy]:
        return await self._database.read(loading.load, moves_since, proxy_ids)

    async def load_proxy(self, proxy_id: str, moves_since: datetime) -> StoredProxy | None:
        found = await self._database.read(loading.load, moves_since, (proxy_id,))
        return found[0] if found else None

    async def create_proxy(self, proxy: Proxy, trail: Trail = NO_TRAIL) -> Proxy:
        epoch = await self._database.write(proxies.create_proxy, proxy, trail)
        return replace(proxy, epoch=epoch)

    async def save_policy(self, proxy: Proxy, trail: Trail = NO_TRAIL, *, fence: Fence | None = None) -> None:
        await self._database.write(as_owner, proxy.proxy_id, fence, proxies.save_policy, proxy, trail)

    async def delete_proxy(
        self, proxy_id: str, at: datetime, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._database.write(as_owner, proxy_id, fence, proxies.delete_proxy, proxy_id, at, trail)

    async def add_instance(
        self, instance: Instance, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._database.write(
            as_owner, instance.proxy_id, fence, registration.add_instance, instance, trail
        )

    async def save_instance(
        self, instance: Instance, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._database.write(
            as_owner, instance.proxy_id, fence, registration.save_instance, instance, trail
        )

    async def delete_instance(
        self, instance_id: UUID, at: datetime, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._database.write(registration.delete_instance, instance_id, at, trail, fence)

    async def commit_pass(self, change: Pass) -> None:
        await self._database.write(as_owner, change.proxy_id, change.fence, passes.commit_pass, change)

    async def flush_instances(
        self, instances: Sequence[Instance], fences: Mapping[str, Fence] | None = None
    ) -> None:
        await self._database.write(registration.flush_instances, instances, fences)

    async def close_event(
        self,
        event: FailoverEvent,
        trail: Trail = NO_TRAIL,
        *,
        was_open: bool = True,
        fence: Fence | None = None,
    ) -> bool:
        return await self._database.write(
            as_owner, event.proxy_id, fence, events.close_event, event, trail, was_open=was_open
        )

    async def schedule_move(
        self, event: FailoverEvent, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._database.write(as_owner, event.proxy_id, fence, events.schedule_move, event, trail)

    async def save_drill(self, drill: Drill, trail: Trail = NO_TRAIL, *, fence: Fence | None = None) -> None:
        await self._database.write(as_owner, drill.proxy_id, fence, drill_rows.save_drill, drill, trail)

    async def drills(self, proxy_id: str, limit: int) -> Sequence[Drill]:
        return await self._database.read(drill_rows.newest_drills, proxy_id, limit)

    async def note_verified(self, event_id: UUID, at: datetime, *, fence: Fence | None = None) -> None:
        await self._database.write(events.note_verified, event_id, at, fence)

    async def add_recovery_event(
        self, event: FailoverEvent, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> bool:
        return await self._database.write(
            as_owner, event.proxy_id, fence, recoveries.add_recovery_event, event, trail
        )

    async def note_attempts(
        self, event: FailoverEvent, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._database.write(as_owner, event.proxy_id, fence, recoveries.note_attempts, event, trail)

    async def recovery_secrets(self, proxy_id: str) -> RecoverySecrets | None:
        return await self._database.read(recoveries.find_secrets, proxy_id)

    async def save_recovery_secrets(
        self, secrets: RecoverySecrets, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._database.write(as_owner, secrets.proxy_id, fence, recoveries.save_secrets, secrets, trail)

    async def save_redundancy(
        self, status: RedundancyStatus, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._database.write(
            as_owner, status.proxy_id, fence, redundancy.save_redundancy, status, trail
        )

    async def raise_epoch(
        self, proxy_id: str, epoch: int, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> bool:
        return await self._database.write(
            as_owner, proxy_id, fence, proxies.raise_epoch, proxy_id, epoch, trail
        )

    async def standings(self) -> Sequence[ScopeStanding]:
        return await self._database.read(scopes.standings)

    async def save_pause(self, scope: Scope, pause: Pause | None, trail: Trail = NO_TRAIL) -> None:
        await self._database.write(scopes.save_pause, scope, pause, trail)

    async def save_rules(self, scope: Scope, rules: SafetyRules, trail: Trail = NO_TRAIL) -> None:
        await self._database.write(scopes.save_rules, scope, rules, trail)

    async def save_gate(self, scope: Scope, name: str, gate: Gate | None, trail: Trail = NO_TRAIL) -> None:
        await self._database.write(scopes.save_gate, scope, name, gate, trail)

    async def blocked_moves(self, proxy_id: str, limit: int) -> Sequence[BlockedMove]:
        return await self._database.read(blocked.newest_blocked, proxy_id, limit)

    async def event(self, event_id: UUID) -> FailoverEvent | None:
        return await self._database.read(events.find_event, event_id)

    async def events(self, proxy_id: str, limit: int) -> Sequence[FailoverEvent]:
        return await self._database.read(events.newest_events, proxy_id, limit)

    async def health_transitions(
        self, proxy_id: str, since: datetime, until: datetime, limit: int
    ) -> Sequence[HealthTransition]:
        return await self._database.read(transitions.newest_transitions, proxy_id, since, until, limit)

    async def record_metrics(self, metrics: InstanceMetrics) -> None:
        await self._database.write(samples.record_metrics, metrics)

    async def metrics(
        self, instance_id: UUID, since: datetime, until: datetime, limit: int
    ) -> Sequence[InstanceMetrics]:
        return await self._database.read(samples.newest_metrics, instance_id, since, until, limit)

    async def append_audit(self, entry: AuditEntry) -> None:
        await self._database.write(trails.store_trail, Trail(audit=(entry,)))

    async def audit(self, proxy_id: str, limit: int) -> Sequence[AuditEntry]:
        return await self._database.read(trails.newest_audit, proxy_id, limit)

    async def pending_messages(self, limit: int, replica_id: UUID | None = None) -> Sequence[OutboxMessage]:
        return await self._database.read(trails.pending_messages, limit, replica_id)

    async def mark_delivered(self, message_ids: Sequence[UUID], at: datetime) -> None:
        await self._database.write(trails.mark_delivered, message_ids, at)

    async def prune(
        self,
        *,
        events_before: datetime,
        metrics_before: datetime,
        messages_before: datetime,
        transitions_before: datetime,
    ) -> int:
        gone = 0
        for table, which in retention.expired(
            events_before=events_before,
            metrics_before=metrics_before,
            messages_before=messages_before,
            transitions_before=transitions_before,
        ):
            batch = retention.BATCH
            while batch == retention.BATCH:
                batch = await self._database.write(retention.delete_batch, table, which)
                gone += batch
        return gone

    async def close(self) -> None:
        await self._database.close()
