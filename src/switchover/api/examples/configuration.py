"""Successes of the operations of proxies and their configuration."""

from collections.abc import Mapping

from switchover.api.examples.things import (
    DAY,
    EVALUATION,
    INSTANCES,
    REDUNDANCY,
    SECOND_ID,
    Json,
    configuration,
)

_PROXY: Json = {
    **configuration(SECOND_ID, 2),
    "instances": INSTANCES,
    "redundancy": REDUNDANCY,
    "openEvent": None,
    "scheduledEvent": None,
    "drill": None,
    "evaluation": {
        **EVALUATION,
        "shouldFailover": False,
        "reason": "No failover needed",
        "reasonCode": "no_failover_needed",
        "sourceInstanceId": SECOND_ID,
        "targetInstanceId": None,
    },
    "isAllDown": False,
    "rejections": {},
    "owner": None,
    "pauses": [],
    "blocked": None,
}


SUCCESSES: Mapping[str, Json] = {
    "saveConfiguration": {"data": configuration(None, 0), "message": "Configuration of web created"},
    "getConfiguration": {"data": configuration(SECOND_ID, 2)},
    "listProxies": {"data": [_PROXY], "count": 1, "total": 1, "nextAfter": None},
    "getProxy": {"data": _PROXY},
    "deleteProxy": {"data": {"id": "web"}, "message": "Proxy web deleted"},
    "pin": {
        "data": configuration(SECOND_ID, 2)
        | {
            "pinnedInstanceId": SECOND_ID,
            "pin": {
                "instanceId": SECOND_ID,
                "by": "root",
                "reason": "Until the rack is mended",
                "at": f"{DAY}12:05:00Z",
                "until": f"{DAY}18:00:00Z",
            },
        },
        "message": "Proxy web is pinned",
    },
    "unpin": {"data": configuration(SECOND_ID, 2), "message": "Proxy web is not pinned"},
}
