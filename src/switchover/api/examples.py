"""A success of every operation, as the OpenAPI document shows it."""

from collections.abc import Mapping
from typing import Any

from switchover.control.documents import parse_policy, policy_document

Json = dict[str, Any]

_FIRST_ID = "01980f3c-0000-7000-8000-000000000001"
_SECOND_ID = "01980f3c-0000-7000-8000-000000000002"
_EVENT_ID = "01980f3c-0000-7000-8000-000000000007"
_SAMPLE_ID = "01980f3c-0000-7000-8000-000000000009"
_REPLICA_ID = "01980f3c-0000-7000-8000-000000000011"
_DAY = "2026-01-31T"
_SETTINGS = {
    "healthCheckIntervalSeconds": 1,
    "healthCheck": {"type": "http", "path": "/health"},
    "listener": {"address": "127.0.0.1", "port": 10000, "protocol": "http"},
}


def _configuration(active: str | None, epoch: int) -> Json:
    return {
        "proxyId": "web",
        "ownerId": "ann",
        "config": policy_document(parse_policy(_SETTINGS)),
        "activeInstanceId": active,
        "pinnedInstanceId": None,
        "pin": None,
        "epoch": epoch,
        "generation": 1,
        "createdAt": f"{_DAY}09:00:00Z",
        "updatedAt": f"{_DAY}09:00:00Z",
    }


def _instance(number: int, status: str, health: str, failures: int) -> Json:
    return {
        "id": (_FIRST_ID, _SECOND_ID)[number - 1],
        "proxyId": "web",
        "instanceName": f"web-{number}",
        "instanceType": "standard",
        "priority": 10 * number,
        "weight": 100,
        "address": f"10.0.0.{number}:8080",
        "status": status,
        "adminState": "ready",
        "adminOrder": None,
        "drainState": None,
        "drainDeadline": None,
        "openRequests": 0,
        "healthStatus": health,
        "lastHealthCheck": f"{_DAY}12:00:00.250Z",
        "consecutiveFailures": failures,
        "lastHealthDetail": "connection refused" if failures else "status 200",
        "flapScore": 0.0,
        "dampedBy": [],
        "dampedUntil": None,
        "totalRequests": 48210,
        "successfulRequests": 48207,
        "failedRequests": 3,
        "averageLatencyMs": 11.8,
        "errorRate": 0.00006,
        "recovery": None,
        "isActive": True,
        "createdAt": f"{_DAY}09:00:00Z",
    }


def _candidate(number: int, score: int | None, health: str, failures: int) -> Json:
    return {
        "instanceId": (_FIRST_ID, _SECOND_ID)[number - 1],
        "instanceName": f"web-{number}",
        "score": score,
        "vetoes": ["unhealthy"] if failures else [],
        "healthStatus": health,
        "consecutiveFailures": failures,
        "consecutivePasses": 0 if failures else 240,
        "adminState": "ready",
        "priority": 10 * number,
        "weight": 100,
        "connections": 0,
        "vantages": [],
    }


