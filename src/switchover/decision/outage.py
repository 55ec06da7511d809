"""The guard that rests after the store was away: what kept us from it may have kept us from the instances too."""

from datetime import timedelta

from switchover.decision.reasons import BY_EVIDENCE, Reason
from switchover.decision.survey import Survey
from switchover.decision.verdict import Decision


def rest_after_outage(survey: Survey, wanted: Decision) -> Decision | None:
    """The decision to leave a move for what probes saw until one check cycle after the store is back.

    What people ordered (a drain, a deletion) waits for no evidence, and so not for this either.
    """
    if wanted.reason not in BY_EVIDENCE:
        return None
    view, now = survey.view, survey.now
    if view.store_is_away:
        again = now + timedelta(seconds=view.proxy.policy.health_check_interval_seconds)
        return survey.hold(Reason.STORE_AWAY, detected_at=wanted.detected_at, recheck_at=again)
    if view.rests_until is not None and now < view.rests_until:
        facts = {"seconds": (view.rests_until - now).total_seconds()}
        return survey.hold(
            Reason.STORE_RETURNED, facts, detected_at=wanted.detected_at, recheck_at=view.rests_until
        )
    return None
