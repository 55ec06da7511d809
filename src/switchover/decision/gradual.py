"""Moves in steps: which move is made so, when its next step is due, and when it is taken back.

The move itself is committed whole, as any other: the target is the active from the first step on. The steps say only how
much of the traffic the nodes give it yet. Each is an epoch of its own, so that no node goes back to an earlier one.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from switchover.decision.quorum import is_down
from switchover.decision.reasons import Reason
from switchover.decision.rules import Breach, Rule
from switchover.decision.survey import Facts, Survey, standing_vetoes
from switchover.decision.verdict import Decision, DecisionKind
from switchover.decision.view import View
from switchover.model.gradual import GradualMove
from switchover.model.instance import AdminState, Instance
from switchover.model.observation import Health

_GRADUAL = frozenset(
    {(DecisionKind.FAILBACK, Reason.PREFERRED_IS_WELL), (DecisionKind.SWITCHOVER, Reason.MANUAL)}
)
"""What is moved in steps: both ends are well, and nobody waits. A drain, a drill and every failover is made at once."""


def begun(view: View, decision: Decision, now: datetime) -> GradualMove | None:
    """The first step of the move that `decision` makes; None where it is made at once.

    It is for a failback and an ordered switchover of a proxy that nodes carry, from and to instances that could both
    serve; one that was forced skips the steps. Where another move is under way in steps, the rest of the traffic comes from
    its source, which carries it; going back there needs no steps.
    """
    policy = view.proxy.policy
    source, target = _carrier(view), view.instance(decision.target_instance_id)
    if (
        policy.gradual is None
        or policy.listener is None
        or (decision.kind, decision.reason) not in _GRADUAL
        or "skipped" in decision.facts
        or source is None
        or target is None
        or source.instance_id == target.instance_id
        or standing_vetoes(view, source)
        or standing_vetoes(view, target)
    ):
        return None
    move = GradualMove(
        source_instance_id=source.instance_id,
        target_instance_id=target.instance_id,
        steps=policy.gradual.steps,
        since=now,
        requests=target.usage.total_requests,
        failures=target.usage.failed_requests,
    )
    return move if move.is_stepping else None


def follow(survey: Survey) -> Decision | None:
    """How the move goes on that is under way in steps: wait, the next step, the last one at once, or back to its source.

    It goes back as soon as the target is down, or answers too many errors since the step began, while the source could
    serve. The next step waits for the dwell and for a target that is HEALTHY. When the source could serve no more, or people
    took the steps out of the policy, the rest follows at once.

    Returns:
        None when no such move is under way, or when the active has to be left for another reason than this move.
    """
    view = survey.view
    move, target = view.gradual, view.active
    if move is None or target is None or target.admin_state is not AdminState.READY:
        return None
    source = view.instance(move.source_instance_id)
    serves = source is not None and not standing_vetoes(view, source)
    bad = _what_is_bad(view, move, target)
    if bad is not None and source is not None and serves:
        facts: Facts = {"share": move.share, "why": bad}
        detected_at = target.health.first_failed_at or survey.now
        return survey.move(
            DecisionKind.FAILOVER, Reason.GRADUAL_ABORTED, source, facts, detected_at=detected_at
        )
    if is_down(view, target):
        return None
    policy = view.proxy.policy.gradual
    if policy is None or not serves:
        return _step(survey, move, target, len(move.steps) - 1)
    if target.health.state is not Health.HEALTHY:
        return survey.hold(Reason.GRADUAL_WAITS, {"share": move.share, "instance": target.name})
    # While it was not HEALTHY it carried nothing.
    begun_at = max(move.since, target.health.changed_at or move.since)
    ends_at = begun_at + timedelta(seconds=policy.dwell_seconds)
    # Where the clock was set back, the step is over: it must not last for ever.
    if begun_at <= survey.now < ends_at:
        seconds = (ends_at - survey.now).total_seconds()
        return survey.hold(Reason.GRADUAL, {"share": move.share, "seconds": seconds}, recheck_at=ends_at)
    return _step(survey, move, target, move.step + 1)


def stay_while_paused(survey: Survey, wanted: Decision) -> Decision | None:
    """The decision to leave the traffic as it is shared while automation is paused."""
    if wanted.step is None:
        return None
    for scope, pause in survey.view.safety.pauses(survey.now):
        facts = {"by": pause.by, "reason": pause.reason}
        breach = Breach(rule=Rule.PAUSE, scope=scope, facts=facts, lifts_at=pause.until)
        return survey.hold(breach.reason, breach.named_facts, recheck_at=pause.until)
    return None


def _carrier(view: View) -> Instance | None:
    """Who carries the traffic, or most of it."""
    source = None if view.gradual is None else view.instance(view.gradual.source_instance_id)
    return view.active if source is None or standing_vetoes(view, source) else source


def _what_is_bad(view: View, move: GradualMove, target: Instance) -> str | None:
    if is_down(view, target):
        return f"{target.name} is down"
    policy = view.proxy.policy.gradual
    requests = target.usage.total_requests - move.requests
    failures = target.usage.failed_requests - move.failures
    if policy is None or requests < policy.min_requests or failures <= policy.max_error_rate * requests:
        return None
    return (
        f"{target.name} answered {failures} of {requests} requests with errors,"
        f" more than {policy.max_error_rate:.3g} of them"
    )


def _step(survey: Survey, move: GradualMove, target: Instance, number: int) -> Decision:
    step = replace(
        move,
        step=number,
        since=survey.now,
        requests=target.usage.total_requests,
        failures=target.usage.failed_requests,
    )
    policy = survey.view.proxy.policy.gradual
    again = survey.now + timedelta(seconds=policy.dwell_seconds) if policy and step.is_stepping else None
    held = survey.hold(Reason.GRADUAL_STEP, {"share": step.share}, recheck_at=again)
    return replace(held, step=step)
