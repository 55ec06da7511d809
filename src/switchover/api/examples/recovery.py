"""Successes of the operations of bringing instances back."""

from collections.abc import Mapping

from switchover.api.examples.events import ORDERED
from switchover.api.examples.things import DAY, FIRST_ID, Json

_RECOVERY: Json = {
    **ORDERED,
    "eventType": "recovery",
    "sourceInstanceId": None,
    "targetInstanceId": FIRST_ID,
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
        "unhealthySince": f"{DAY}12:00:00.250000+00:00",
        "attempts": [],
    },
    "stages": {**ORDERED["stages"], "committedAt": None},
}


SUCCESSES: Mapping[str, Json] = {
    "recoverInstance": {"data": _RECOVERY, "message": "An attempt is made"},
    "rotateRecoverySecret": {
        "data": {
            "proxyId": "web",
            "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "rotatedAt": f"{DAY}12:00:00Z",
            "formerSigns": False,
        },
        "message": "The recovery webhook of web has another secret",
    },
}
