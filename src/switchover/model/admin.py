"""The admin order: what people want an instance to be, why, and until when."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Optional

MOST_ORDERS = 8
"""How many orders may lie on top of each other, each to end before the one below it."""

DEFAULT_DRAIN_SECONDS = 300.0
MOST_DRAIN_SECONDS = 3600.0


class AdminState(StrEnum):
    """What people ordered."""

    READY = "ready"
    DRAIN = "drain"
    MAINTENANCE = "maintenance"

    @property
    def takes_traffic_away(self) -> bool:
        """Whether an instance in this state is to carry nothing new."""
        return self is not AdminState.READY


class DrainState(StrEnum):
    """How far an instance that was ordered away is.

    DRAINING: it carries traffic still, or has requests open. IDLE: nothing is open on it. DEADLINE_PASSED: its time was
    over before that was so, or was known.
    """

    DRAINING = "draining"
    IDLE = "idle"
    DEADLINE_PASSED = "deadline_passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminOrder:
    """One order about one instance.

    Attributes:
        state: What was ordered.
        actor: Name of who ordered it.
        reason: Why, in their words; None when nobody said.
        ordered_at: When.
        expires_at: When it reverts by itself to `before`; None when it stands until the next order.
        drain_timeout_seconds: How long requests that are open on the instance may take once its traffic has moved, 0 to
            `MOST_DRAIN_SECONDS`.
        drained_at: When the waiting for them ended; None while it goes on, and for READY.
        left_open: How many were open then; None when nobody could tell.
        epoch: The proxy's epoch under which nodes knew the instance when it was taken out: as long as they know it by
            that, they count what is still open there.
        before: The order that is in force again once this one has expired; None means READY, as registered.
    """

    state: AdminState
    actor: str
    reason: str | None = None
    ordered_at: datetime
    expires_at: datetime | None = None
    drain_timeout_seconds: float = DEFAULT_DRAIN_SECONDS
    drained_at: datetime | None = None
    left_open: int | None = None
    epoch: int = 0
    before: Optional["AdminOrder"] = None

    def lasts_beyond(self, moment: datetime | None) -> bool:
        """Whether it is still in force after `moment`; None is the end of time."""
        return self.expires_at is None or (moment is not None and moment < self.expires_at)

    def standing_at(self, now: datetime) -> Optional["AdminOrder"]:
        """This order, or the one below it that is still in force at `now`; None when none is."""
        order: AdminOrder | None = self
        while order is not None and not order.lasts_beyond(now):
            order = order.before
        return order

    @property
    def drain_state(self) -> DrainState | None:
        """How far the instance is; None for READY."""
        if not self.state.takes_traffic_away:
            return None
        if self.drained_at is None:
            return DrainState.DRAINING
        return DrainState.IDLE if self.left_open == 0 else DrainState.DEADLINE_PASSED

    @property
    def depth(self) -> int:
        """How many orders there are, this one and those below it."""
        return 1 if self.before is None else 1 + self.before.depth


def laid_upon(order: AdminOrder, standing: AdminOrder | None) -> AdminOrder:
    """`order`, which takes the place of `standing` and remembers what of it will be in force again afterwards.

    An order without an end leaves nothing to come back to. What ends before `order` does is over by then. Where nodes
    count an instance that was out already, they go on counting.
    """
    below = standing if order.expires_at is not None else None
    while below is not None and not below.lasts_beyond(order.expires_at):
        below = below.before
    if standing is not None and standing.state.takes_traffic_away and order.state.takes_traffic_away:
        order = replace(
            order, epoch=standing.epoch, drained_at=standing.drained_at, left_open=standing.left_open
        )
    return replace(order, before=below)


def reverted(order: AdminOrder, now: datetime) -> AdminOrder | None:
    """What is in force once `order` has expired at `now`; None is READY."""
    standing = order.standing_at(now)
    if standing is None or standing is order:
        return standing
    if standing.state.takes_traffic_away and order.state.takes_traffic_away:
        return replace(standing, epoch=order.epoch, drained_at=order.drained_at, left_open=order.left_open)
    return replace(standing, drained_at=None, left_open=None)
