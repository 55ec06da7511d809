"""Values to store: small, valid, and different where a test says so."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from switchover.model.actor import AUTOMATION
from switchover.model.address import Address
from switchover.model.drills import Drill, DrillStatus
from switchover.model.events import Closing, EventStatus, EventType, FailoverEvent, Stages, Trigger, close
from switchover.model.instance import Instance
from switchover.model.metrics import InstanceMetrics
from switchover.model.observation import Health
from switchover.model.policy import FailoverPolicy, Listener
from switchover.model.proxy import Proxy
from switchover.model.redundancy import RedundancyLevel, RedundancySource, RedundancyStatus
from switchover.model.trail import AuditEntry, OutboxMessage, Topic, Trail
from switchover.model.transition import HealthTransition
from switchover.record.store import Move, Pass, Store, StoredProxy
from switchover.testing.clock import CountingIds

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=365)

new_id = CountingIds()


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def a_proxy(
    proxy_id: str = "web", owner_id: str = "ann", *, port: int | None = None, **changes: Any
) -> Proxy:
    listener = None if port is None else Listener(port=port)
    values: dict[str, Any] = {
        "policy": FailoverPolicy(listener=listener),
        "created_at": NOW,
        "updated_at": NOW,
        **changes,
    }
    return Proxy(proxy_id=proxy_id, owner_id=owner_id, **values)


def an_instance(name: str = "web-1", proxy_id: str = "web", **changes: Any) -> Instance:
    values: dict[str, Any] = {
        "instance_id": new_id(),
        "address": Address(host="127.0.0.1", port=9001),
        "created_at": NOW,
        **changes,
    }
    return Instance(name=name, proxy_id=proxy_id, **values)


def an_event(proxy_id: str = "web", **changes: Any) -> FailoverEvent:
    """An open failover of epoch 1 from nothing to nothing."""
    values: dict[str, Any] = {
        "event_id": new_id(),
        "event_type": EventType.FAILOVER,
        "status": EventStatus.IN_PROGRESS,
        "trigger": Trigger.AUTOMATIC,
        "source_instance_id": None,
        "target_instance_id": None,
        "reason": "Active instance unhealthy (3 failures)",
        "reason_code": "active_unhealthy",
        "epoch": 1,
        "actor": AUTOMATION.name,
        "stages": Stages(decided_at=NOW, committed_at=NOW),
        "created_at": NOW,
        **changes,
    }
    return FailoverEvent(proxy_id=proxy_id, **values)


def a_scheduled_move(proxy_id: str = "web", **changes: Any) -> FailoverEvent:
    """A switchover that waits for its time."""
    values: dict[str, Any] = {
        "event_type": EventType.SWITCHOVER,
        "status": EventStatus.PENDING,
        "trigger": Trigger.MANUAL,
        "reason": "Kernel update",
        "reason_code": "manual",
        "epoch": 0,
        "actor": "ann",
        "stages": Stages(),
        "scheduled_at": after(3600),
        **changes,
    }
    return an_event(proxy_id, **values)


def a_drill(proxy_id: str = "web", **changes: Any) -> Drill:
    """A drill that waits for its time."""
    values: dict[str, Any] = {
        "drill_id": new_id(),
        "status": DrillStatus.PENDING,
        "actor": AUTOMATION,
        "scheduled_at": after(3600),
        "created_at": NOW,
        **changes,
    }
    return Drill(proxy_id=proxy_id, **values)


def done(event: FailoverEvent, at: datetime = NOW) -> FailoverEvent:
    return close(event, Closing(status=EventStatus.COMPLETED, at=at, applied_at=at))


def failed(event: FailoverEvent, why: str = "superseded", at: datetime = NOW) -> FailoverEvent:
    return close(event, Closing(status=EventStatus.FAILED, at=at, error_message=why))


def a_move(
    stored: StoredProxy,
    target: Instance | None,
    *,
    at: datetime = NOW,
    superseded: FailoverEvent | None = None,
    pin: UUID | None = None,
    **changes: Any,
) -> Move:
    """A move away from what `stored` has."""
    proxy = stored.proxy
    event = an_event(
        proxy.proxy_id,
        source_instance_id=proxy.active_instance_id,
        target_instance_id=target.instance_id if target else None,
        epoch=proxy.epoch + 1,
        stages=Stages(decided_at=at, committed_at=at),
        created_at=at,
    )
    values: dict[str, Any] = {
        "seen_active_instance_id": proxy.active_instance_id,
        "seen_epoch": proxy.epoch,
        **changes,
    }
    return Move(event=event, pin=pin, superseded=superseded, **values)


def a_pass(proxy_id: str = "web", **changes: Any) -> Pass:
    return Pass(proxy_id=proxy_id, **{"at": NOW, **changes})


def a_status(proxy_id: str = "web", **changes: Any) -> RedundancyStatus:
    values: dict[str, Any] = {
        "total_instances": 2,
        "healthy_instances": 2,
        "unhealthy_instances": 0,
        "active_instance_id": None,
        "backup_instance_ids": (),
        "redundancy_level": RedundancyLevel.DUAL,
        "is_degraded": False,
        "last_failover_at": None,
        "last_failover_reason": None,
        "epoch": 0,
        "source": RedundancySource.DERIVED,
        "updated_at": NOW,
        **changes,
    }
    return RedundancyStatus(proxy_id=proxy_id, **values)


def a_sample(instance: Instance, at: datetime = NOW, **changes: Any) -> InstanceMetrics:
    return InstanceMetrics(metrics_id=new_id(), instance_id=instance.instance_id, recorded_at=at, **changes)


def a_transition(instance: Instance, at: datetime = NOW, **changes: Any) -> HealthTransition:
    values: dict[str, Any] = {
        "before": Health.HEALTHY,
        "after": Health.UNHEALTHY,
        "reason": "fall_reached",
        "code": "connect_refused",
        "consecutive_failures": 3,
        "consecutive_passes": 0,
        "first_failed_at": at - timedelta(seconds=2),
        **changes,
    }
    return HealthTransition(
        transition_id=new_id(),
        proxy_id=instance.proxy_id,
        instance_id=instance.instance_id,
        at=at,
        **values,
    )


def an_entry(proxy_id: str = "web", at: datetime = NOW, **changes: Any) -> AuditEntry:
    values: dict[str, Any] = {"actor": AUTOMATION, "action": "config.save", **changes}
    return AuditEntry(entry_id=new_id(), at=at, proxy_id=proxy_id, **values)


def a_message(proxy_id: str = "web", at: datetime = NOW, **changes: Any) -> OutboxMessage:
    values: dict[str, Any] = {
        "topic": Topic.MOVE_COMMITTED,
        "owner_id": "ann",
        "payload": {"epoch": 1},
        **changes,
    }
    return OutboxMessage(message_id=new_id(), at=at, proxy_id=proxy_id, **values)


def a_trail(proxy_id: str = "web") -> Trail:
    return Trail(audit=(an_entry(proxy_id),), messages=(a_message(proxy_id),))


async def stored_in(store: Store, proxy_id: str = "web") -> StoredProxy:
    """What the store has of a proxy that must be there, with every move it ever made."""
    stored = await store.load_proxy(proxy_id, LONG_AGO)
    assert stored is not None
    return stored


async def proxy_with(store: Store, *names: str, proxy_id: str = "web", **changes: Any) -> list[Instance]:
    """Store a proxy with instances of these names, and return those."""
    await store.create_proxy(a_proxy(proxy_id, **changes))
    instances = [an_instance(name, proxy_id) for name in names]
    for instance in instances:
        await store.add_instance(instance)
    return instances


async def trail_of(store: Store, proxy_id: str = "web") -> Trail:
    """Everything that changes left behind so far."""
    messages = [message for message in await store.pending_messages(1000) if message.proxy_id == proxy_id]
    return Trail(audit=tuple(await store.audit(proxy_id, 1000)), messages=tuple(messages))