_CANDIDATES = [_candidate(1, None, "unhealthy", 3), _candidate(2, 0, "healthy", 0)]
_EVENT: Json = {
    "id": _EVENT_ID,
    "proxyId": "web",
    "eventType": "failover",
    "status": "completed",
    "trigger": "automatic",
    "sourceInstanceId": _FIRST_ID,
    "targetInstanceId": _SECOND_ID,
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
        "candidates": _CANDIDATES,
    },
    "durationMs": 9.4,
    "stages": {
        "detectedAt": f"{_DAY}12:00:00.250Z",
        "decidedAt": f"{_DAY}12:00:00.251Z",
        "committedAt": f"{_DAY}12:00:00.255Z",
        "appliedAt": f"{_DAY}12:00:00.260Z",
        "verifiedAt": f"{_DAY}12:00:01.104Z",
    },
    "createdAt": f"{_DAY}12:00:00.251Z",
    "completedAt": f"{_DAY}12:00:00.260Z",
    "scheduledAt": None,
    "drillId": None,
    "forced": False,
    "skipped": [],
    "gradual": None,
}
_ORDERED: Json = {
    **_EVENT,
    "eventType": "switchover",
    "status": "in_progress",
    "trigger": "manual",
    "reason": "Kernel update",
    "reasonCode": "manual",
    "actor": "root",
    "evidence": {"strategy": "priority", "generation": 1, "facts": {}, "candidates": []},
    "durationMs": None,
    "stages": {**_EVENT["stages"], "appliedAt": None, "verifiedAt": None},
    "completedAt": None,
}
_SCHEDULED: Json = {
    **_ORDERED,
    "status": "pending",
    "sourceInstanceId": None,
    "epoch": 1,
    "evidence": {"order": {"actorKind": "person", "reason": "Kernel update", "force": False}},
    "stages": dict.fromkeys(_EVENT["stages"]),
    "scheduledAt": f"{_DAY}22:00:00Z",
}
_DRILL: Json = {
    "id": "01980f3c-0000-7000-8000-000000000013",
    "proxyId": "web",
    "status": "completed",
    "outcome": "succeeded",
    "message": "There and back, both confirmed",
    "actor": "root",
    "reason": "Quarterly drill",
    "holdSeconds": 30,
    "homeInstanceId": _FIRST_ID,
    "targetInstanceId": _SECOND_ID,
    "outEventId": "01980f3c-0000-7000-8000-000000000014",
    "backEventId": "01980f3c-0000-7000-8000-000000000015",
    "scheduledAt": None,
    "createdAt": f"{_DAY}12:00:00Z",
    "startedAt": f"{_DAY}12:00:00.050Z",
    "movedAt": f"{_DAY}12:00:00.064Z",
    "finishedAt": f"{_DAY}12:00:31.071Z",
}
_PENDING_DRILL: Json = {
    **_DRILL,
    "status": "pending",
    **dict.fromkeys(
        (
            "outcome",
            "message",
            "homeInstanceId",
            "targetInstanceId",
            "outEventId",
            "backEventId",
            "startedAt",
            "movedAt",
            "finishedAt",
        )
    ),
}
_RECOVERY: Json = {
    **_ORDERED,
    "eventType": "recovery",
    "sourceInstanceId": None,
    "targetInstanceId": _FIRST_ID,
    "reason": "The disk was replaced",
    "actor": "ann",
    "evidence": {
        "action": "webhook",
        "mostAttempts": 3,
        "generation": 1,
        "instanceName": "web-1",
        "healthStatus": "unhealthy",
        "consecutiveFailures": 3,
        "code": "connect_refused",
        "detail": "connection refused",
        "unhealthySince": f"{_DAY}12:00:00.250000+00:00",
        "attempts": [],
    },
    "stages": {**_ORDERED["stages"], "committedAt": None},
}
_EVALUATION: Json = {
    "proxyId": "web",
    "shouldFailover": True,
    "reason": "Active instance unhealthy (3 failures)",
    "reasonCode": "active_unhealthy",
    "sourceInstanceId": _FIRST_ID,
    "targetInstanceId": _SECOND_ID,
    "strategy": "priority",
    "candidates": _CANDIDATES,
}
_REDUNDANCY: Json = {
    "proxyId": "web",
    "totalInstances": 2,
    "healthyInstances": 1,
    "unhealthyInstances": 1,
    "activeInstanceId": _SECOND_ID,
    "backupInstanceIds": [],
    "redundancyLevel": "dual",
    "isDegraded": True,
    "lastFailoverAt": f"{_DAY}12:00:00.255Z",
    "lastFailoverReason": "Active instance unhealthy (3 failures)",
    "epoch": 2,
    "source": "derived",
    "updatedAt": f"{_DAY}12:00:00.255Z",
}
_INSTANCES = [_instance(1, "ineligible", "unhealthy", 3), _instance(2, "active", "healthy", 0)]
_PROXY: Json = {
    **_configuration(_SECOND_ID, 2),
    "instances": _INSTANCES,
    "redundancy": _REDUNDANCY,
    "openEvent": None,
    "scheduledEvent": None,
    "drill": None,
    "evaluation": {
        **_EVALUATION,
        "shouldFailover": False,
        "reason": "No failover needed",
        "reasonCode": "no_failover_needed",
        "sourceInstanceId": _SECOND_ID,
        "targetInstanceId": None,
    },
    "isAllDown": False,
    "rejections": {},
    "owner": None,
    "pauses": [],
    "blocked": None,
}
_REPLICA: Json = {
    "replicaId": _REPLICA_ID,
    "name": "r1",
    "url": "http://10.0.0.1:8700",
    "since": f"{_DAY}09:00:00Z",
    "isSelf": True,
    "isLive": True,
    "proxiesOwned": 7,
    "secondsSinceRenewal": 0.4,
    "doubt": None,
    "standing": "renewed 0.4 s ago",
}
_SIGHTING: Json = {
    "vantage": "r1",
    "instanceId": _FIRST_ID,
    "instanceName": "web-1",
    "outcome": "fail",
    "code": "connect_refused",
    "detail": "connection refused",
    "startedAt": f"{_DAY}12:00:00.249Z",
    "endedAt": f"{_DAY}12:00:00.250Z",
}
_EXPLANATION: Json = {
    "words": [
        "Failover of web from web-1 to web-2, completed in 9 ms (epoch 2).",
        "Why: Active instance unhealthy (3 failures); decided by switchover itself at 2026-01-31 12:00:00.251Z.",
        "Nodes: embedded applied it after 5 ms.",
    ],
    "event": _EVENT,
    "sightings": [_SIGHTING],
    "nodeAnswers": [{"nodeId": "embedded", "kind": "applied", "detail": "", "at": f"{_DAY}12:00:00.260Z"}],
    "evidence": {**_EVENT["evidence"], "record": {"at": f"{_DAY}12:00:00.251Z"}},
    "notReplayable": None,
}
_STANDING: Json = {
    "words": ["web stays on web-2: No failover needed."],
    "proxyId": "web",
    "at": f"{_DAY}12:10:00Z",
    "epoch": 2,
    "generation": 1,
    "decision": {
        "kind": "hold",
        "reason": "No failover needed",
        "reasonCode": "no_failover_needed",
        "sourceInstanceId": _SECOND_ID,
        "targetInstanceId": None,
        "facts": {},
        "detectedAt": None,
        "waitsUntil": None,
    },
    "candidates": _CANDIDATES,
    "sightings": [_SIGHTING],
    "hindrances": [],
    "owner": None,
    "openEvent": None,
    "lastEvent": _EVENT,
    "rejections": {},
}
_TRANSITION: Json = {
    "id": _SAMPLE_ID,
    "proxyId": "web",
    "instanceId": _FIRST_ID,
    "at": f"{_DAY}12:00:00.250Z",
    "fromStatus": "healthy",
    "toStatus": "unhealthy",
    "reason": "fall_reached",
    "code": "connect_refused",
    "consecutiveFailures": 3,
    "consecutivePasses": 0,
    "firstFailedAt": f"{_DAY}11:59:58.250Z",
}
_ENTRY: Json = {
    "id": _SAMPLE_ID,
    "at": f"{_DAY}11:00:00Z",
    "actor": "ann",
    "actorKind": "person",
    "action": "instance.order",
    "proxyId": "web",
    "subjectId": _FIRST_ID,
    "detail": {"from": "drain", "to": "ready"},
}
_SAMPLE: Json = {
    "id": _SAMPLE_ID,
    "instanceId": _FIRST_ID,
    "recordedAt": f"{_DAY}12:00:00Z",
    "cpuPercent": 41.5,
    "memoryPercent": None,
    "requestRate": None,
    "averageLatencyMs": None,
    "errorRate": None,
    "connectionCount": 12,
    "throughputMbps": None,
}

