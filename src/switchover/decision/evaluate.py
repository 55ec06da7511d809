"""The answer to "does this proxy need a failover?"."""

from datetime import datetime

from switchover.decision.decide import decide
from switchover.decision.reasons import BY_RULES, OUT_OF_SIGHT, Reason
from switchover.decision.survey import survey
from switchover.decision.verdict import Decision
from switchover.decision.view import View

_PUT_OFF = OUT_OF_SIGHT | BY_RULES


def evaluate(view: View, now: datetime) -> Decision:
    """What `decide` would do, with the reasons for a HOLD in the order that the API promises.

    That automatic failover is disabled is said first, then that there are no instances. A move that policy allows
    even then (an activation, a drain) is answered as it will happen, and one that a guard puts off as that.
    """
    decision = decide(view, now)
    if decision.acts or decision.reason in _PUT_OFF:
        return decision
    if not view.proxy.policy.enable_auto_failover:
        return survey(view, now).hold(Reason.AUTO_FAILOVER_DISABLED)
    if not view.instances:
        return survey(view, now).hold(Reason.NO_INSTANCES)
    return decision
