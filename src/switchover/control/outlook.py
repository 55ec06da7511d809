"""PURE: what one replica sees of everything it looks at, and whether that is to be believed.

Moments are seconds on the monotonic clock, given by the caller.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from switchover.decision.doubt import Doubt
from switchover.decision.reasons import Reason

LAG_SECONDS = 2.0
"""How long a replica that was late doubts itself; what it saw meanwhile may be its own fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtRules:
    """When a replica doubts itself.

    Attributes:
        percent: Of the instances that it looked at since the first of them failed, more than this share fails; 0 to 100,
            and 100 never doubts.
        window_seconds: Failures that began longer ago are believed, above 0.
        fewest: With fewer instances looked at nothing is concluded from their number, 1 or more.
        lag_seconds: By how much its loop may be late, above 0.
    """

    percent: float = 50.0
    window_seconds: float = 120.0
    fewest: int = 10
    lag_seconds: float = 1.0


class Outlook:
    """Remembers, of each instance, whether it answered last, and since when it does not.

    Whether many fail *at once* is asked of those that were looked at since the first of them began to: what was seen
    before says nothing about our eyes now. So a network that dies is noticed as soon as `fewest` instances were asked, be
    there thousands that answered a moment earlier.
    """

    def __init__(self, rules: DoubtRules) -> None:
        self._rules = rules
        # Each by when it was last put in, the latest at the end.
        self._failing: dict[UUID, float] = {}
        self._answering: dict[UUID, float] = {}
        self._believed_dead: set[UUID] = set()
        self._references: dict[UUID, bool] = {}
        self._late = (float("-inf"), 0.0)

    def answered(self, instance: UUID, at: float) -> None:
        """Take note that an instance passed a probe."""
        if self._answering.pop(instance, None) is None:
            self.forget(instance)
        self._answering[instance] = at

    def failed(self, instance: UUID, *, since: float) -> None:
        """Take note that an instance failed a probe, and that its failures began at `since`."""
        if instance in self._failing or instance in self._believed_dead:
            return
        self.forget(instance)
        self._failing[instance] = since

    def forget(self, instance: UUID) -> None:
        """Look at an instance no more."""
        self._failing.pop(instance, None)
        self._answering.pop(instance, None)
        self._believed_dead.discard(instance)

    def reference(self, target: UUID, *, answers: bool) -> None:
        """Take note of what a reference target did."""
        self._references[target] = answers

    def was_late(self, seconds: float, at: float) -> None:
        """Take note that the loop was late by `seconds`."""
        if seconds > self._rules.lag_seconds:
            self._late = (at, seconds)

    def unasked(self) -> Sequence[UUID]:
        """Whom to look at now, because some began to fail and too few were looked at since: those seen longest ago."""
        if not self._failing or len(self._failing) + len(self._answering) < self._rules.fewest:
            return ()
        first = min(self._failing.values())
        missing = self._rules.fewest - len(self._failing)
        for _ in self._answering_since(first):
            missing -= 1
            if missing <= 0:
                return ()
        return tuple(islice(self._answering, max(0, missing)))

    def doubt(self, at: float) -> Doubt | None:
        """Why what we see is not to be believed; None when it is."""
        return self._blind() or self._lagging(at) or self._many_fail(at)

    def _blind(self) -> Doubt | None:
        if not self._references or any(self._references.values()):
            return None
        return Doubt(reason=Reason.REFERENCES_FAIL, facts={"references": len(self._references)})

    def _lagging(self, at: float) -> Doubt | None:
        late_at, seconds = self._late
        if at - late_at > LAG_SECONDS:
            return None
        return Doubt(reason=Reason.LOOP_LAGS, facts={"seconds": round(seconds, 3)})

    def _many_fail(self, at: float) -> Doubt | None:
        if self._failing:
            self._believe_old(at)
        if not self._failing:
            return None
        failing = len(self._failing)
        first, most = min(self._failing.values()), failing * 100 / max(self._rules.percent, 0.001)
        seen = failing
        for _ in self._answering_since(first):
            seen += 1
            if seen >= most and seen >= self._rules.fewest:
                # So many answer that the share cannot be reached any more.
                return None
        if seen < self._rules.fewest or failing * 100 <= self._rules.percent * seen:
            return None
        facts = {"failing": failing, "seen": seen, "seconds": round(at - first, 3)}
        return Doubt(reason=Reason.MANY_FAIL, facts=facts)

    def _believe_old(self, at: float) -> None:
        old = [key for key, since in self._failing.items() if at - since >= self._rules.window_seconds]
        for key in old:
            del self._failing[key]
            self._believed_dead.add(key)

    def _answering_since(self, first: float) -> Iterator[UUID]:
        for key in reversed(self._answering):
            if self._answering[key] < first:
                return
            yield key
