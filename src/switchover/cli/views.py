"""What the API says about proxies, read into values that tables and the demo can use."""

from collections.abc import Iterator, Mapping, Sequence
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
    scheduled_at: datetime | None = None
    skipped: tuple[str, ...] = ()
    share: int | None = None

    def after_detection_ms(self, stage: str) -> float | None:
        """Milliseconds from detection to `stage`; None where either is unknown."""
        begun, reached = self.stages.get("detected"), self.stages.get(stage)
        return None if begun is None or reached is None else (reached - begun).total_seconds() * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseView:
    """A pause as the API tells of it."""

    scope: str
    by: str
    reason: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedView:
    """A move that was wanted and that a rule blocked, as the API tells of it."""

    event_type: str
    source_id: str | None
    target_id: str | None
    reason: str
    rule: str
    message: str
    first_at: datetime
    last_at: datetime
    count: int
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomationView:
    """What bounds automation in one scope, as the API tells of it.

    Attributes:
        rules: One sentence for each.
        gates: Name, whether it is on, who set it and when, why.
    """

    scope: str
    pause: PauseView | None
    rules: tuple[str, ...]
    gates: tuple[tuple[str, bool, str, datetime, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillView:
    """One drill as the API tells of it."""

    drill_id: str
    status: str
    outcome: str | None
    message: str | None
    actor: str
    home_id: str | None
    target_id: str | None
    scheduled_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    moved_at: datetime | None
    finished_at: datetime | None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.finished_at is not None

    @property
    def took_seconds(self) -> float | None:
        """From its begin to its end; None where either is unknown."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


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
        damped_until=_moment(document.get("dampedUntil")),
        ordered_by=order.get("actor"),
        order_reason=order.get("reason"),
        expires_at=_moment(order.get("expiresAt")),
        drain_state=document.get("drainState"),
        drain_deadline=_moment(document.get("drainDeadline")),
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
        scheduled_at=_moment(document.get("scheduledAt")),
        skipped=tuple(document.get("skipped") or ()),
        share=(document.get("gradual") or {}).get("share"),
    )


def drill_view(document: Mapping[str, Any]) -> DrillView:
    """Read a drill."""
    return DrillView(
        drill_id=document["id"],
        status=document["status"],
        outcome=document.get("outcome"),
        message=document.get("message"),
        actor=document["actor"],
        home_id=document.get("homeInstanceId"),
        target_id=document.get("targetInstanceId"),
        scheduled_at=_moment(document.get("scheduledAt")),
        created_at=datetime.fromisoformat(document["createdAt"]),
        started_at=_moment(document.get("startedAt")),
        moved_at=_moment(document.get("movedAt")),
        finished_at=_moment(document.get("finishedAt")),
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
        last_failover_at=_moment(redundancy.get("lastFailoverAt")),
        last_failover_reason=redundancy.get("lastFailoverReason"),
        instances=tuple(instance_view(i) for i in instances),
        open_event=None if open_event is None else event_view(open_event),
        opinion=(document.get("evaluation") or {}).get("reason") or "",
        rejections=document.get("rejections") or {},
        owner=document.get("owner"),
        pinned_by=pin.get("by"),
        pin_reason=pin.get("reason"),
        pinned_until=_moment(pin.get("until")),
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


def pause_view(document: Mapping[str, Any]) -> PauseView:
    """Read a pause."""
    return PauseView(
        scope=document["scope"],
        by=document["by"],
        reason=document["reason"],
        since=datetime.fromisoformat(document["since"]),
        until=_moment(document.get("until")),
    )


def blocked_view(document: Mapping[str, Any]) -> BlockedView:
    """Read a blocked move."""
    return BlockedView(
        event_type=document["eventType"],
        source_id=document.get("sourceInstanceId"),
        target_id=document.get("targetInstanceId"),
        reason=document["reason"],
        rule=document["rule"],
        message=document["message"],
        first_at=datetime.fromisoformat(document["firstAt"]),
        last_at=datetime.fromisoformat(document["lastAt"]),
        count=document["count"],
        ended_at=_moment(document.get("endedAt")),
    )


def automation_view(document: Mapping[str, Any]) -> AutomationView:
    """Read what bounds automation in a scope."""
    pause: Mapping[str, Any] | None = document.get("pause")
    return AutomationView(
        scope=document["scope"],
        pause=None if pause is None else pause_view(pause),
        rules=tuple(_rule_sentences(document["rules"])),
        gates=tuple(
            (g["name"], g["isOn"], g["by"], datetime.fromisoformat(g["at"]), g.get("reason") or "")
            for g in document["gates"]
        ),
    )


def _rule_sentences(rules: Mapping[str, Any]) -> Iterator[str]:
    if rules.get("minServing") is not None:
        yield f"at least {rules['minServing']} serving after a move"
    limit = rules.get("moveLimit")
    if limit is not None:
        yield f"at most {limit['moves']} automatic moves in {limit['windowSeconds']:g} s"
    for gate in rules.get("gates") or ():
        yield f"gate {gate} must be on"
    for freeze in rules.get("freezes") or ():
        if freeze.get("startsAt"):
            when = f"from {freeze['startsAt']} to {freeze['endsAt']}"
        else:
            days = ", ".join(freeze["days"])
            when = f"on {days} from {freeze['start']} to {freeze['end']} ({freeze['timeZone']})"
        yield f"freeze {freeze['name']} {when}"


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
