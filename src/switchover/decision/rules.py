"""PURE: what the pauses and safety rules say about one move. The one place that knows.

The guards ask early, with what memory knows; the store asks in the transaction of the move, with what is stored. Both get
the answer from `breaches`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from switchover.decision.reasons import Reason, sentence
from switchover.model.errors import Conflict
from switchover.model.events import EventType, Trigger
from switchover.model.instance import AdminState, Instance
from switchover.model.observation import Health
from switchover.model.rules import (
    FLEET,
    FLEET_GATE_PREFIX,
    Pause,
    SafetyRules,
    Scope,
    ScopeStanding,
    scope_of_proxy,
    scope_of_user,
)


class Rule(StrEnum):
    """What can be in the way of a move."""

    PAUSE = "pause"
    FREEZE = "freeze"
    GATE = "gate"
    MOVE_LIMIT = "move_limit"
    MIN_SERVING = "min_serving"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One rule that a move would break.

    Attributes:
        rule: Which.
        scope: Whose rule it is.
        facts: The numbers and names that its sentence needs.
        lifts_at: When time alone makes it pass; None when somebody has to do something.
    """

    rule: Rule
    scope: Scope
    facts: Mapping[str, int | float | str]
    lifts_at: datetime | None = None

    @property
    def sentence(self) -> str:
        """The words for people."""
        return sentence(self.reason, self.named_facts)

    @property
    def reason(self) -> Reason:
        """The reason of a HOLD for it."""
        return _REASONS[self.rule]

    @property
    def named_facts(self) -> Mapping[str, int | float | str]:
        """The facts, and whose rule it is, for the reason's sentence."""
        return {**self.facts, "scope": _reach(self.scope)}

    def as_json(self) -> dict[str, Any]:
        """This breach in the API's names."""
        lifts_at = None if self.lifts_at is None else self.lifts_at.isoformat().replace("+00:00", "Z")
        return {
            "rule": self.rule.value,
            "reasonCode": self.reason.value,
            "scope": str(self.scope),
            "message": self.sentence,
            "facts": dict(self.facts),
            "liftsAt": lifts_at,
        }


_REASONS: Mapping[Rule, Reason] = {
    Rule.PAUSE: Reason.PAUSED,
    Rule.FREEZE: Reason.FROZEN,
    Rule.GATE: Reason.GATE_OFF,
    Rule.MOVE_LIMIT: Reason.MOVE_LIMIT_REACHED,
    Rule.MIN_SERVING: Reason.TOO_FEW_SERVING,
}


class MoveBlocked(Conflict):
    """Safety rules are in the way of a move, and nothing was stored.

    Attributes:
        breaches: Which, at least one.
        latest: As in `Safety`, for every move limit that was looked at.
    """

    def __init__(self, found: Sequence[Breach], latest: Mapping[Scope, datetime] | None = None) -> None:
        words = "; ".join(breach.sentence for breach in found)
        super().__init__(
            f"blocked by a safety rule: {words}. An admin may override it: order the move with force and a reason",
            {"rules": [breach.as_json() for breach in found], "override": "force"},
        )
        self.breaches = tuple(found)
        self.latest: Mapping[Scope, datetime] = latest or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """Everything that is set for one proxy: the fleet's, its user's and its own.

    Attributes:
        standings: From the widest scope to the narrowest; a proxy's rules are those of its policy.
        latest: Each scope with a move limit, and when the automatic move was committed that is as many moves ago as the limit
            allows; a scope with fewer moves is missing.
    """

    standings: tuple[ScopeStanding, ...] = ()
    latest: tuple[tuple[Scope, datetime], ...] = ()

    def with_latest(self, latest: Mapping[Scope, datetime]) -> "Safety":
        """The same with these counts."""
        return replace(self, latest=tuple(latest.items()))

    def pauses(self, now: datetime) -> tuple[tuple[Scope, Pause], ...]:
        """The pauses in force, the widest first."""
        found = ((standing.scope, standing.pause) for standing in self.standings)
        return tuple((scope, pause) for scope, pause in found if pause is not None and pause.holds(now))

    def is_on(self, gate: str) -> bool:
        """Whether the gate that a rule names so is on; one that nobody set is off."""
        kind = 0 if gate.startswith(FLEET_GATE_PREFIX) else 1
        standing = self.standings[kind] if len(self.standings) > kind else None
        known = None if standing is None else standing.gate(gate.removeprefix(FLEET_GATE_PREFIX))
        return known is not None and known.is_on


NO_SAFETY = Safety()


