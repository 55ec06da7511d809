"""PURE: how the store has been answering. Moments are seconds on the monotonic clock: a wall clock that somebody sets must
neither end a rest nor make it last.
"""

from dataclasses import dataclass, replace

OUTAGE_SECONDS = 2.0
"""A silence as long as this is an outage, after which automatic moves rest for one check cycle. It is longer than
any of our own second tries (a renewal after 0.5 s, a pass after 1 s), so that a lock, a deadlock or a connection
that was closed costs nothing; and shorter than what a database takes to fail over or restart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStanding:
    """What is known of the store.

    Attributes:
        answered_at: When it answered last.
        away_since: When it ceased to answer; None while it does.
        returned_at: When its last outage ended; None if there was none.
    """

    answered_at: float
    away_since: float | None = None
    returned_at: float | None = None

    def failed(self, began: float) -> "StoreStanding":
        """This, once a call that was made at `began` has failed."""
        if self.away_since is not None:
            return self
        # A call may hang for long before it fails, while others are answered.
        return replace(self, away_since=max(began, self.answered_at))

    def answered(self, at: float) -> "StoreStanding":
        """This, once a call was answered at `at`."""
        returned_at = at if self.is_out(at) else self.returned_at
        return StoreStanding(answered_at=at, returned_at=returned_at)

    def is_out(self, at: float) -> bool:
        """Whether the store has been silent for so long that it counts."""
        return self.away_since is not None and at - self.away_since >= OUTAGE_SECONDS

    def rest_left(self, at: float, cycle_seconds: float) -> float:
        """For how many seconds automatic moves of a proxy with this check cycle still rest; 0 when they do not."""
        return 0.0 if self.returned_at is None else max(0.0, self.returned_at + cycle_seconds - at)
