"""The part of a policy that keeps a proxy from moving too often: flap damping, and when a failback may happen."""

from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum

from switchover.model.errors import FieldProblem
from switchover.model.wall_clock import daily_spans, known_zone


@dataclass(frozen=True, slots=True, kw_only=True)
class FlapDamping:
    """How an instance that keeps falling is left alone, after RFC 2439.

    Each fall (a change to UNHEALTHY) adds 1 to the instance's flap score, which halves with every half-life. An instance
    whose score reaches the suppress limit is suppressed until the score has decayed to the reuse limit. The score never
    grows so high that this would take longer than the maximum hold.

    Attributes:
        enabled: Whether scores are kept and heeded at all.
        half_life_seconds: How long a score takes to halve.
        suppress_limit: The score, in falls, at which an instance is suppressed.
        reuse_limit: The score at which it is trusted again; below the suppress limit.
        max_hold_seconds: How long it is suppressed after its last fall at the most.
    """

    enabled: bool = True
    half_life_seconds: float = 120.0
    suppress_limit: float = 3.0
    reuse_limit: float = 1.0
    max_hold_seconds: float = 600.0

    @property
    def ceiling(self) -> float:
        """The highest score: the one that decays to the reuse limit within the maximum hold."""
        return float(self.reuse_limit * 2.0 ** (self.max_hold_seconds / self.half_life_seconds))


class FailbackMode(StrEnum):
    """Who moves a proxy back to its preferred instance."""

    NEVER = "never"
    MANUAL = "manual"
    AUTOMATIC = "automatic"


class AllDown(StrEnum):
    """What nodes do while no instance of a proxy could serve."""

    KEEP_LAST = "keep_last"
    SEND_TO_ALL = "send_to_all"
    FAIL_FAST = "fail_fast"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailbackWindow:
    """The part of each day in which an automatic failback may happen.

    Attributes:
        start: When it opens, on the clocks of the time zone.
        end: When it closes; not after `start` means on the next day.
        time_zone: A name of the IANA time zone database, such as `Europe/Berlin`.
    """

    start: time
    end: time
    time_zone: str = "UTC"

    def next_opening(self, now: datetime) -> datetime | None:
        """`now` while the window is open, else when it opens next; None when it never does.

        A window of which a change of clocks leaves nothing stays shut that day. It never opens where the time zone is
        not known: better no failback than one in the middle of the day.
        """
        zone = known_zone(self.time_zone)
        if zone is None:
            return None
        for _, opens, closes in daily_spans(self.start, self.end, zone, now, days_ahead=2):
            if opens < closes and now < closes:
                return max(opens, now)
        return None


def flap_damping_problems(damping: FlapDamping) -> tuple[FieldProblem, ...]:
    """What is wrong between the settings of the damping; both numbers are in the words."""
    problems: list[FieldProblem] = []
    if damping.reuse_limit >= damping.suppress_limit:
        problems.append(
            FieldProblem(
                "config.flapDamping.reuseLimit",
                damping.reuse_limit,
                f"allowed is less than flapDamping.suppressLimit, which is {damping.suppress_limit:g}",
            )
        )
    elif damping.ceiling < damping.suppress_limit:
        problems.append(
            FieldProblem(
                "config.flapDamping.maxHoldSeconds",
                damping.max_hold_seconds,
                f"with a half-life of {damping.half_life_seconds:g} s no score above {damping.ceiling:g} decays to the "
                f"reuseLimit in that time, so suppressLimit, which is {damping.suppress_limit:g}, would never be "
                "reached; allowed is a longer one",
            )
        )
    return tuple(problems)
