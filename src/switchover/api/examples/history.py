"""Successes of the operations that explain, and list what happened."""

from collections.abc import Mapping

from switchover.api.examples.events import EVENT
from switchover.api.examples.things import CANDIDATES, DAY, FIRST_ID, SAMPLE_ID, SECOND_ID, Json

_SIGHTING: Json = {
    "vantage": "r1",
    "instanceId": FIRST_ID,
    "instanceName": "web-1",
    "outcome": "fail",
    "code": "connect_refused",
    "detail": "connection refused",
    "startedAt": f"{DAY}12:00:00.249Z",
    "endedAt": f"{DAY}12:00:00.250Z",
}

_EXPLANATION: Json = {
    "words": [
        "Failover of web from web-1 to web-2, completed in 9 ms (epoch 2).",
        "Why: Active instance unhealthy (3 failures); decided by switchover itself at 2026-01-31 12:00:00.251Z.",
        "Nodes: embedded applied it after 5 ms.",
    ],
    "event": EVENT,
    "sightings": [_SIGHTING],
    "nodeAnswers": [{"nodeId": "embedded", "kind": "applied", "detail": "", "at": f"{DAY}12:00:00.260Z"}],
    "evidence": {**EVENT["evidence"], "record": {"at": f"{DAY}12:00:00.251Z"}},
    "notReplayable": None,
}

_STANDING: Json = {
    "words": ["web stays on web-2: No failover needed."],
    "proxyId": "web",
    "at": f"{DAY}12:10:00Z",
    "epoch": 2,
    "generation": 1,
    "decision": {
        "kind": "hold",
        "reason": "No failover needed",
        "reasonCode": "no_failover_needed",
        "sourceInstanceId": SECOND_ID,
        "targetInstanceId": None,
        "facts": {},
        "detectedAt": None,
        "waitsUntil": None,
    },
    "candidates": CANDIDATES,
    "sightings": [_SIGHTING],
    "hindrances": [],
    "owner": None,
    "openEvent": None,
    "lastEvent": EVENT,
    "rejections": {},
}

_TRANSITION: Json = {
    "id": SAMPLE_ID,
    "proxyId": "web",
    "instanceId": FIRST_ID,
    "at": f"{DAY}12:00:00.250Z",
    "fromStatus": "healthy",
    "toStatus": "unhealthy",
    "reason": "fall_reached",
    "code": "connect_refused",
    "consecutiveFailures": 3,
    "consecutivePasses": 0,
    "firstFailedAt": f"{DAY}11:59:58.250Z",
}

_ENTRY: Json = {
    "id": SAMPLE_ID,
    "at": f"{DAY}11:00:00Z",
    "actor": "ann",
    "actorKind": "person",
    "action": "instance.order",
    "proxyId": "web",
    "subjectId": FIRST_ID,
    "detail": {"from": "drain", "to": "ready"},
}


SUCCESSES: Mapping[str, Json] = {
    "explainFailoverEvent": {"data": _EXPLANATION},
    "explainFailover": {"data": _STANDING},
    "listHealthTransitions": {"data": [_TRANSITION], "count": 1},
    "listAudit": {"data": [_ENTRY], "count": 1},
}
