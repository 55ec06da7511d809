"""The Protocol by which replicas share the proxies between them. `StoreUnavailable` may be raised by every method."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from switchover.model.lease import Holding, Lease, Member, Replica


class Membership(Protocol):
    """Sessions and leases, by the clock of whatever keeps them: no replica's clock is compared with another's."""

    async def renew(
        self, replica: Replica, session_seconds: float, doubt: str | None = None
    ) -> Sequence[Member]:
        """Begin our session, or let it last for `session_seconds` from now; every replica that is known, we among them.

        `doubt` says why we do not believe what we see; the others are shown it until we renew without.
        A session that had ended begins anew, with those of our leases that nobody has taken meanwhile.
        """

    async def leave(self, replica_id: UUID) -> None:
        """End our session at once: our leases are free."""

    async def holdings(self) -> Sequence[Holding]:
        """Every proxy that is not deleted with its lease, by proxy id."""

    async def claim(self, replica_id: UUID, proxy_ids: Collection[str]) -> Sequence[Lease]:
        """Take the leases on those of the proxies on which no live replica has one; those that were taken.

        Nothing is taken while our own session is over.
        """

    async def hand_over(self, replica_id: UUID, heirs: Mapping[str, UUID]) -> None:
        """Give our lease on each proxy to its heir, if it is still ours; others are left alone."""
