"""The guard that lets a move settle before the next one."""

from datetime import timedelta

from switchover.decision.reasons import BY_EVIDENCE, Reason
from switchover.decision.survey import Survey
from switchover.decision.verdict import Decision
from switchover.model.events import EventType, Trigger


def settle_first(survey: Survey, wanted: Decision) -> Decision | None:
    """The decision to wait until `min_dwell_seconds` after the last automatic move.

    A failover waits too: where every instance fails in turn, nothing else would bound how often a proxy moves. It never
    waits longer than that. What people order waits for nothing, and the first activation neither waits nor counts; nor does
    the way back of a move in steps wait, which is not through yet. A move from the future (the clock was set back) holds
    nothing up.
    """
    if wanted.reason not in BY_EVIDENCE - {Reason.FIRST_ACTIVE, Reason.GRADUAL_ABORTED}:
        return None
    dwell = timedelta(seconds=survey.view.proxy.policy.min_dwell_seconds)
    moved_at = max(
        (
            move.committed_at
            for move in survey.view.moves
            if move.trigger is Trigger.AUTOMATIC
            and move.event_type is not EventType.ACTIVATION
            and move.committed_at <= survey.now
        ),
        default=None,
    )
    if moved_at is None or survey.now >= moved_at + dwell:
        return None
    facts = {"seconds": (moved_at + dwell - survey.now).total_seconds()}
    return survey.hold(Reason.DWELLING, facts, detected_at=wanted.detected_at, recheck_at=moved_at + dwell)
