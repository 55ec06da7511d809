"""Everything that a decision about one proxy may look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from switchover.decision.doubt import Doubt
from switchover.decision.rules import NO_SAFETY, Safety
from switchover.model.events import PastMove
from switchover.model.gradual import GradualMove
from switchover.model.instance import Instance
from switchover.model.proxy import Proxy
from switchover.model.vantage import Vantage


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One proxy at one moment.

    Attributes:
        proxy: Policy, active, epoch and pin.
        instances: Its registered instances, in any order. A deleted instance is not here.
        moves: The committed moves of the last hour, oldest first.
        connections: Live connections per instance, where the data plane tells; a missing instance has 0.
        store_is_away: Whether the store has not answered for a while, so that nothing can be put on record.
        is_drilling: Whether a drill is under way, which goes back by itself.
        rests_until: Until when automatic moves wait after the store has returned; None when they do not.
        safety: The pauses and rules that bind the proxy's moves.
        unseen: Instances that this process has yet to see itself: what is believed of them was loaded, or seen in doubt.
        unseen_until: Until when moves wait for that; None when they do not (any more).
        doubt: Why this replica does not believe what it sees; None while it does.
        vantages: How other replicas see each instance, where the policy asks for a quorum; fresh ones alone.
        observers: How many replicas look at the proxy's instances now, we among them.
        gradual: The move that is under way in steps, with more to come; None without one.
    """

    proxy: Proxy
    instances: tuple[Instance, ...]
    moves: tuple[PastMove, ...] = ()
    connections: Mapping[UUID, int] = field(default_factory=dict)
    store_is_away: bool = False
    rests_until: datetime | None = None
    safety: Safety = NO_SAFETY
    is_drilling: bool = False
    unseen: frozenset[UUID] = frozenset()
    unseen_until: datetime | None = None
    doubt: Doubt | None = None
    vantages: Mapping[UUID, tuple[Vantage, ...]] = field(default_factory=dict)
    observers: int = 1
    gradual: GradualMove | None = None

    def instance(self, instance_id: UUID | None) -> Instance | None:
        """The registered instance with this id; None when it is gone or none was asked for."""
        return next((i for i in self.instances if i.instance_id == instance_id), None)

    @property
    def active(self) -> Instance | None:
        """The active instance; None before the first activation, or when it is gone."""
        return self.instance(self.proxy.active_instance_id)
