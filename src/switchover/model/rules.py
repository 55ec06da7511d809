"""What bounds automation: scopes, pauses, and the safety rules with their gates and freezes.

A rule is data here; `decision.rules` says what each of them forbids.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from switchover.model.wall_clock import daily_spans, known_zone

FLEET_GATE_PREFIX = "fleet/"
"""How a rule of a user or a proxy names a gate of the fleet."""


class ScopeKind(StrEnum):
    """How far a pause or a rule reaches."""

    FLEET = "fleet"
    USER = "user"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything, the proxies of one user, or one proxy.

    Attributes:
        kind: Which of the three.
        name: The user or the proxy; empty for the fleet.
    """

    kind: ScopeKind
    name: str = ""

    def __str__(self) -> str:
        return self.kind.value if self.kind is ScopeKind.FLEET else f"{self.kind.value}:{self.name}"


FLEET = Scope(ScopeKind.FLEET)


def scope_of_user(user_id: str) -> Scope:
    """The proxies of one user."""
    return Scope(ScopeKind.USER, user_id)


def scope_of_proxy(proxy_id: str) -> Scope:
    """One proxy."""
    return Scope(ScopeKind.PROXY, proxy_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Automation is stopped: nothing moves unless a person orders it.

    Attributes:
        by: Who paused it.
        reason: Why, in their words.
        since: Since when.
        until: When it ends by itself; None until somebody resumes it.
    """

    by: str
    reason: str
    since: datetime
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is in force at `now`."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveLimit:
    """At most `moves` automatic moves (1 or more) within any `window_seconds`."""

    moves: int
    window_seconds: float

    @property
    def window(self) -> timedelta:
        """How long a move counts."""
        return timedelta(seconds=self.window_seconds)


class Weekday(StrEnum):
    """A day of the week."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


_DAYS = tuple(Weekday)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """A span of time in which nothing moves: once (`starts_at`, `ends_at`), or each week (`days`, `start`, `end`).

    Attributes:
        name: What people call it; unique within its rules.
        starts_at: Of a single span: its first moment; None in a weekly one.
        ends_at: Of a single span: the first moment after it; None in a weekly one.
        days: Of a weekly one: the days on which it begins.
        start: When it begins, by the wall clock of `time_zone`.
        end: When it ends; not after `start` means the day after. The same time as `start` is a whole day.
        time_zone: An IANA name such as Europe/Berlin. Where this machine does not know it, UTC is taken.
    """

    name: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    days: tuple[Weekday, ...] = ()
    start: time = time()
    end: time = time()
    time_zone: str = "UTC"

    def ends_after(self, now: datetime) -> datetime | None:
        """When the span that `now` is in ends; None when it is in none."""
        if self.starts_at is not None and self.ends_at is not None:
            return self.ends_at if self.starts_at <= now < self.ends_at else None
        zone = known_zone(self.time_zone) or UTC
        for day, begins, ends in daily_spans(self.start, self.end, zone, now):
            if _DAYS[day.weekday()] in self.days and begins <= now < ends:
                return ends
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyRules:
    """What must hold after a move, or there is none.

    Attributes:
        min_serving: How many instances of the proxy must be HEALTHY and READY, 1 or more; None for any number.
        move_limit: How many automatic moves there may be within which time; None for any number.
        gates: Names of the gates that must be on. `fleet/NAME` is the fleet's gate, `NAME` the user's.
        freezes: When nothing moves.
    """

    min_serving: int | None = None
    move_limit: MoveLimit | None = None
    gates: tuple[str, ...] = ()
    freezes: tuple[Freeze, ...] = ()


NO_RULES = SafetyRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A named switch. A gate that nobody ever set is off.

    Attributes:
        name: Unique among the gates of its user, or of the fleet.
        is_on: Whether automation may pass.
        by: Who set it last.
        at: When.
        reason: Why, in their words; None when they gave none.
    """

    name: str
    is_on: bool
    by: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeStanding:
    """What people have set in one scope.

    Attributes:
        scope: Which.
        pause: As it was set, in force or expired; None without one.
        rules: Of the fleet or a user. A proxy's own rules are part of its policy.
        gates: Of the fleet or a user, by name.
    """

    scope: Scope
    pause: Pause | None = None
    rules: SafetyRules = NO_RULES
    gates: tuple[Gate, ...] = field(default=())

    @property
    def is_empty(self) -> bool:
        """Whether nothing is set."""
        return self == ScopeStanding(scope=self.scope)

    def gate(self, name: str) -> Gate | None:
        """The gate of this name; None when nobody set it."""
        return next((gate for gate in self.gates if gate.name == name), None)

    def with_gate(self, name: str, gate: Gate | None) -> tuple[Gate, ...]:
        """The gates once `gate` has taken the place of the one called `name`; None takes that away."""
        kept = [other for other in self.gates if other.name != name]
        return tuple(sorted((*kept, *([gate] if gate else [])), key=lambda each: each.name))
