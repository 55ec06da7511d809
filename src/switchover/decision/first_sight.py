"""The guard of the first check cycle: what was loaded, somebody saw long ago perhaps; what was seen in doubt, nobody did."""

from switchover.decision.reasons import BY_EVIDENCE, Reason
from switchover.decision.survey import Facts, Survey
from switchover.decision.verdict import Decision


def wait_for_first_sight(survey: Survey, wanted: Decision) -> Decision | None:
    """The decision to leave a move until we have seen both ends of it ourselves, one check cycle at the most.

    The ends are the active and the target, where what is believed of them was loaded (after a start, or with a proxy that
    another replica owned before), or was seen while we doubted ourselves. Whoever was registered since has no verdict
    that is not ours, so that a new proxy waits for nothing.
    """
    view = survey.view
    if wanted.reason not in BY_EVIDENCE or view.unseen_until is None or survey.now >= view.unseen_until:
        return None
    ends = {wanted.source_instance_id, wanted.target_instance_id}
    unseen = sorted(i.name for i in view.instances if i.instance_id in ends & view.unseen)
    if not unseen:
        return None
    facts: Facts = {
        "instances": ", ".join(unseen),
        "seconds": (view.unseen_until - survey.now).total_seconds(),
    }
    return survey.hold(
        Reason.NOT_SEEN_YET, facts, detected_at=wanted.detected_at, recheck_at=view.unseen_until
    )
