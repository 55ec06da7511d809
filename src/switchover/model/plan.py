"""The plan: what every node that carries a proxy should do, and the receipt it answers with."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from switchover.model.policy import BalancingAlgorithm, Listener, Traffic
from switchover.model.steadiness import AllDown


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An instance as a node sees it: an IP address, never a name."""

    instance_id: UUID
    host: str
    port: int
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """An instance that was taken out of the traffic: nothing new goes there, but what is open there is counted.

    While it is listed, a node turns to it only when everybody else has failed it.

    Attributes:
        endpoint: Where it is.
        epoch: Under which nodes knew it; they go on counting as long as they are told the same.
    """

    endpoint: Endpoint
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that a node needs to carry one proxy. Equal plans are the same configuration.

    Attributes:
        proxy_id: The proxy.
        epoch: Its epoch; part of what a node acknowledges.
        listener: Where to accept traffic.
        traffic: How to treat a request.
        tiers: Endpoints by precedence. The first tier carries the traffic; a later one only when every earlier one
            refuses. Whoever is not eligible is in none.
        balancing: How the first tier shares the traffic; None when one instance carries it all.
        autonomous: Whether the node may move on by itself when the active refuses (outlier detection, retries on
            later tiers). False sends the active alone.
        exclusive: Whether a move must break before it makes.
        all_down: What to do when the node itself believes that nobody listed could serve. The tiers say already what
            follows from what we believe.
        drained: Who was ordered away and may have requests open still, as long as that is waited for.
    """

    proxy_id: str
    epoch: int
    listener: Listener
    traffic: Traffic
    tiers: tuple[tuple[Endpoint, ...], ...]
    balancing: BalancingAlgorithm | None
    autonomous: bool
    exclusive: bool
    all_down: AllDown = AllDown.KEEP_LAST
    drained: tuple[Drained, ...] = ()


class Phase(StrEnum):
    """What a plan is carried out in: only an exclusive move has more than the last."""

    BREAK = "break"
    MAKE = "make"


class ReceiptKind(StrEnum):
    """What a node answered."""

    APPLIED = "applied"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A node's answer to a plan.

    Attributes:
        node_id: The node.
        proxy_id: The proxy.
        epoch: The epoch of the plan that was answered.
        phase: Which phase of the plan.
        kind: APPLIED, REJECTED or TIMED_OUT (which says nothing about what the node did).
        detail: The node's own words for a rejection; what was waited for otherwise.
        heard_at: When the one who decides heard it (wall clock, UTC); None while it is on its way.
    """

    node_id: str
    proxy_id: str
    epoch: int
    kind: ReceiptKind
    detail: str = ""
    phase: Phase = Phase.MAKE
    heard_at: datetime | None = None

    @property
    def is_applied(self) -> bool:
        """Whether the node does what it was told."""
        return self.kind is ReceiptKind.APPLIED

    @property
    def is_silence(self) -> bool:
        """Whether the node said nothing."""
        return self.kind is ReceiptKind.TIMED_OUT


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTraffic:
    """What one instance carried on one node since the node's previous account.

    Attributes:
        instance_id: The instance.
        epoch: The epoch that the node had applied when it sent these requests there.
        successes: Requests answered without an error.
        errors: Requests answered 5xx, reset or timed out.
        in_progress: Requests or connections open now.
        node_id: The node; empty where that does not matter.
    """

    instance_id: UUID
    epoch: int
    successes: int
    errors: int
    in_progress: int
    node_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficEvidence:
    """One node's account of the traffic of one proxy."""

    node_id: str
    proxy_id: str
    endpoints: tuple[EndpointTraffic, ...]
