"""The part of a policy that keeps a proxy from moving too often: flap damping, and when a failback may happen."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from switchover.model.errors import FieldProblem

_DAY = timedelta(days=1)


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

        A time that a change of clocks skips is read on the clock before it, so an hour later; one that comes twice, the
        first time. A window of which the change leaves nothing stays shut that day. It never opens where the time zone
        is not known: better no failback than one in the middle of the day.
        """
        zone = known_zone(self.time_zone)
        if zone is None:
            return None
        today = now.astimezone(zone).date()
        last_day = today + 3 * _DAY
        day = today - _DAY
        while day < last_day:
            closing_day = day if self.start < self.end else day + _DAY
            opens = datetime.combine(day, self.start, zone).astimezone(now.tzinfo)
            closes = datetime.combine(closing_day, self.end, zone).astimezone(now.tzinfo)
            if opens < closes and now < closes:
                return max(opens, now)
            day += _DAY
        return None


def known_zone(name: str) -> ZoneInfo | None:
    """The time zone of this name; None when this machine's time zone database has none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
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
