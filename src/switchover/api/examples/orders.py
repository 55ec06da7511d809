"""Successes of the operations of what is ordered for later."""

from collections.abc import Mapping

from switchover.api.examples.events import EVENT, ORDERED
from switchover.api.examples.things import DAY, FIRST_ID, SECOND_ID, Json

_SCHEDULED: Json = {
    **ORDERED,
    "status": "pending",
    "sourceInstanceId": None,
    "epoch": 1,
    "evidence": {"order": {"actorKind": "person", "reason": "Kernel update", "force": False}},
    "stages": dict.fromkeys(EVENT["stages"]),
    "scheduledAt": f"{DAY}22:00:00Z",
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
    "homeInstanceId": FIRST_ID,
    "targetInstanceId": SECOND_ID,
    "outEventId": "01980f3c-0000-7000-8000-000000000014",
    "backEventId": "01980f3c-0000-7000-8000-000000000015",
    "scheduledAt": None,
    "createdAt": f"{DAY}12:00:00Z",
    "startedAt": f"{DAY}12:00:00.050Z",
    "movedAt": f"{DAY}12:00:00.064Z",
    "finishedAt": f"{DAY}12:00:31.071Z",
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


SUCCESSES: Mapping[str, Json] = {
    "cancelSwitchover": {
        "data": {
            **_SCHEDULED,
            "status": "failed",
            "errorMessage": "cancelled by root",
            "completedAt": f"{DAY}13:00:00Z",
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
            "finishedAt": f"{DAY}12:00:00.010Z",
        },
        "message": "The drill of web is cancelled",
    },
}