_PAUSE: Json = {
    "scope": "proxy:web",
    "by": "ann",
    "reason": "Network work until noon",
    "since": f"{_DAY}09:30:00Z",
    "until": f"{_DAY}12:00:00Z",
}
_NO_RULES: Json = {"minServing": None, "moveLimit": None, "gates": [], "freezes": []}
_RULES: Json = {
    "minServing": 2,
    "moveLimit": {"moves": 5, "windowSeconds": 3600},
    "gates": ["deploys-are-done"],
    "freezes": [
        {"name": "night", "days": ["sat", "sun"], "start": "22:00", "end": "06:00", "timeZone": "UTC"}
    ],
}
_GATE: Json = {
    "name": "deploys-are-done",
    "isOn": True,
    "by": "ann",
    "at": f"{_DAY}09:00:00Z",
    "reason": "Deploy 4711 is done",
}
_BLOCKED: Json = {
    "id": _EVENT_ID,
    "proxyId": "web",
    "eventType": "failback",
    "trigger": "automatic",
    "sourceInstanceId": _SECOND_ID,
    "targetInstanceId": _FIRST_ID,
    "reason": "Preferred instance is well again",
    "reasonCode": "preferred_is_well",
    "rule": "pause",
    "scope": "proxy:web",
    "message": "Automation is paused for proxy web by ann: Network work until noon",
    "evidence": {"strategy": "priority", "generation": 1, "facts": {}, "candidates": [], "rules": []},
    "firstAt": f"{_DAY}10:00:00Z",
    "lastAt": f"{_DAY}10:07:00Z",
    "count": 421,
    "endedAt": None,
}


def _automation(scope: str, **changes: Any) -> Json:
    return {"scope": scope, "pause": None, "rules": _NO_RULES, "gates": [], **changes}


