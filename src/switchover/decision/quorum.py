"""What several observers make of an instance: one alone can only suspect.

Every observer counts by itself, with the policy's thresholds, and has one vote. The owner's own vote is what it believes;
the others' are in the view as long as they are fresh and their replica lives.
"""

from switchover.decision.view import View
from switchover.model.instance import Instance
from switchover.model.observation import Health
from switchover.model.policy import CheckType, FailoverPolicy

_PROBED = frozenset({CheckType.TCP, CheckType.HTTP, CheckType.TLS, CheckType.GRPC})


def is_probed(policy: FailoverPolicy) -> bool:
    """Whether instances are asked, so that what is believed of them depends on who looks."""
    return policy.health_check.type in _PROBED


def asks_observers(policy: FailoverPolicy) -> bool:
    """Whether several replicas probe the instances: the policy wants it, and they can be probed from anywhere.

    A missed heartbeat and a report are the same wherever they are heard.
    """
    return policy.quorum.is_on and is_probed(policy)


def is_observed(view: View, instance: Instance) -> bool:
    """Whether a DOWN of this instance needs a quorum."""
    return asks_observers(view.proxy.policy) and instance.address is not None


def own_vote(view: View, instance: Instance) -> bool:
    """Whether we see it down: UNHEALTHY with as many failures as the policy asks for. One report is not enough."""
    health = instance.health
    return (
        health.state is Health.UNHEALTHY
        and health.consecutive_failures >= view.proxy.policy.unhealthy_threshold
    )


def votes_down(view: View, instance: Instance) -> int:
    """How many observers see it down, we among them. What was loaded is another's vote, which is not cast twice."""
    others = view.vantages.get(instance.instance_id, ())
    ours = own_vote(view, instance) and instance.instance_id not in view.unseen
    return ours + sum(vantage.health is Health.UNHEALTHY for vantage in others)


def is_down(view: View, instance: Instance) -> bool:
    """Whether it counts as down: by our own vote, or by as many as must agree where a quorum is asked for."""
    if not is_observed(view, instance):
        return own_vote(view, instance)
    return votes_down(view, instance) >= view.proxy.policy.quorum.agree


def is_down_elsewhere(view: View, instance: Instance) -> bool:
    """Whether a quorum sees it down that we see well."""
    return is_observed(view, instance) and is_down(view, instance)
