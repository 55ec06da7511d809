"""Successes of the operations of what bounds automation."""

from collections.abc import Mapping
from typing import Any

from switchover.api.examples.things import DAY, EVENT_ID, FIRST_ID, SECOND_ID, Json

_PAUSE: Json = {
    "scope": "proxy:web",
    "by": "ann",
    "reason": "Network work until noon",
    "since": f"{DAY}09:30:00Z",
    "until": f"{DAY}12:00:00Z",
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
    "at": f"{DAY}09:00:00Z",
    "reason": "Deploy 4711 is done",
}

_BLOCKED: Json = {
    "id": EVENT_ID,
    "proxyId": "web",
    "eventType": "failback",
    "trigger": "automatic",
    "sourceInstanceId": SECOND_ID,
    "targetInstanceId": FIRST_ID,
    "reason": "Preferred instance is well again",
    "reasonCode": "preferred_is_well",
    "rule": "pause",
    "scope": "proxy:web",
    "message": "Automation is paused for proxy web by ann: Network work until noon",
    "evidence": {"strategy": "priority", "generation": 1, "facts": {}, "candidates": [], "rules": []},
    "firstAt": f"{DAY}10:00:00Z",
    "lastAt": f"{DAY}10:07:00Z",
    "count": 421,
    "endedAt": None,
}


def _automation(scope: str, **changes: Any) -> Json:
    return {"scope": scope, "pause": None, "rules": _NO_RULES, "gates": [], **changes}


SUCCESSES: Mapping[str, Json] = {
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
