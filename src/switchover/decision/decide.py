"""The automatic decision about one proxy."""

from dataclasses import replace
from datetime import datetime

from switchover.decision.activation import activate
from switchover.decision.failback import fail_back
from switchover.decision.failover import leave_active
from switchover.decision.gradual import follow
from switchover.decision.guards import guarded
from switchover.decision.reasons import Reason
from switchover.decision.survey import Survey, survey
from switchover.decision.verdict import Decision
from switchover.decision.view import View


def decide(view: View, now: datetime) -> Decision:
    """What should be done about the proxy now, by its policy.

    Without an active: activation. While a move is under way in steps: how it goes on. Else, if the active should not
    stay: failover or switchover. Else: failback. What the policy wants, a guard may put off. The same view and time give the same decision. A HOLD changes with new evidence,
    or at its `recheck_at`.
    """
    seen = survey(view, now)
    return guarded(seen, _by_policy(seen))


def _by_policy(seen: Survey) -> Decision:
    if seen.view.proxy.active_instance_id is None:
        return activate(seen)
    if (goes_on := follow(seen)) is not None:
        return goes_on
    left = leave_active(seen)
    if left is None:
        return fail_back(seen)
    if left.reason is Reason.SUSPECTED:
        # That somebody cannot see the active keeps nobody from a better one.
        back = fail_back(seen)
        return back if back.acts else replace(left, recheck_at=back.recheck_at)
    return left
