"""What is ours to decide. Alone, every proxy is; among replicas, those on which we hold a valid lease."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from switchover.control.fleet import Fleet
from switchover.control.rendezvous import preferred_order, preferred_owner
from switchover.decision.quorum import asks_observers
from switchover.model.clock import Clock
from switchover.model.errors import OwnedElsewhere
from switchover.model.lease import Holding, Member, Replica

TRUSTED_SHARE = 0.9
"""How much of a session we trust: we stop deciding before it ends, because clocks may run at different speeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What should change hands.

    Attributes:
        claims: Proxies that nobody holds and that should be ours.
        heirs: Proxy that is ours → the live replica whose it should be.
    """

    claims: tuple[str, ...] = ()
    heirs: Mapping[str, UUID] = field(default_factory=dict)


class Ownership:
    """Knows our session and who owns what; does no I/O.

    A lease is held from when it is loaded (`ProxyState.fence`) until another replica is seen to have it. It is
    valid only while our session certainly is, by our monotonic clock.

    Args:
        fleet: Its states carry the fences of what we hold.
        clock: Its monotonic clock measures the session.
        replica: Who we are among others; None when we are alone.
        session_seconds: How long a session lasts, above 0.
    """

    def __init__(
        self, *, fleet: Fleet, clock: Clock, replica: Replica | None = None, session_seconds: float = 10.0
    ) -> None:
        self._fleet = fleet
        self._clock = clock
        self.session_seconds = session_seconds
        self._valid_until = float("-inf")
        self._renewed_at = float("-inf")
        self._failing_since: datetime | None = None
        self._members: Mapping[UUID, Member] = {}
        self._live: frozenset[UUID] = frozenset()
        self._sound: frozenset[UUID] = frozenset()
        self._owners: Mapping[str, UUID] = {}
        self.replica = replica

    @property
    def replica_id(self) -> UUID | None:
        """Who we are; None when we are alone."""
        return None if self.replica is None else self.replica.replica_id

    @property
    def name(self) -> str | None:
        """What people call us; None when we are alone."""
        return None if self.replica is None else self.replica.name

    @property
    def members(self) -> Sequence[Member]:
        """Every replica as last seen; empty when we are alone."""
        return tuple(self._members.values())

    @property
    def seen_ago(self) -> float:
        """How long ago the members were seen: seconds since our session was renewed, infinite before that."""
        return self._clock.monotonic() - self._renewed_at

    @property
    def failing_since(self) -> datetime | None:
        """Since when our session could not be renewed; None while it can."""
        return self._failing_since

    @property
    def counts(self) -> Mapping[UUID, int]:
        """Replica → how many proxies it owns, as last seen; ours as it is."""
        counts = Counter(owner for owner in self._owners.values() if owner != self.replica_id)
        if self.replica_id is not None:
            counts[self.replica_id] = sum(1 for state in self._fleet if self.owns(state.proxy.proxy_id))
        return counts

    @property
    def is_valid(self) -> bool:
        """Whether we may decide: our session certainly lasts, or we are alone."""
        return self.replica is None or self._clock.monotonic() < self._valid_until

    def holds(self, proxy_id: str) -> bool:
        """Whether the proxy is ours as far as we know, be our session valid or not."""
        if self.replica is None:
            return True
        return proxy_id in self._fleet and self._fleet.state(proxy_id).fence is not None

    def owns(self, proxy_id: str) -> bool:
        """Whether we may decide about the proxy now."""
        return self.is_valid and self.holds(proxy_id)

    def check(self, proxy_id: str) -> None:
        """Refuse what only the owner may do.

        Raises:
            OwnedElsewhere: We are not; it names who is, if anybody is known.
        """
        if not self.owns(proxy_id):
            raise OwnedElsewhere(proxy_id, self.owner_url(proxy_id))

    def check_new(self, proxy_id: str) -> None:
        """Refuse to create what would change hands at once.

        Raises:
            OwnedElsewhere: Another replica should own a proxy of this id; it names it.
        """
        home = self._members.get(preferred_owner(proxy_id, self._able) or _NOBODY)
        if home is not None and home.replica.replica_id != self.replica_id:
            raise OwnedElsewhere(proxy_id, home.replica.url)

    def owner_url(self, proxy_id: str) -> str | None:
        """Where the API of the proxy's owner is as far as we know, or of who should own it while nobody is known to;
        None when that is us.
        """
        live = self._live
        holder = self._owners.get(proxy_id)
        owner = holder if holder in live else preferred_owner(proxy_id, self._able)
        if owner is None or owner == self.replica_id:
            return None
        return self._members[owner].replica.url

    def owner_name(self, proxy_id: str) -> str | None:
        """What the proxy's owner is called, as last seen; None for nobody."""
        if self.replica is not None and self.holds(proxy_id):
            return self.replica.name
        member = self._members.get(self._owners.get(proxy_id, _NOBODY))
        return None if member is None else member.replica.name

    def name_of(self, replica_id: UUID) -> str | None:
        """What this replica is called, if it lives."""
        member = self._members.get(replica_id)
        return member.replica.name if member is not None and member.is_live else None

    def renewed(self, asked_at: float, members: Iterable[Member]) -> bool:
        """Take note of a renewal that was asked for at `asked_at` (monotonic); whether who lives or doubts has changed."""
        before = self._live, self._able
        self._renewed_at, self._failing_since = asked_at, None
        self._valid_until = asked_at + self.session_seconds * TRUSTED_SHARE
        self._know({member.replica.replica_id: member for member in members})
        return (self._live, self._able) != before

    def not_renewed(self) -> None:
        """Take note that our session could not be renewed."""
        self._failing_since = self._failing_since or self._clock.now()

    def gave(self, heirs: Mapping[str, UUID]) -> None:
        """Take note of whose these proxies are since we handed them over."""
        self._owners = {**self._owners, **heirs}

    def ended(self) -> None:
        """Our session is over: we gave it back."""
        self._valid_until = float("-inf")
        self._know({i: member for i, member in self._members.items() if i != self.replica_id})

    def shares(self, holdings: Iterable[Holding]) -> Shares:
        """Who owns what now, and what should change hands so that everybody has what is preferred.

        Free is what nobody ever held, or whose holder lives no more. Whoever doubts itself gives what it has to those who
        do not; while all of them doubt, nothing changes hands but what is free.
        """
        live, able = self._live, self._able
        all_doubt = not self._sound
        owners: dict[str, UUID] = {}
        claims: list[str] = []
        heirs: dict[str, UUID] = {}
        for holding in holdings:
            holder = None if holding.fence is None else holding.fence.replica_id
            if holder is not None:
                owners[holding.proxy_id] = holder
            heir = preferred_owner(holding.proxy_id, able)
            if heir is None or heir == holder:
                continue
            if holder == self.replica_id:
                if all_doubt:
                    continue
                heirs[holding.proxy_id] = heir
            elif heir == self.replica_id and holder not in live:
                claims.append(holding.proxy_id)
        self._owners = owners
        return Shares(claims=tuple(claims), heirs=heirs)

    def others(self) -> frozenset[UUID]:
        """The live replicas but us; those that doubt themselves only if all of them do."""
        others = self._live - {self.replica_id}
        return (others & self._sound) or others

    def observers(self, proxy_id: str, count: int) -> frozenset[UUID]:
        """Who looks at the proxy's instances: its owner and those who should own it next, `count` if so many live."""
        live = self._live
        owner = self.replica_id if self.holds(proxy_id) else self._owners.get(proxy_id)
        order = [owner] if owner in live else []
        order += [r for r in preferred_order(proxy_id, live) if r != owner]
        return frozenset(order[:count])

    def observes(self, proxy_id: str) -> bool:
        """Whether we look at the instances of another's proxy for its owner, because its policy asks for a quorum."""
        if self.replica_id is None or self.holds(proxy_id) or proxy_id not in self._fleet:
            return False
        policy = self._fleet.state(proxy_id).proxy.policy
        return asks_observers(policy) and self.replica_id in self.observers(proxy_id, policy.quorum.observers)

    @property
    def _able(self) -> frozenset[UUID]:
        """Who should own proxies: who does not doubt itself, or everybody when all do."""
        return self._sound or self._live

    def _know(self, members: Mapping[UUID, Member]) -> None:
        self._members = members
        self._live = frozenset(i for i, member in members.items() if member.is_live)
        self._sound = frozenset(i for i in self._live if members[i].doubt is None)


_NOBODY = UUID(int=0)
