"""Moves away from an active that should not, or cannot, stay."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from switchover.decision.quorum import is_down, is_observed, votes_down
from switchover.decision.reasons import Reason
from switchover.decision.survey import Facts, Survey
from switchover.decision.verdict import Decision, DecisionKind
from switchover.decision.view import View
from switchover.model.instance import AdminState, Instance
from switchover.model.observation import Health


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cause:
    kind: DecisionKind
    reason: Reason
    facts: Facts = field(default_factory=dict)
    detected_at: datetime | None = None


def leave_active(survey: Survey) -> Decision | None:
    """The decision about an active that has failed, is gone or was ordered away; None when it may stay.

    An order (DRAIN, MAINTENANCE) comes before a failure and is not gated by `enable_auto_failover`. Without an
    eligible instance the last active is kept: a failed server may still answer, nothing certainly does not. A suspicion that
    too few observers share keeps it too.
    """
    view, policy = survey.view, survey.view.proxy.policy
    cause = _cause(view)
    if cause is None:
        return None
    if cause.reason is Reason.ACTIVE_UNHEALTHY and _was_forced(view):
        return survey.hold(Reason.FORCED, detected_at=cause.detected_at)
    if cause.reason is Reason.SUSPECTED:
        return survey.hold(cause.reason, cause.facts, detected_at=cause.detected_at)
    if cause.kind is DecisionKind.FAILOVER and not policy.enable_auto_failover:
        return survey.hold(Reason.AUTO_FAILOVER_DISABLED, cause.facts, detected_at=cause.detected_at)
    if not view.instances:
        return survey.hold(Reason.NO_INSTANCES)
    target = survey.best_standby
    if target is None:
        return survey.hold(Reason.NO_BACKUP, cause.facts, detected_at=cause.detected_at)
    return survey.move(cause.kind, cause.reason, target, cause.facts, detected_at=cause.detected_at)


def _cause(view: View) -> _Cause | None:
    active = view.active
    if active is None:
        return _Cause(kind=DecisionKind.FAILOVER, reason=Reason.ACTIVE_GONE)
    match active.admin_state:
        case AdminState.READY:
            return _failure(view, active)
        case AdminState.DRAIN:
            reason = Reason.ACTIVE_DRAINED
        case AdminState.MAINTENANCE:
            reason = Reason.ACTIVE_IN_MAINTENANCE
        case _:
            assert_never(active.admin_state)
    return _Cause(kind=DecisionKind.SWITCHOVER, reason=reason, detected_at=active.admin_changed_at)


def _was_forced(view: View) -> bool:
    """Whether an operator put the active where it is although it was unhealthy already; that is known for an hour."""
    active, last = view.active, view.moves[-1] if view.moves else None
    if active is None or last is None or active.health.changed_at is None:
        return False
    return (
        view.proxy.pinned_instance_id == active.instance_id == last.target_instance_id
        and active.health.changed_at <= last.committed_at
    )


def _failure(view: View, active: Instance) -> _Cause | None:
    if is_observed(view, active):
        return _failure_by_quorum(view, active)
    if not is_down(view, active):
        return None
    return _Cause(
        kind=DecisionKind.FAILOVER,
        reason=Reason.ACTIVE_UNHEALTHY,
        facts={"failures": active.health.consecutive_failures},
        detected_at=active.health.first_failed_at,
    )


def _failure_by_quorum(view: View, active: Instance) -> _Cause | None:
    down = votes_down(view, active)
    if not down:
        return None
    health, others = active.health, view.vantages.get(active.instance_id, ())
    seeing = [vantage for vantage in others if vantage.health is Health.UNHEALTHY]
    facts: Facts = {
        "failures": max(health.consecutive_failures, *(v.consecutive_failures for v in seeing), 0),
        "down": down,
        "agree": view.proxy.policy.quorum.agree,
        "observers": view.observers,
    }
    detected_at = health.first_failed_at or min((vantage.at for vantage in seeing), default=None)
    reason = Reason.ACTIVE_UNHEALTHY if is_down(view, active) else Reason.SUSPECTED
    return _Cause(kind=DecisionKind.FAILOVER, reason=reason, facts=facts, detected_at=detected_at)
