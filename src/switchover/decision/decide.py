"""The automatic decision about one proxy."""

from datetime import datetime

from switchover.decision.activation import activate
from switchover.decision.failback import fail_back
from switchover.decision.failover import leave_active
from switchover.decision.guards import guarded
from switchover.decision.survey import Survey, survey
from switchover.decision.verdict import Decision
from switchover.decision.view import View


def decide(view: View, now: datetime) -> Decision:
    """What should be done about the proxy now, by its policy.

    Without an active: activation. Else, if the active should not stay: failover or switchover. Else: failback. What the
    policy wants, a guard may put off. The same view and time give the same decision. A HOLD changes with new evidence,
    or at its `recheck_at`.
    """
    seen = survey(view, now)
    return guarded(seen, _by_policy(seen))


def _by_policy(seen: Survey) -> Decision:
    if seen.view.proxy.active_instance_id is None:
        return activate(seen)
    return leave_active(seen) or fail_back(seen)
