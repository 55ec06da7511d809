"""The Protocol between us and one data-plane node."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from switchover.model.plan import Plan, Receipt, TrafficEvidence


class NodeState(StrEnum):
    """How a node stands to us."""

    CONNECTED = "connected"
    AWAY = "away"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """One node, for `status`.

    Attributes:
        node_id: Its name.
        state: Connected or away.
        replica: What the replica is called that it is connected to; None while it is away, or when there is but one.
        rejections: proxy id → the node's own words about what it refused and still refuses.
    """

    node_id: str
    state: NodeState
    rejections: dict[str, str]
    replica: str | None = None


class Driver(Protocol):
    """Steers one node. Holds the desired configuration of every proxy and gives it to the node whenever it connects."""

    @property
    def node_id(self) -> str:
        """The node's name."""

    async def start(self, plans: Sequence[Plan]) -> None:
        """Open for the node with all of `plans` at once. Before this nothing is answered: an empty answer wipes a node."""

    async def apply(self, plan: Plan, timeout_seconds: float) -> Receipt:
        """Make `plan` the desired configuration of its proxy and wait until the node has answered.

        APPLIED when the node acknowledges all of it, or reconnects and already has it. REJECTED with the node's own
        words when it refuses a part. TIMED_OUT after `timeout_seconds`, or when a newer plan of the proxy took its
        place; the plan stays desired. Calling again sends again what the node has not acknowledged.
        """

    async def withdraw(self, proxy_id: str) -> None:
        """Take the proxy off the node; returns at once. The node is told as soon as it listens."""

    async def observe(self) -> Sequence[TrafficEvidence]:
        """Wait for the node's next account of its traffic and return it."""

    async def newer_epoch(self) -> tuple[str, int]:
        """Wait until the node is found to have acknowledged an epoch above the desired one: proxy id and that epoch.

        It means that our store is behind (a restored backup).
        """

    async def came_or_went(self) -> None:
        """Wait until the node has come to us or gone from us since the last call, or since the beginning."""

    def send_away(self) -> None:
        """End the node's streams once, so that it looks for another replica. If it comes back, it is served."""

    def status(self) -> NodeStatus:
        """How the node stands now."""
