"""The guards of pauses and safety rules: what a move would break puts it off, and the HOLD tells what was wanted."""

from collections.abc import Sequence
from dataclasses import replace

from switchover.decision.rules import (
    Breach,
    Rule,
    Safety,
    WantedMove,
    breaches,
    counts,
    lifts_at,
    limits,
    wanted_move,
)
from switchover.decision.survey import Survey
from switchover.decision.verdict import EVENT_TYPES, BlockedWish, Decision, DecisionKind, trigger_of
from switchover.decision.view import View
from switchover.model.rules import ScopeKind


def stop_while_paused(survey: Survey, wanted: Decision) -> Decision | None:
    """The decision to leave an automatic move while automation is paused."""
    found = [breach for breach in would_break(survey, wanted) if breach.rule is Rule.PAUSE]
    return blocked(survey, wanted, found) if found else None


def obey_rules(survey: Survey, wanted: Decision) -> Decision | None:
    """The decision to leave a move that would break a safety rule."""
    found = would_break(survey, wanted)
    return blocked(survey, wanted, found) if found else None


def would_break(survey: Survey, wanted: Decision) -> tuple[Breach, ...]:
    """What `wanted` would break, as far as memory knows; the store looks again."""
    view = survey.view
    return breaches(move_of(view, wanted), known_safety(view), survey.now)


def blocked(survey: Survey, wanted: Decision, found: Sequence[Breach]) -> Decision:
    """The HOLD in the place of `wanted`, with what was wanted and what was in the way."""
    first = found[0]
    held = survey.hold(
        first.reason,
        first.named_facts,
        detected_at=wanted.detected_at,
        recheck_at=lifts_at(found, survey.now),
    )
    wish = BlockedWish(
        kind=wanted.kind,
        reason=wanted.reason,
        facts=wanted.facts,
        target_instance_id=wanted.target_instance_id,
        breaches=tuple(found),
    )
    return replace(held, blocked=wish)


def move_of(view: View, wanted: Decision) -> WantedMove:
    """What the rules look at of `wanted`."""
    if wanted.kind is DecisionKind.HOLD:
        raise ValueError("a HOLD moves nothing")
    return wanted_move(trigger_of(wanted.reason), EVENT_TYPES[wanted.kind], view.active, view.instances)


def known_safety(view: View) -> Safety:
    """What is set, with the proxy's own moves counted."""
    safety = view.safety
    latest = dict(safety.latest)
    for scope, rules in limits(safety):
        if scope.kind is ScopeKind.PROXY and rules.move_limit is not None:
            counted = [m.committed_at for m in view.moves if counts(m.trigger, m.event_type)]
            if len(counted) >= rules.move_limit.moves:
                at = counted[-rules.move_limit.moves]
                latest[scope] = max(at, latest.get(scope, at))
    return safety.with_latest(latest)
