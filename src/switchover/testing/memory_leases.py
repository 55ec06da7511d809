"""Sessions and leases in memory, by one clock that stands for the database's."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from switchover.model.clock import Clock
from switchover.model.lease import Fence, Lease, Member, Replica


@dataclass(slots=True)
class _Session:
    replica: Replica
    ends_at: float
    doubt: str | None


class MemoryLeases:
    """Who lives and who holds what. Nothing here waits, so each method is one transaction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[UUID, _Session] = {}
        self._fences: dict[str, Fence] = {}

    def renew(self, replica: Replica, session_seconds: float, doubt: str | None = None) -> Sequence[Member]:
        """Begin a session or let it last; everybody."""
        now = self._clock.monotonic()
        self._sessions[replica.replica_id] = _Session(replica, now + session_seconds, doubt)
        return [
            Member(replica=session.replica, seconds_left=session.ends_at - now, doubt=session.doubt)
            for session in self._sessions.values()
        ]

    def leave(self, replica_id: UUID) -> None:
        """End a session."""
        self._sessions.pop(replica_id, None)

    def fence(self, proxy_id: str) -> Fence | None:
        """Whose the proxy is, or last was."""
        return self._fences.get(proxy_id)

    def grant(self, proxy_id: str, replica_id: UUID) -> Fence:
        """The next lease on the proxy, to this replica."""
        former = self._fences.get(proxy_id)
        self._fences[proxy_id] = Fence(replica_id, 1 if former is None else former.token + 1)
        return self._fences[proxy_id]

    def claim(self, replica_id: UUID, proxy_ids: Collection[str]) -> Sequence[Lease]:
        """The leases on those that nobody live holds."""
        if not self._lives(replica_id):
            return []
        free = [
            proxy_id
            for proxy_id in proxy_ids
            if (holder := self._fences.get(proxy_id)) is None or not self._lives(holder.replica_id)
        ]
        return [Lease(proxy_id=proxy_id, fence=self.grant(proxy_id, replica_id)) for proxy_id in free]

    def hand_over(self, replica_id: UUID, heirs: Mapping[str, UUID]) -> None:
        """Give what is this replica's to its heirs."""
        for proxy_id, heir in heirs.items():
            if proxy_id in self._fences and self._fences[proxy_id].replica_id == replica_id:
                self.grant(proxy_id, heir)

    def is_valid(self, proxy_id: str, fence: Fence) -> bool:
        """Whether a write with this fence may be stored."""
        return self._fences.get(proxy_id) == fence and self._lives(fence.replica_id)

    def held_by(self, replica_id: UUID) -> frozenset[str]:
        """The proxies on which this replica has the lease."""
        return frozenset(p for p, fence in self._fences.items() if fence.replica_id == replica_id)

    def _lives(self, replica_id: UUID) -> bool:
        session = self._sessions.get(replica_id)
        return session is not None and session.ends_at > self._clock.monotonic()
