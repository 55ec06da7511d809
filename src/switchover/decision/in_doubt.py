"""The guard that doubts ourselves: when it is likelier that we cannot see than that all of them died, nothing is decided."""

from datetime import timedelta

from switchover.decision.reasons import BY_EVIDENCE
from switchover.decision.survey import Survey
from switchover.decision.verdict import Decision

MOST_SECONDS_BETWEEN_LOOKS = 5.0
"""How soon a move that was put off is looked at again at the latest: a doubt ends by what is seen of other proxies."""


def hold_in_doubt(survey: Survey, wanted: Decision) -> Decision | None:
    """The decision to leave a move for what probes saw while this replica doubts itself.

    What people ordered (a drain, a deletion) waits for no evidence, and so not for this either.
    """
    doubt = survey.view.doubt
    if doubt is None or wanted.reason not in BY_EVIDENCE:
        return None
    interval = survey.view.proxy.policy.health_check_interval_seconds
    again = survey.now + timedelta(seconds=min(interval, MOST_SECONDS_BETWEEN_LOOKS))
    return survey.hold(doubt.reason, doubt.facts, detected_at=wanted.detected_at, recheck_at=again)
