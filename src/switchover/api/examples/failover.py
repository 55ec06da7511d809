"""Successes of the operations of moves, redundancy, nodes and replicas."""

from collections.abc import Mapping

from switchover.api.examples.events import EVENT, ORDERED
from switchover.api.examples.things import DAY, EVALUATION, REDUNDANCY, Json

_REPLICA: Json = {
    "replicaId": "01980f3c-0000-7000-8000-000000000011",
    "name": "r1",
    "url": "http://10.0.0.1:8700",
    "since": f"{DAY}09:00:00Z",
    "isSelf": True,
    "isLive": True,
    "proxiesOwned": 7,
    "secondsSinceRenewal": 0.4,
    "doubt": None,
    "standing": "renewed 0.4 s ago",
}


SUCCESSES: Mapping[str, Json] = {
    "evaluateFailover": {"data": EVALUATION},
    "executeFailover": {"data": ORDERED, "message": "Proxy web moves"},
    "completeFailoverEvent": {"data": EVENT, "message": "Event completed"},
    "getRedundancy": {"data": REDUNDANCY},
    "declareRedundancy": {
        "data": {**REDUNDANCY, "isDegraded": False, "source": "declared"},
        "message": "Redundancy of web declared",
    },
    "listFailoverEvents": {"data": [EVENT], "count": 1},
    "switchOver": {"data": ORDERED, "message": "Proxy web moves"},
    "listNodes": {
        "data": [{"nodeId": "embedded", "state": "connected", "replica": None, "rejections": {}}],
        "count": 1,
    },
    "listReplicas": {"data": [_REPLICA], "count": 1},
}
