"""The first choice of an active instance."""

from datetime import timedelta

from switchover.decision.eligibility import well_since
from switchover.decision.reasons import Reason
from switchover.decision.strategy import in_order
from switchover.decision.survey import Survey
from switchover.decision.verdict import Decision, DecisionKind
from switchover.model.instance import AdminState, Instance
from switchover.model.observation import Health


def activate(survey: Survey) -> Decision:
    """Choose the first active: the strategy's best eligible instance.

    The choice waits while a better one has no verdict yet, so that the order in which first probes
    return does not decide who carries the traffic. It waits for one probe's deadline and one fast interval
    at the most, counted from when the first eligible instance became so.
    """
    if not survey.view.instances:
        return survey.hold(Reason.NO_INSTANCES)
    if not survey.eligible:
        return survey.hold(Reason.NONE_ELIGIBLE)
    policy = survey.view.proxy.policy
    patience = timedelta(seconds=policy.health_check_timeout_seconds + policy.fast_interval_seconds)
    wait_ends_at = min(well_since(instance) for instance in survey.eligible) + patience
    if survey.now < wait_ends_at and _awaits_better(survey):
        return survey.hold(Reason.AWAITING_VERDICTS, recheck_at=wait_ends_at)
    return survey.move(DecisionKind.ACTIVATE, Reason.FIRST_ACTIVE, survey.eligible[0])


def _awaits_better(survey: Survey) -> bool:
    order = in_order(survey.view, survey.view.instances)
    better = order[: order.index(survey.eligible[0])]
    return any(_may_become_eligible(survey, instance) for instance in better)


def _may_become_eligible(survey: Survey, instance: Instance) -> bool:
    carried = survey.view.proxy.policy.listener is not None
    return (
        instance.admin_state is AdminState.READY
        and instance.health.state is Health.UNKNOWN
        # The first probe resolves a name, but nothing gives an instance an address.
        and (instance.address is not None or not carried)
    )
