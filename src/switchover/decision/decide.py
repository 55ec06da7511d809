"""The automatic decision about one proxy."""

from datetime import datetime, timedelta

from switchover.decision.activation import activate
from switchover.decision.failback import fail_back
from switchover.decision.failover import leave_active
from switchover.decision.reasons import Reason
from switchover.decision.survey import Survey, survey
from switchover.decision.verdict import Decision
from switchover.decision.view import View

_BY_EVIDENCE = frozenset({Reason.FIRST_ACTIVE, Reason.ACTIVE_UNHEALTHY, Reason.PREFERRED_IS_WELL})
"""Moves for what probes saw. What people ordered (a drain, a deletion) waits for no evidence."""


def decide(view: View, now: datetime) -> Decision:
    """What should be done about the proxy now, by its policy.

    Without an active: activation. Else, if the active should not stay: failover or switchover. Else: failback.
    The same view and time give the same decision. A HOLD changes with new evidence, or at its `recheck_at`.
    """
    seen = survey(view, now)
    decision = _by_policy(seen)
    if decision.acts and decision.reason in _BY_EVIDENCE:
        return _rest(seen, decision) or decision
    return decision


def _by_policy(seen: Survey) -> Decision:
    if seen.view.proxy.active_instance_id is None:
        return activate(seen)
    return leave_active(seen) or fail_back(seen)


def _rest(seen: Survey, wanted: Decision) -> Decision | None:
    """The decision to leave what is wanted for later; None when it need not be.

    What kept us from the store may have kept us from the instances too. So when the store is back, one check cycle
    passes before anybody is moved for what was seen meanwhile.
    """
    view, now = seen.view, seen.now
    if view.store_is_away:
        again = now + timedelta(seconds=view.proxy.policy.health_check_interval_seconds)
        return seen.hold(Reason.STORE_AWAY, detected_at=wanted.detected_at, recheck_at=again)
    if view.rests_until is not None and now < view.rests_until:
        facts = {"seconds": (view.rests_until - now).total_seconds()}
        return seen.hold(
            Reason.STORE_RETURNED, facts, detected_at=wanted.detected_at, recheck_at=view.rests_until
        )
    return None