def safety_of(
    proxy_id: str,
    owner_id: str,
    rules: SafetyRules,
    standings: Mapping[Scope, ScopeStanding],
    latest: Mapping[Scope, datetime] | None = None,
) -> Safety:
    """What is set for a proxy with these `rules` of its own, from everything that is set anywhere."""
    own, user = scope_of_proxy(proxy_id), scope_of_user(owner_id)
    pause = standings[own].pause if own in standings else None
    return Safety(
        standings=(
            standings.get(FLEET, ScopeStanding(scope=FLEET)),
            standings.get(user, ScopeStanding(scope=user)),
            ScopeStanding(scope=own, pause=pause, rules=rules),
        ),
        latest=tuple((latest or {}).items()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedMove:
    """What the rules look at of a move.

    Attributes:
        trigger: MANUAL when a person ordered it.
        event_type: What kind of move.
        leaves_dead: Whether the active that it leaves is gone or UNHEALTHY, so that staying serves nobody.
        serving_after: How many instances are HEALTHY and READY once it is made.
    """

    trigger: Trigger
    event_type: EventType
    leaves_dead: bool
    serving_after: int


def wanted_move(
    trigger: Trigger, event_type: EventType, source: Instance | None, instances: Iterable[Instance]
) -> WantedMove:
    """The move away from `source` (None when it is gone) as the rules see it."""
    return WantedMove(
        trigger=trigger,
        event_type=event_type,
        leaves_dead=source is None or source.health.state is Health.UNHEALTHY,
        serving_after=sum(1 for instance in instances if is_serving(instance)),
    )


def is_serving(instance: Instance) -> bool:
    """Whether the instance counts as one that serves: HEALTHY, and nobody ordered it away."""
    return instance.health.state is Health.HEALTHY and instance.admin_state is AdminState.READY


def counts(trigger: Trigger, event_type: EventType) -> bool:
    """Whether a move counts towards the move limits: every automatic one but the first active of a proxy."""
    return trigger is Trigger.AUTOMATIC and event_type not in {EventType.ACTIVATION, EventType.RECOVERY}


def breaches(move: WantedMove, safety: Safety, now: datetime) -> tuple[Breach, ...]:
    """Every rule that `move` would break at `now`, in the order of `Rule` and from the widest scope to the narrowest.

    A pause and the move limits bind automation alone. Freezes, gates and the number of serving instances bind people
    too, who may skip them (`force`). Of a proxy that has no active nothing is moved, so its first activation is bound by
    a pause alone. The number of serving instances does not bind a move away from an active that serves nobody: it would
    make an outage of a shortage.
    """
    found: list[Breach] = []
    automatic = move.trigger is Trigger.AUTOMATIC
    if automatic:
        found += _paused(safety, now)
    if move.event_type is not EventType.ACTIVATION:
        found += _frozen(safety, now)
        found += _gated(safety)
        if automatic:
            found += _limited(safety, now)
        if not move.leaves_dead:
            found += _short(safety, move.serving_after)
    return tuple(found)


def lifts_at(found: Sequence[Breach], now: datetime) -> datetime | None:
    """When to look again: the earliest moment at which time alone changes something; None when it does not."""
    return min((b.lifts_at for b in found if b.lifts_at is not None and b.lifts_at > now), default=None)


def limits(safety: Safety) -> Iterator[tuple[Scope, SafetyRules]]:
    """The scopes that limit the number of moves, the widest first."""
    return ((s.scope, s.rules) for s in safety.standings if s.rules.move_limit is not None)


def _paused(safety: Safety, now: datetime) -> Iterator[Breach]:
    for scope, pause in safety.pauses(now):
        facts = {"by": pause.by, "reason": pause.reason}
        yield Breach(rule=Rule.PAUSE, scope=scope, facts=facts, lifts_at=pause.until)


def _frozen(safety: Safety, now: datetime) -> Iterator[Breach]:
    for standing in safety.standings:
        for freeze in standing.rules.freezes:
            ends_at = freeze.ends_after(now)
            if ends_at is not None:
                until = ends_at.isoformat(timespec="seconds").replace("+00:00", "Z")
                facts = {"freeze": freeze.name, "until": until}
                yield Breach(rule=Rule.FREEZE, scope=standing.scope, facts=facts, lifts_at=ends_at)


def _gated(safety: Safety) -> Iterator[Breach]:
    for standing in safety.standings:
        for gate in standing.rules.gates:
            # What the fleet names is the fleet's, with the prefix or without.
            named = f"{FLEET_GATE_PREFIX}{gate.removeprefix(FLEET_GATE_PREFIX)}"
            if not safety.is_on(named if standing.scope == FLEET else gate):
                yield Breach(rule=Rule.GATE, scope=standing.scope, facts={"gate": gate})


def _limited(safety: Safety, now: datetime) -> Iterator[Breach]:
    counted = dict(safety.latest)
    for scope, rules in limits(safety):
        limit, latest = rules.move_limit, counted.get(scope)
        if limit is not None and latest is not None and now < latest + limit.window:
            facts = {"moves": limit.moves, "seconds": limit.window_seconds}
            yield Breach(rule=Rule.MOVE_LIMIT, scope=scope, facts=facts, lifts_at=latest + limit.window)


def _short(safety: Safety, serving: int) -> Iterator[Breach]:
    for standing in safety.standings:
        needed = standing.rules.min_serving
        if needed is not None and serving < needed:
            facts = {"serving": serving, "needed": needed}
            yield Breach(rule=Rule.MIN_SERVING, scope=standing.scope, facts=facts)


def _reach(scope: Scope) -> str:
    return "the fleet" if scope == FLEET else f"{scope.kind.value} {scope.name}"
