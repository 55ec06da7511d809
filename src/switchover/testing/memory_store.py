"""A store in memory with the semantics of the real one; `tests/contract` holds both to one suite."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from switchover.model.drills import Drill, DrillOutcome, DrillStatus
from switchover.model.errors import LostLease, NotFound
from switchover.model.events import Closing, EventStatus, EventType, FailoverEvent, close
from switchover.model.instance import Instance
from switchover.model.lease import Fence
from switchover.model.metrics import InstanceMetrics
from switchover.model.proxy import Proxy
from switchover.model.recovery import RecoverySecrets
from switchover.model.redundancy import RedundancyStatus
from switchover.model.rules import Gate, Pause, SafetyRules, Scope, ScopeStanding, scope_of_proxy
from switchover.model.trail import NO_TRAIL, AuditEntry, Trail
from switchover.record.conflicts import (
    drill_open,
    instance_id_taken,
    move_scheduled,
    policy_changed,
    proxy_id_taken,
)
from switchover.record.outcomes import INSTANCE_DELETED, PROXY_DELETED
from switchover.record.store import Pass, Store
from switchover.testing.memory_reading import MemoryReading
from switchover.testing.memory_tables import is_open_recovery
from switchover.testing.stored_copies import stored_event


class MemoryStore(MemoryReading, Store):
    """Keeps everything in dictionaries, for one event loop.

    Every method lets other tasks run once before it starts, as a database would; from there on it
    does not wait, so each is one transaction: it checks everything first and writes then.

    Args:
        leases: Which fences are checked against; None when one process has the store for itself.

    Attributes:
        unavailable: While True every method raises `StoreUnavailable` and changes nothing.
    """

    async def create_proxy(self, proxy: Proxy, trail: Trail = NO_TRAIL) -> Proxy:
        await self._turn(proxy, trail)
        before = self._deleted_proxies.get(proxy.proxy_id)
        if proxy.proxy_id in self._proxies or (before is not None and before.owner_id != proxy.owner_id):
            raise proxy_id_taken(proxy.proxy_id)
        self._check_listener(proxy)
        created = proxy if before is None else replace(proxy, epoch=max(before.epoch, proxy.epoch))
        self._deleted_proxies.pop(proxy.proxy_id, None)
        self._proxies[proxy.proxy_id] = created
        self._leave(trail)
        self._touch(proxy.proxy_id)
        return created

    async def save_policy(self, proxy: Proxy, trail: Trail = NO_TRAIL, *, fence: Fence | None = None) -> None:
        await self._turn(proxy, trail)
        stored = self._proxy(proxy.proxy_id)
        self._check_fence(proxy.proxy_id, fence)
        if stored.generation != proxy.generation - 1:
            raise policy_changed(proxy.proxy_id, stored.generation)
        self._check_listener(proxy)
        self._proxies[proxy.proxy_id] = replace(
            stored,
            policy=proxy.policy,
            generation=proxy.generation,
            pinned_instance_id=proxy.pinned_instance_id,
            pin_note=proxy.pin_note,
            updated_at=proxy.updated_at,
        )
        self._leave(trail)
        self._touch(proxy.proxy_id)

    async def delete_proxy(
        self, proxy_id: str, at: datetime, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._turn(at, trail)
        self._proxy(proxy_id)
        self._check_fence(proxy_id, fence)
        self._deleted_proxies[proxy_id] = self._proxy(proxy_id)
        del self._proxies[proxy_id]
        self._deleted_instances |= {i.instance_id for i in self._instances.values() if i.proxy_id == proxy_id}
        self._redundancy.pop(proxy_id, None)
        drill = self._open_drill(proxy_id)
        if drill is not None:
            self._drills[drill.drill_id] = replace(
                drill,
                status=DrillStatus.FAILED,
                finished_at=at,
                outcome=DrillOutcome.CANCELLED,
                message=PROXY_DELETED,
            )
        self._secrets.pop(proxy_id, None)
        outcome = Closing(status=EventStatus.FAILED, at=at, error_message=PROXY_DELETED)
        for event in list(self._events.values()):
            if event.proxy_id == proxy_id and event.status.is_open:
                self._close(close(event, outcome))
        lasting = self._lasting_block(proxy_id)
        if lasting is not None:
            self._note_blocked([replace(lasting, ended_at=at)])
        self._standings.pop(scope_of_proxy(proxy_id), None)
        self._leave(trail)
        self._touch(proxy_id)

    async def add_instance(
        self, instance: Instance, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._turn(instance, trail)
        self._proxy(instance.proxy_id)
        self._check_fence(instance.proxy_id, fence)
        self._check_name(instance)
        if instance.instance_id in self._instances:
            raise instance_id_taken(instance.instance_id)
        self._instances[instance.instance_id] = instance
        self._leave(trail)
        self._touch(instance.proxy_id)

    async def save_instance(
        self, instance: Instance, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._turn(instance, trail)
        stored = self._instance(instance.instance_id)
        self._check_fence(stored.proxy_id, fence)
        self._check_name(instance)
        self._instances[instance.instance_id] = replace(
            instance, proxy_id=stored.proxy_id, usage=stored.usage, created_at=stored.created_at
        )
        self._leave(trail)
        self._touch(stored.proxy_id)

    async def delete_instance(
        self, instance_id: UUID, at: datetime, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._turn(at, trail)
        proxy_id = self._instance(instance_id).proxy_id
        self._check_fence(proxy_id, fence)
        self._deleted_instances.add(instance_id)
        outcome = Closing(status=EventStatus.FAILED, at=at, error_message=INSTANCE_DELETED)
        for event in list(self._events.values()):
            if event.target_instance_id == instance_id and is_open_recovery(event):
                self._close(close(event, outcome))
        self._leave(trail)
        self._touch(proxy_id)

    async def commit_pass(self, change: Pass) -> None:
        await self._turn(change)
        self._proxy(change.proxy_id)
        self._check_fence(change.proxy_id, change.fence)
        if change.move is not None:
            self._check_move(change.proxy_id, change.move)
            self._check_rules(change, change.move)
            self._move(change, change.move)
        self._measure(change.instances)
        self._transitions |= {turned.transition_id: turned for turned in change.transitions}
        if change.redundancy is not None:
            self._redundancy[change.redundancy.proxy_id] = change.redundancy
        self._note_blocked(change.blocked)
        self._leave(change.trail)
        self._touch(change.proxy_id)

    async def flush_instances(
        self, instances: Sequence[Instance], fences: Mapping[str, Fence] | None = None
    ) -> None:
        await self._turn(*instances)
        self._measure([i for i in instances if self._may_flush(i, fences)])

    async def close_event(
        self,
        event: FailoverEvent,
        trail: Trail = NO_TRAIL,
        *,
        was_open: bool = True,
        fence: Fence | None = None,
    ) -> bool:
        await self._turn(event, trail)
        stored = self._events.get(event.event_id)
        if stored is None:
            raise NotFound("event", event.event_id)
        self._check_fence(stored.proxy_id, fence)
        if was_open and not stored.status.is_open:
            return False
        self._close(event)
        self._leave(trail)
        self._touch(stored.proxy_id)
        return True

    async def schedule_move(
        self, event: FailoverEvent, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._turn(event, trail)
        self._proxy(event.proxy_id)
        self._check_fence(event.proxy_id, fence)
        if event.target_instance_id is not None:
            self._instance(event.target_instance_id)
        if self._of_status(event.proxy_id, EventStatus.PENDING) is not None:
            raise move_scheduled(event.proxy_id)
        self._events[event.event_id] = stored_event(event)
        self._leave(trail)
        self._touch(event.proxy_id)

    async def save_drill(self, drill: Drill, trail: Trail = NO_TRAIL, *, fence: Fence | None = None) -> None:
        await self._turn(drill, trail)
        self._proxy(drill.proxy_id)
        self._check_fence(drill.proxy_id, fence)
        other = self._open_drill(drill.proxy_id)
        if drill.status.is_open and other is not None and other.drill_id != drill.drill_id:
            raise drill_open(drill.proxy_id)
        self._drills[drill.drill_id] = drill
        self._leave(trail)
        self._touch(drill.proxy_id)

    async def note_verified(self, event_id: UUID, at: datetime, *, fence: Fence | None = None) -> None:
        await self._turn(at)
        stored = self._events.get(event_id)
        if stored is not None:
            self._check_fence(stored.proxy_id, fence)
        if stored is not None and stored.stages.verified_at is None:
            self._events[event_id] = replace(stored, stages=replace(stored.stages, verified_at=at))

    async def add_recovery_event(
        self, event: FailoverEvent, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> bool:
        await self._turn(event, trail)
        self._proxy(event.proxy_id)
        self._check_fence(event.proxy_id, fence)
        if event.target_instance_id is not None:
            self._instance(event.target_instance_id)
            if any(
                other.target_instance_id == event.target_instance_id
                for other in self._events.values()
                if is_open_recovery(other)
            ):
                return False
        self._events[event.event_id] = stored_event(event)
        self._leave(trail)
        self._touch(event.proxy_id)
        return True

    async def note_attempts(
        self, event: FailoverEvent, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._turn(event, trail)
        stored = self._events.get(event.event_id)
        if stored is None or stored.event_type is not EventType.RECOVERY:
            raise NotFound("event", event.event_id)
        self._check_fence(stored.proxy_id, fence)
        self._events[event.event_id] = replace(stored, evidence=stored_event(event).evidence)
        self._leave(trail)
        self._touch(stored.proxy_id)

    async def save_recovery_secrets(
        self, secrets: RecoverySecrets, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._turn(secrets, trail)
        self._proxy(secrets.proxy_id)
        self._check_fence(secrets.proxy_id, fence)
        self._secrets[secrets.proxy_id] = secrets
        self._leave(trail)
        self._touch(secrets.proxy_id)

    async def save_redundancy(
        self, status: RedundancyStatus, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await self._turn(status, trail)
        self._proxy(status.proxy_id)
        self._check_fence(status.proxy_id, fence)
        self._redundancy[status.proxy_id] = status
        self._leave(trail)
        self._touch(status.proxy_id)

    async def raise_epoch(
        self, proxy_id: str, epoch: int, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> bool:
        await self._turn(trail)
        stored = self._proxies.get(proxy_id)
        if stored is None:
            return False
        self._check_fence(proxy_id, fence)
        if stored.epoch >= epoch:
            return False
        self._proxies[proxy_id] = replace(stored, epoch=epoch)
        self._leave(trail)
        self._touch(proxy_id)
        return True

    async def save_pause(self, scope: Scope, pause: Pause | None, trail: Trail = NO_TRAIL) -> None:
        await self._turn(pause, trail)
        self._change_scope(replace(self._standing(scope), pause=pause), trail)

    async def save_rules(self, scope: Scope, rules: SafetyRules, trail: Trail = NO_TRAIL) -> None:
        await self._turn(rules, trail)
        self._change_scope(replace(self._standing(scope), rules=rules), trail)

    async def save_gate(self, scope: Scope, name: str, gate: Gate | None, trail: Trail = NO_TRAIL) -> None:
        await self._turn(gate, trail)
        standing = self._standing(scope)
        self._change_scope(replace(standing, gates=standing.with_gate(name, gate)), trail)

    async def record_metrics(self, metrics: InstanceMetrics) -> None:
        await self._turn(metrics)
        self._instance(metrics.instance_id)
        self._metrics[metrics.metrics_id] = metrics

    async def append_audit(self, entry: AuditEntry) -> None:
        await self._turn(entry)
        self._leave(Trail(audit=(entry,)))

    def _standing(self, scope: Scope) -> ScopeStanding:
        return self._standings.get(scope, ScopeStanding(scope=scope))

    def _change_scope(self, standing: ScopeStanding, trail: Trail) -> None:
        self._set(standing)
        self._leave(trail)

    def _check_fence(self, proxy_id: str, fence: Fence | None) -> None:
        if fence is not None and (self._leases is None or not self._leases.is_valid(proxy_id, fence)):
            raise LostLease(proxy_id)

    def _may_flush(self, instance: Instance, fences: Mapping[str, Fence] | None) -> bool:
        stored = self._instances.get(instance.instance_id)
        same_state = stored is not None and stored.health.state is instance.health.state
        return same_state and (fences is None or self._is_fenced(instance.proxy_id, fences))

    def _is_fenced(self, proxy_id: str, fences: Mapping[str, Fence]) -> bool:
        fence = fences.get(proxy_id)
        return fence is not None and self._leases is not None and self._leases.is_valid(proxy_id, fence)
