"""What the service answers with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from switchover.decision.verdict import Decision
from switchover.model.events import FailoverEvent
from switchover.model.instance import Instance, Standing
from switchover.model.lease import Replica
from switchover.model.policy import Strategy
from switchover.model.proxy import Proxy
from switchover.model.redundancy import RedundancyStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedConfiguration:
    """A stored configuration, and whether its proxy was created by it."""

    proxy: Proxy
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceState:
    """An instance and what it is to its proxy now."""

    instance: Instance
    standing: Standing


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
        decision: What the cycle would decide now, with its evidence.
        rejections: Node id → the node's own words about what it refuses of this proxy.
        owner: The replica that decides about it, by name; None when nobody does, or there is but one process.
    """

    proxy: Proxy
    instances: tuple[InstanceState, ...]
    redundancy: RedundancyStatus
    open_event: FailoverEvent | None
    decision: Decision
    rejections: Mapping[str, str]
    owner: str | None


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
