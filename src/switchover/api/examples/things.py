"""What the examples are about: a proxy called web, its two instances, and what they are named."""

from typing import Any

from switchover.control.documents import parse_policy, policy_document

Json = dict[str, Any]

FIRST_ID = "01980f3c-0000-7000-8000-000000000001"
SECOND_ID = "01980f3c-0000-7000-8000-000000000002"
EVENT_ID = "01980f3c-0000-7000-8000-000000000007"
SAMPLE_ID = "01980f3c-0000-7000-8000-000000000009"
DAY = "2026-01-31T"

_SETTINGS = {
    "healthCheckIntervalSeconds": 1,
    "healthCheck": {"type": "http", "path": "/health"},
    "listener": {"address": "127.0.0.1", "port": 10000, "protocol": "http"},
}


def configuration(active: str | None, epoch: int) -> Json:
    """The configuration of web, with its active instance."""
    return {
        "proxyId": "web",
        "ownerId": "ann",
        "config": policy_document(parse_policy(_SETTINGS)),
        "activeInstanceId": active,
        "pinnedInstanceId": None,
        "pin": None,
        "epoch": epoch,
        "generation": 1,
        "createdAt": f"{DAY}09:00:00Z",
        "updatedAt": f"{DAY}09:00:00Z",
    }


def instance(number: int, status: str, health: str, failures: int) -> Json:
    """Instance number 1 or 2."""
    return {
        "id": (FIRST_ID, SECOND_ID)[number - 1],
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
        "lastHealthCheck": f"{DAY}12:00:00.250Z",
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
        "createdAt": f"{DAY}09:00:00Z",
    }


def candidate(number: int, score: int | None, health: str, failures: int) -> Json:
    """Instance number 1 or 2 as a decision saw it."""
    return {
        "instanceId": (FIRST_ID, SECOND_ID)[number - 1],
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


CANDIDATES = [candidate(1, None, "unhealthy", 3), candidate(2, 0, "healthy", 0)]

EVALUATION: Json = {
    "proxyId": "web",
    "shouldFailover": True,
    "reason": "Active instance unhealthy (3 failures)",
    "reasonCode": "active_unhealthy",
    "sourceInstanceId": FIRST_ID,
    "targetInstanceId": SECOND_ID,
    "strategy": "priority",
    "candidates": CANDIDATES,
}

REDUNDANCY: Json = {
    "proxyId": "web",
    "totalInstances": 2,
    "healthyInstances": 1,
    "unhealthyInstances": 1,
    "activeInstanceId": SECOND_ID,
    "backupInstanceIds": [],
    "redundancyLevel": "dual",
    "isDegraded": True,
    "lastFailoverAt": f"{DAY}12:00:00.255Z",
    "lastFailoverReason": "Active instance unhealthy (3 failures)",
    "epoch": 2,
    "source": "derived",
    "updatedAt": f"{DAY}12:00:00.255Z",
}

INSTANCES = [instance(1, "ineligible", "unhealthy", 3), instance(2, "active", "healthy", 0)]
