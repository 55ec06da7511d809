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
        "healthStatus": health,
        "lastHealthCheck": f"{_DAY}12:00:00.250Z",
        "consecutiveFailures": failures,
        "lastHealthDetail": "connection refused" if failures else "status 200",
        "totalRequests": 48210,
        "successfulRequests": 48207,
        "failedRequests": 3,
        "averageLatencyMs": 11.8,
        "errorRate": 0.00006,
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
        "strategy": "priority",
        "generation": 1,
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
    "evaluation": {
        **_EVALUATION,
        "shouldFailover": False,
        "reason": "No failover needed",
        "reasonCode": "no_failover_needed",
        "sourceInstanceId": _SECOND_ID,
        "targetInstanceId": None,
    },
    "rejections": {},
    "owner": None,
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
    "unpin": {"data": _configuration(_SECOND_ID, 2), "message": "Proxy web is not pinned"},
    "changeInstance": {"data": _instance(1, "active", "healthy", 0), "message": "Instance web-1 changed"},
    "deleteInstance": {"data": {"id": _FIRST_ID}, "message": "Instance deleted"},
    "setAdminState": {
        "data": _instance(1, "ineligible", "healthy", 0) | {"adminState": "drain"},
        "message": "Admin state of web-1 is drain",
    },
    "listInstanceMetrics": {"data": [_SAMPLE], "count": 1},
    "switchOver": {"data": _ORDERED, "message": "Proxy web moves"},
    "listNodes": {
        "data": [{"nodeId": "embedded", "state": "connected", "replica": None, "rejections": {}}],
        "count": 1,
    },
    "listReplicas": {"data": [_REPLICA], "count": 1},
}
"""Operation → its whole answer."""
