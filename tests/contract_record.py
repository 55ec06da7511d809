"""What the server of the contract knows: its proxies, instances and events, as documents."""

import json
from dataclasses import dataclass, field
from typing import Any

from switchover.control.documents import parse_instance, parse_policy, policy_document
from switchover.model.policy import FailoverPolicy

TOKEN = "a-token-of-the-test"
MADE_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MOMENT = "2026-01-01T00:00:00Z"

Body = dict[str, Any]


class Refusal(Exception):  # noqa: N818 - an answer, not a fault of the test
    def __init__(self, status: int, message: str, code: str, details: Body | None = None) -> None:
        super().__init__(message)
        self.status = status
        error = {"code": code, "message": message, "statusCode": status}
        self.body = {"error": error | ({"details": details} if details else {})}


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class ContractRecord:
    """Keeps everything in memory, for a test to fill and to look at."""

    def __init__(self) -> None:
        self.proxies: dict[str, Body] = {}
        self.policies: dict[str, FailoverPolicy] = {}
        self.events: dict[str, list[Body]] = {}
        self.explanations: dict[str, Body] = {}
        self.standings: dict[str, Body] = {}
        self.transitions: dict[str, list[Body]] = {}
        self.audits: dict[str, list[Body]] = {}
        self.replicas: list[Body] = []
        self.nodes: list[Body] = [{"nodeId": "embedded", "state": "connected", "rejections": {}}]
        self.requests: list[tuple[str, str, Body | None]] = []
        self.authorizations: list[str | None] = []
        self.answers: list[Answer] = []
        self.switches_end_as = "completed"
        self.drills: list[Body] = []
        self.drill_steps: list[Body] = []
        """What becomes of the newest drill, each time after it was listed."""
        self.page_size = 100
        self.url = ""
        self._ids = 0

    @property
    def changes(self) -> list[tuple[str, str, Body | None]]:
        """The requests that were no reads."""
        return [request for request in self.requests if request[0] != "GET"]

    def add_proxy(self, proxy_id: str, config: Body | None = None) -> Body:
        self.policies[proxy_id] = policy = parse_policy(config, None)
        self.proxies[proxy_id] = {
            "proxyId": proxy_id,
            "ownerId": "operator",
            "config": policy_document(policy),
            "activeInstanceId": None,
            "pinnedInstanceId": None,
            "pin": None,
            "isAllDown": False,
            "epoch": 0,
            "createdAt": MOMENT,
            "updatedAt": MOMENT,
            "instances": [],
            "redundancy": {
                "redundancyLevel": "single",
                "isDegraded": True,
                "lastFailoverAt": None,
                "lastFailoverReason": None,
            },
            "openEvent": None,
            "evaluation": {"reason": "No failover needed"},
            "rejections": {},
        }
        self.events[proxy_id] = []
        return self.proxies[proxy_id]

    def add_instance(self, proxy_id: str, data: Body, health: str = "healthy") -> Body:
        parsed = parse_instance(data)
        document: Body = {
            "id": self.new_id(),
            "proxyId": proxy_id,
            "instanceName": parsed.name,
            "instanceType": parsed.instance_type,
            "priority": parsed.priority,
            "weight": parsed.weight,
            "address": None if parsed.address is None else str(parsed.address),
            "status": "standby",
            "adminState": "ready",
            "healthStatus": health,
            "consecutiveFailures": 0,
            "lastHealthDetail": None,
            "flapScore": 0.0,
            "dampedBy": [],
            "dampedUntil": None,
            "createdAt": MOMENT,
        }
        proxy = self.proxies[proxy_id]
        proxy["instances"].append(document)
        if proxy["activeInstanceId"] is None:
            document["status"] = "active"
            proxy["activeInstanceId"], proxy["epoch"] = document["id"], 1
        return document

    def add_event(self, proxy_id: str, **fields: Any) -> Body:
        event: Body = {
            "id": self.new_id(),
            "proxyId": proxy_id,
            "eventType": "failover",
            "status": "completed",
            "trigger": "automatic",
            "sourceInstanceId": None,
            "targetInstanceId": None,
            "reason": "Active instance unhealthy (3 failures)",
            "reasonCode": "active_unhealthy",
            "errorMessage": None,
            "epoch": 2,
            "durationMs": 12.4,
            "stages": {
                "detectedAt": MOMENT,
                "decidedAt": "2026-01-01T00:00:00.400Z",
                "committedAt": None,
                "verifiedAt": None,
            },
            "createdAt": MOMENT,
        } | fields
        self.events[proxy_id].insert(0, event)
        return event

    def answer(self, document: Body) -> Answer:
        """A success with this document, as it is now."""
        return Answer(200, json.dumps({"data": document}).encode())

    def drained(self, instance: Body, state: str) -> Answer:
        """The instance's proxy, with the instance so far."""
        proxy = self.proxies[instance["proxyId"]]
        others = [i for i in proxy["instances"] if i is not instance]
        seen = instance | {"adminState": "drain", "drainState": state, "openRequests": 3}
        return self.answer(proxy | {"instances": [*others, seen]})

    def new_id(self) -> str:
        self._ids += 1
        return f"00000000-0000-7000-8000-{self._ids:012d}"

    def proxy(self, proxy_id: str) -> Body:
        if proxy_id not in self.proxies:
            raise Refusal(404, f"proxy {proxy_id} not found", "PROXY_FAILOVER_021")
        return self.proxies[proxy_id]

    def instance(self, instance_id: str) -> Body:
        for proxy in self.proxies.values():
            for instance in proxy["instances"]:
                if instance["id"] == instance_id:
                    found: Body = instance
                    return found
        raise Refusal(404, f"instance {instance_id} not found", "PROXY_FAILOVER_022")