SUCCESSES: Mapping[str, Json] = {
    "saveConfiguration": {"data": _configuration(None, 0), "message": "Configuration of web created"},
    "getConfiguration": {"data": _configuration(_SECOND_ID, 2)},
    "registerInstance": {
        "data": _instance(1, "ineligible", "unknown", 0)
        | {"lastHealthCheck": None, "lastHealthDetail": None},
        "message": "Instance web-1 registered",
    },
    "listInstances": {"data": _INSTANCES, "count": 2},
    "reportHealth": {"data": _instance(1, "active", "healthy", 0), "message": "Instance web-1 reported"},
    "evaluateFailover": {"data": _EVALUATION},
    "executeFailover": {"data": _ORDERED, "message": "Proxy web moves"},
    "completeFailoverEvent": {"data": _EVENT, "message": "Event completed"},
    "getRedundancy": {"data": _REDUNDANCY},
    "declareRedundancy": {
        "data": {**_REDUNDANCY, "isDegraded": False, "source": "declared"},
        "message": "Redundancy of web declared",
    },
    "listFailoverEvents": {"data": [_EVENT], "count": 1},
    "listProxies": {"data": [_PROXY], "count": 1, "total": 1, "nextAfter": None},
    "getProxy": {"data": _PROXY},
    "deleteProxy": {"data": {"id": "web"}, "message": "Proxy web deleted"},
    "pin": {
        "data": _configuration(_SECOND_ID, 2)
        | {
            "pinnedInstanceId": _SECOND_ID,
            "pin": {
                "instanceId": _SECOND_ID,
                "by": "root",
                "reason": "Until the rack is mended",
                "at": f"{_DAY}12:05:00Z",
                "until": f"{_DAY}18:00:00Z",
            },
        },
        "message": "Proxy web is pinned",
    },
    "unpin": {"data": _configuration(_SECOND_ID, 2), "message": "Proxy web is not pinned"},
    "changeInstance": {"data": _instance(1, "active", "healthy", 0), "message": "Instance web-1 changed"},
    "deleteInstance": {"data": {"id": _FIRST_ID}, "message": "Instance deleted"},
    "setAdminState": {
        "data": _instance(1, "ineligible", "healthy", 0)
        | {
            "adminState": "drain",
            "adminOrder": {
                "actor": "ann",
                "reason": "Kernel update",
                "orderedAt": f"{_DAY}12:00:00Z",
                "expiresAt": f"{_DAY}14:00:00Z",
                "revertsTo": "ready",
                "leftOpen": None,
            },
            "drainState": "draining",
            "drainDeadline": f"{_DAY}12:05:00Z",
            "openRequests": 12,
        },
        "message": "Admin state of web-1 is drain",
    },
    "undamp": {"data": _instance(1, "standby", "healthy", 0), "message": "Instance web-1 is not damped"},
    "recoverInstance": {"data": _RECOVERY, "message": "An attempt is made"},
    "rotateRecoverySecret": {
        "data": {
            "proxyId": "web",
            "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "rotatedAt": f"{_DAY}12:00:00Z",
            "formerSigns": False,
        },
        "message": "The recovery webhook of web has another secret",
    },
    "listInstanceMetrics": {"data": [_SAMPLE], "count": 1},
    "switchOver": {"data": _ORDERED, "message": "Proxy web moves"},
    "cancelSwitchover": {
        "data": {
            **_SCHEDULED,
            "status": "failed",
            "errorMessage": "cancelled by root",
            "completedAt": f"{_DAY}13:00:00Z",
        },
        "message": "The scheduled switchover of web is cancelled",
    },
    "startDrill": {"data": _PENDING_DRILL, "message": "A drill of web is ordered"},
    "listDrills": {"data": [_DRILL], "count": 1},
    "cancelDrill": {
        "data": {
            **_PENDING_DRILL,
            "status": "failed",
            "outcome": "cancelled",
            "message": "cancelled by root",
            "finishedAt": f"{_DAY}12:00:00.010Z",
        },
        "message": "The drill of web is cancelled",
    },
    "listNodes": {
        "data": [{"nodeId": "embedded", "state": "connected", "replica": None, "rejections": {}}],
        "count": 1,
    },
    "explainFailoverEvent": {"data": _EXPLANATION},
    "explainFailover": {"data": _STANDING},
    "listHealthTransitions": {"data": [_TRANSITION], "count": 1},
    "listAudit": {"data": [_ENTRY], "count": 1},
    "listReplicas": {"data": [_REPLICA], "count": 1},
    "getAutomation": {"data": _automation("user:ann", rules=_RULES, gates=[_GATE])},
    "pauseAutomation": {
        "data": _automation("proxy:web", pause=_PAUSE),
        "message": "Automation of proxy:web is paused",
    },
    "resumeAutomation": {
        "data": _automation("proxy:web"),
        "message": "Automation of proxy:web is not paused",
    },
    "setSafetyRules": {"data": _automation("user:ann", rules=_RULES), "message": "Rules of user:ann set"},
    "clearSafetyRules": {"data": _automation("user:ann"), "message": "Rules of user:ann cleared"},
    "setGate": {"data": _automation("user:ann", gates=[_GATE]), "message": "Gate deploys-are-done is on"},
    "removeGate": {"data": _automation("user:ann"), "message": "Gate deploys-are-done removed"},
    "listBlockedMoves": {"data": [_BLOCKED], "count": 1},
}
"""Operation → its whole answer."""
