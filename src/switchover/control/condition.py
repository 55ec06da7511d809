"""What this process can do now, as people and load balancers are told."""

from collections.abc import Callable, Sequence
from datetime import datetime

from switchover.control.ownership import Ownership
from switchover.control.selfwatch import SelfWatch
from switchover.control.storewatch import StoreWatch


class Condition:
    """Tells what keeps us from deciding.

    Args:
        runs: Says whether the proxies are loaded and passes run.
        watch: Knows how the store answers.
        ownership: Knows whether our session lasts.
        ourselves: Knows whether we believe what we see.
    """

    def __init__(
        self, *, runs: Callable[[], bool], watch: StoreWatch, ownership: Ownership, ourselves: SelfWatch
    ) -> None:
        self._runs = runs
        self._watch = watch
        self._ownership = ownership
        self._ourselves = ourselves

    @property
    def runs(self) -> bool:
        """Whether the proxies are loaded and passes run."""
        return self._runs()

    @property
    def stale_since(self) -> datetime | None:
        """Since when what we show may be outdated, because the store does not answer; None while it does."""
        return self._watch.away_since

    def doubts(self) -> Sequence[str]:
        """Why we make no automatic moves although we could, as sentences: we doubt what we see. Orders are taken."""
        doubt = self._ourselves.doubt
        return () if doubt is None else (f"{doubt} (since {_moment(self._ourselves.doubting_since)})",)

    def hindrances(self) -> Sequence[str]:
        """Why nothing is decided here at the moment, as sentences; empty when we can."""
        if not self._runs():
            return ("the proxies are not loaded yet, or this process is ending",)
        reasons: list[str] = []
        if self._watch.is_out:
            reasons.append(f"the store does not answer since {_moment(self._watch.away_since)}")
        if not self._ownership.is_valid:
            reasons.append(
                "this replica's session is over, the others decide; it is renewed as soon as the store answers"
            )
        return tuple(reasons)


def _moment(at: datetime | None) -> str:
    return "—" if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")
