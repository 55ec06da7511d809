"""Successes of the operations of instances."""

from collections.abc import Mapping

from switchover.api.examples.things import DAY, FIRST_ID, INSTANCES, SAMPLE_ID, Json, instance

_SAMPLE: Json = {
    "id": SAMPLE_ID,
    "instanceId": FIRST_ID,
    "recordedAt": f"{DAY}12:00:00Z",
    "cpuPercent": 41.5,
    "memoryPercent": None,
    "requestRate": None,
    "averageLatencyMs": None,
    "errorRate": None,
    "connectionCount": 12,
    "throughputMbps": None,
}


SUCCESSES: Mapping[str, Json] = {
    "registerInstance": {
        "data": instance(1, "ineligible", "unknown", 0) | {"lastHealthCheck": None, "lastHealthDetail": None},
        "message": "Instance web-1 registered",
    },
    "listInstances": {"data": INSTANCES, "count": 2},
    "reportHealth": {"data": instance(1, "active", "healthy", 0), "message": "Instance web-1 reported"},
    "changeInstance": {"data": instance(1, "active", "healthy", 0), "message": "Instance web-1 changed"},
    "deleteInstance": {"data": {"id": FIRST_ID}, "message": "Instance deleted"},
    "setAdminState": {
        "data": instance(1, "ineligible", "healthy", 0)
        | {
            "adminState": "drain",
            "adminOrder": {
                "actor": "ann",
                "reason": "Kernel update",
                "orderedAt": f"{DAY}12:00:00Z",
                "expiresAt": f"{DAY}14:00:00Z",
                "revertsTo": "ready",
                "leftOpen": None,
            },
            "drainState": "draining",
            "drainDeadline": f"{DAY}12:05:00Z",
            "openRequests": 12,
        },
        "message": "Admin state of web-1 is drain",
    },
    "undamp": {"data": instance(1, "standby", "healthy", 0), "message": "Instance web-1 is not damped"},
    "listInstanceMetrics": {"data": [_SAMPLE], "count": 1},
}
