"""What the API says about proxies and their instances, read into values that tables and the demo can use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from switchover.cli.automation_views import BlockedView, PauseView, blocked_view, pause_view
from switchover.cli.event_views import DrillView, EventView, drill_view, event_view
from switchover.cli.times import told


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
    flap_score: float
    is_damped: bool
    damped_until: datetime | None
    ordered_by: str | None = None
    order_reason: str | None = None
    expires_at: datetime | None = None
    drain_state: str | None = None
    drain_deadline: datetime | None = None
    open_requests: int | None = None
    left_open: int | None = None
    recovery: RecoveryView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyView:
    """One proxy as the API tells of it.

    Attributes:
        instances: By preference.
        opinion: What the policy says at this moment, as a sentence.
        rejections: Node → its own words about what it refuses of this proxy.
        owner: The replica that decides about it; None when there is but one process, or none does.
        pinned_by: Who pinned it, with `pin_reason` why and `pinned_until` until when; each None when there is none.
        all_down: What nodes do while no instance could serve, and `is_all_down` whether that is so.
        pauses: What stops automation for it.
        blocked: The move that is wanted and that a rule blocks; None without one.
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
    pinned_by: str | None
    pin_reason: str | None
    pinned_until: datetime | None
    failback: str | None
    all_down: str | None
    is_all_down: bool
    pauses: tuple[PauseView, ...] = ()
    blocked: BlockedView | None = None
    scheduled_event: EventView | None = None
    drill: DrillView | None = None

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
    order: Mapping[str, Any] = document.get("adminOrder") or {}
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
        flap_score=document.get("flapScore") or 0.0,
        is_damped=bool(document.get("dampedBy")),
        damped_until=told(document.get("dampedUntil")),
        ordered_by=order.get("actor"),
        order_reason=order.get("reason"),
        expires_at=told(order.get("expiresAt")),
        drain_state=document.get("drainState"),
        drain_deadline=told(document.get("drainDeadline")),
        open_requests=document.get("openRequests"),
        left_open=order.get("leftOpen"),
        recovery=_recovery_view(document.get("recovery")),
    )


def _recovery_view(document: Mapping[str, Any] | None) -> RecoveryView | None:
    if document is None:
        return None
    return RecoveryView(
        attempt=document["attempt"],
        most_attempts=document["mostAttempts"],
        is_under_way=document["isUnderWay"],
        next_at=told(document.get("nextAt")),
    )


def proxy_view(document: Mapping[str, Any]) -> ProxyView:
    """Read a proxy with everything in it."""
    config: Mapping[str, Any] = document["config"]
    redundancy: Mapping[str, Any] = document["redundancy"]
    instances: Sequence[Mapping[str, Any]] = document["instances"]
    listener: Mapping[str, Any] | None = config.get("listener")
    open_event: Mapping[str, Any] | None = document.get("openEvent")
    pin: Mapping[str, Any] = document.get("pin") or {}
    return ProxyView(
        proxy_id=document["proxyId"],
        strategy=config["failoverStrategy"],
        listener=None if listener is None else f"{listener['address']}:{listener['port']}",
        active_id=document.get("activeInstanceId"),
        pinned_id=document.get("pinnedInstanceId"),
        epoch=document["epoch"],
        redundancy_level=redundancy["redundancyLevel"],
        is_degraded=redundancy["isDegraded"],
        last_failover_at=told(redundancy.get("lastFailoverAt")),
        last_failover_reason=redundancy.get("lastFailoverReason"),
        instances=tuple(instance_view(i) for i in instances),
        open_event=None if open_event is None else event_view(open_event),
        opinion=(document.get("evaluation") or {}).get("reason") or "",
        rejections=document.get("rejections") or {},
        owner=document.get("owner"),
        pinned_by=pin.get("by"),
        pin_reason=pin.get("reason"),
        pinned_until=told(pin.get("until")),
        failback=_failback(config),
        all_down=config.get("allDown"),
        is_all_down=document.get("isAllDown") is True,
        pauses=tuple(pause_view(pause) for pause in document.get("pauses") or ()),
        blocked=None if document.get("blocked") is None else blocked_view(document["blocked"]),
        scheduled_event=None if (planned := document.get("scheduledEvent")) is None else event_view(planned),
        drill=None if (drill := document.get("drill")) is None else drill_view(drill),
    )


def _failback(config: Mapping[str, Any]) -> str | None:
    window: Mapping[str, Any] | None = config.get("failbackWindow")
    mode: str | None = config.get("failback")
    if mode != "automatic" or window is None:
        return mode
    return f"{mode}, daily from {window['start']} to {window['end']} {window['timeZone']}"
