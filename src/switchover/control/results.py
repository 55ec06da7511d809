"""What the service answers with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from switchover.decision.damping import Damping
from switchover.decision.verdict import Decision
from switchover.model.blocked import BlockedMove
from switchover.model.drills import Drill
from switchover.model.events import FailoverEvent
from switchover.model.instance import Instance, Standing
from switchover.model.lease import Replica
from switchover.model.policy import Strategy
from switchover.model.proxy import Proxy
from switchover.model.redundancy import RedundancyStatus
from switchover.model.rules import Pause, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedConfiguration:
    """A stored configuration, and whether its proxy was created by it."""

    proxy: Proxy
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceState:
    """An instance, what it is to its proxy now, and how it is damped.

    Attributes:
        instance: As registered and measured.
        standing: What it is to its proxy.
        damping: Whether and until when it is left alone.
        open_requests: How many requests or connections nodes have open there; None where nobody tells.
        drain_deadline: Until when those are waited for; None when they are not, or its traffic has not moved yet.
        recovery: How its recovery stands; None while there is none.
    """

    instance: Instance
    standing: Standing
    damping: Damping
    open_requests: int | None = None
    drain_deadline: datetime | None = None
    recovery: "RecoveryState | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryState:
    """An open recovery.

    Attributes:
        event_id: Its event.
        action: What is called.
        attempt: The attempt that is under way or was the last; 0 before the first.
        most_attempts: How many there will be at the most.
        is_under_way: Whether its answer is awaited.
        next_at: When the next attempt is due, or the recovery is given up after the last; None while that is open.
        detail: What the last attempt came to; None before that.
    """

    event_id: UUID
    action: str
    attempt: int
    most_attempts: int
    is_under_way: bool
    next_at: datetime | None
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What the policy says about a proxy at this moment; nothing was changed."""

    proxy_id: str
    decision: Decision
    strategy: Strategy

    @property
    def should_failover(self) -> bool:
        """Whether the active instance should change."""
        return self.decision.acts


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyOverview:
    """One proxy whole.

    Attributes:
        proxy: Policy, active, epoch, pin.
        instances: By preference.
        redundancy: As derived or declared.
        open_event: The move whose outcome is missing; None without one.
        scheduled_event: The switchover of which the time has not come; None without one.
        drill: The drill that has not ended; None without one.
        decision: What the cycle would decide now, with its evidence.
        rejections: Node id → the node's own words about what it refuses of this proxy.
        owner: The replica that decides about it, by name; None when nobody does, or there is but one process.
        is_all_down: Whether no instance could serve, so that the policy's `all_down` is in force.
        pauses: What stops automation for it, the widest scope first; empty while it runs.
        blocked: The move that is wanted and that a rule blocks; None without one.
    """

    proxy: Proxy
    instances: tuple[InstanceState, ...]
    redundancy: RedundancyStatus
    open_event: FailoverEvent | None
    scheduled_event: FailoverEvent | None
    drill: Drill | None
    decision: Decision
    rejections: Mapping[str, str]
    owner: str | None
    is_all_down: bool
    pauses: tuple[tuple[Scope, Pause], ...] = ()
    blocked: BlockedMove | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyPage:
    """A page of proxies by id.

    Attributes:
        items: At most as many as were asked for.
        next_after: Give it as `after` for the next page; None on the last.
        total: How many there are for this caller.
    """

    items: Sequence[ProxyOverview]
    next_after: str | None
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaState:
    """One of several replicas as this one knows it.

    Attributes:
        replica: Which.
        is_self: Whether it is the one that answers.
        is_live: Whether its session lasts, so that it may decide about its proxies.
        proxies_owned: How many it decides about.
        seconds_since_renewal: Since it last renewed its session.
        failing_since: Since when it cannot renew it; known of oneself alone.
        doubt: Why it does not believe what it sees, so that it moves nothing by itself; None while it does.
    """

    replica: Replica
    is_self: bool
    is_live: bool
    proxies_owned: int
    seconds_since_renewal: float
    failing_since: datetime | None
    doubt: str | None
