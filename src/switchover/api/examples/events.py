"""The event of the examples, and what becomes of it."""

from switchover.api.examples.things import (
    CANDIDATES,
    DAY,
    EVENT_ID,
    FIRST_ID,
    SECOND_ID,
    Json,
)

EVENT: Json = {
    "id": EVENT_ID,
    "proxyId": "web",
    "eventType": "failover",
    "status": "completed",
    "trigger": "automatic",
    "sourceInstanceId": FIRST_ID,
    "targetInstanceId": SECOND_ID,
    "reason": "Active instance unhealthy (3 failures)",
    "reasonCode": "active_unhealthy",
    "errorMessage": None,
    "epoch": 2,
    "actor": "switchover",
    "evidence": {
        "evidenceVersion": 2,
        "strategy": "priority",
        "generation": 1,
        "epoch": 1,
        "actor": "switchover",
        "reason": "Active instance unhealthy (3 failures)",
        "facts": {"failures": 3},
        "candidates": CANDIDATES,
    },
    "durationMs": 9.4,
    "stages": {
        "detectedAt": f"{DAY}12:00:00.250Z",
        "decidedAt": f"{DAY}12:00:00.251Z",
        "committedAt": f"{DAY}12:00:00.255Z",
        "appliedAt": f"{DAY}12:00:00.260Z",
        "verifiedAt": f"{DAY}12:00:01.104Z",
    },
    "createdAt": f"{DAY}12:00:00.251Z",
    "completedAt": f"{DAY}12:00:00.260Z",
    "scheduledAt": None,
    "drillId": None,
    "forced": False,
    "skipped": [],
}

ORDERED: Json = {
    **EVENT,
    "eventType": "switchover",
    "status": "in_progress",
    "trigger": "manual",
    "reason": "Kernel update",
    "reasonCode": "manual",
    "actor": "root",
    "evidence": {"strategy": "priority", "generation": 1, "facts": {}, "candidates": []},
    "durationMs": None,
    "stages": {**EVENT["stages"], "appliedAt": None, "verifiedAt": None},
    "completedAt": None,
}
