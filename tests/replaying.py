"""Whether a decision, stored as its evidence, is made again."""

import json
from datetime import datetime

from switchover.control.evidence import evidence_of, record_of
from switchover.control.replay import replay
from switchover.decision.verdict import Decision
from switchover.decision.view import View


def check_replay(view: View, decision: Decision, now: datetime) -> None:
    """Assert that `decision` on `view` replays to itself through JSON."""
    evidence = evidence_of(view, decision, now, sightings={}, actor="switchover", reason="")
    record = record_of(json.loads(json.dumps(evidence)))
    assert record.view == view
    outcome = replay(record)
    assert outcome.is_same, (outcome.refusal, outcome.differences)
