"""Replicas, and the leases by which each owns some of the proxies.

A replica keeps one session alive in the database; its leases are valid while that session is. So renewing
costs one row for each replica, however many proxies it owns.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Fence:
    """What an owner's every write carries; the store refuses one that is outdated.

    Attributes:
        replica_id: Who writes.
        token: The number of the lease under which what is written was believed: +1 whenever the owner changes.
    """

    replica_id: UUID
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A replica's ownership of one proxy, valid while the replica's session is."""

    proxy_id: str
    fence: Fence


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One run of a switchover process.

    Attributes:
        replica_id: Of this run; a restarted process is another replica.
        name: For people.
        url: Where the other replicas reach its API.
        started_at: Wall clock of its machine, UTC.
    """

    replica_id: UUID
    name: str
    url: str
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A replica as the database sees it.

    Attributes:
        replica: Who.
        seconds_left: Of its session, by the database's clock; 0 or less when it has ended.
        doubt: Why it does not believe what it sees, in its own words; None while it does.
    """

    replica: Replica
    seconds_left: float
    doubt: str | None = None

    @property
    def is_live(self) -> bool:
        """Whether its leases are valid."""
        return self.seconds_left > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One proxy, and the lease that stands on it.

    Attributes:
        proxy_id: A proxy that is not deleted.
        fence: Whose it is, or last was; None when it never was anybody's.
    """

    proxy_id: str
    fence: Fence | None
