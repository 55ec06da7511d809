"""What the API says about proxies, read into values that tables and the demo can use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from switchover.model.events import EventStatus, EventType

STAGES = ("detected", "decided", "committed", "applied", "verified")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryView:
    """How an instance is being brought back, as the API tells of it."""

    attempt: int
    most_attempts: int
    is_under_way: bool
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceView:
    """One instance as the API tells of it."""

    instance_id: str
    name: str
    address: str | None
    priority: int
    weight: int
    standing: str
    admin_state: str
    health: str
    consecutive_failures: int
    health_detail: str | None
    recovery: RecoveryView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """One failover event as the API tells of it.

    Attributes:
        stages: Stage name → when it was reached; stages that were not reached are missing.
    """

    event_id: str
    event_type: EventType
    status: EventStatus
    trigger: str
    source_id: str | None
    target_id: str | None
    reason: str
    error_message: str | None
    epoch: int
    duration_ms: float | None
    stages: Mapping[str, datetime]
    created_at: datetime

    def after_detection_ms(self, stage: str) -> float | None:
        """Milliseconds from detection to `stage`; None where either is unknown."""
        begun, reached = self.stages.get("detected"), self.stages.get(stage)
        return None if begun is None or reached is None else (reached - begun).total_seconds() * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyView:
    """One proxy as the API tells of it.

    Attributes:
        instances: By preference.
        opinion: What the policy says at this moment, as a sentence.
        rejections: Node → its own words about what it refuses of this proxy.
        owner: The replica that decides about it; None when there is but one process, or none does.
    """

    proxy_id: str
    strategy: str
    listener: str | None
    active_id: str | None
    pinned_id: str | None
    epoch: int
    redundancy_level: str
    is_degraded: bool
    last_failover_at: datetime | None
    last_failover_reason: str | None
    instances: tuple[InstanceView, ...]
    open_event: EventView | None
    opinion: str
    rejections: Mapping[str, str]
    owner: str | None

    def name_of(self, instance_id: str | None) -> str:
        """The name of an instance; its id when it is gone, a dash for none."""
        if instance_id is None:
            return "—"
        return next((i.name for i in self.instances if i.instance_id == instance_id), instance_id)

    def instance(self, name_or_id: str) -> InstanceView | None:
        """The instance with this name or id; a name wins over an id."""
        by_name = next((i for i in self.instances if i.name == name_or_id), None)
        return by_name or next((i for i in self.instances if i.instance_id == name_or_id), None)

    @property
    def active(self) -> InstanceView | None:
        """The active instance; None before the first activation, or when it is gone."""
        return next((i for i in self.instances if i.instance_id == self.active_id), None)


def instance_view(document: Mapping[str, Any]) -> InstanceView:
    """Read an instance."""
    return InstanceView(
        instance_id=document["id"],
        name=document["instanceName"],
        address=document.get("address"),
        priority=document["priority"],
        weight=document["weight"],
        standing=document["status"],
        admin_state=document["adminState"],
        health=document["healthStatus"],
        consecutive_failures=document["consecutiveFailures"],
        health_detail=document.get("lastHealthDetail"),
        recovery=_recovery_view(document.get("recovery")),
    )


def _recovery_view(document: Mapping[str, Any] | None) -> RecoveryView | None:
    if document is None:
        return None
    return RecoveryView(
        attempt=document["attempt"],
        most_attempts=document["mostAttempts"],
        is_under_way=document["isUnderWay"],
        next_at=_moment(document.get("nextAt")),
    )


def event_view(document: Mapping[str, Any]) -> EventView:
    """Read a failover event."""
    stages: Mapping[str, str | None] = document.get("stages") or {}
    reached = {name: _moment(stages.get(f"{name}At")) for name in STAGES}
    return EventView(
        event_id=document["id"],
        event_type=EventType(document["eventType"]),
        status=EventStatus(document["status"]),
        trigger=document["trigger"],
        source_id=document.get("sourceInstanceId"),
        target_id=document.get("targetInstanceId"),
        reason=document.get("reason") or "",
        error_message=document.get("errorMessage"),
        epoch=document["epoch"],
        duration_ms=document.get("durationMs"),
        stages={name: at for name, at in reached.items() if at is not None},
        created_at=datetime.fromisoformat(document["createdAt"]),
    )


def proxy_view(document: Mapping[str, Any]) -> ProxyView:
    """Read a proxy with everything in it."""
    config: Mapping[str, Any] = document["config"]
    redundancy: Mapping[str, Any] = document["redundancy"]
    instances: Sequence[Mapping[str, Any]] = document["instances"]
    listener: Mapping[str, Any] | None = config.get("listener")
    open_event: Mapping[str, Any] | None = document.get("openEvent")
    return ProxyView(
        proxy_id=document["proxyId"],
        strategy=config["failoverStrategy"],
        listener=None if listener is None else f"{listener['address']}:{listener['port']}",
        active_id=document.get("activeInstanceId"),
        pinned_id=document.get("pinnedInstanceId"),
        epoch=document["epoch"],
        redundancy_level=redundancy["redundancyLevel"],
        is_degraded=redundancy["isDegraded"],
        last_failover_at=_moment(redundancy.get("lastFailoverAt")),
        last_failover_reason=redundancy.get("lastFailoverReason"),
        instances=tuple(instance_view(i) for i in instances),
        open_event=None if open_event is None else event_view(open_event),
        opinion=(document.get("evaluation") or {}).get("reason") or "",
        rejections=document.get("rejections") or {},
        owner=document.get("owner"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """One data-plane node as the API tells of it."""

    node_id: str
    state: str
    replica: str | None


def node_view(document: Mapping[str, Any]) -> NodeView:
    """Read a node."""
    return NodeView(node_id=document["nodeId"], state=document["state"], replica=document.get("replica"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaView:
    """One of several replicas as the API tells of it."""

    name: str
    url: str
    since: datetime
    is_self: bool
    is_live: bool
    proxies_owned: int
    standing: str


def replica_view(document: Mapping[str, Any]) -> ReplicaView:
    """Read a replica."""
    return ReplicaView(
        name=document["name"],
        url=document["url"],
        since=datetime.fromisoformat(document["since"]),
        is_self=document["isSelf"],
        is_live=document["isLive"],
        proxies_owned=document["proxiesOwned"],
        standing=document["standing"],
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
