"""A real HTTP server that speaks the contract from memory, for tests of its clients."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from switchover.control.documents import parse_instance, parse_policy, policy_document
from switchover.model.policy import FailoverPolicy

TOKEN = "a-token-of-the-test"
MADE_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_MOMENT = "2026-01-01T00:00:00Z"

Body = dict[str, Any]


class _No(Exception):  # noqa: N818 - an answer, not a fault of the test
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


class ContractServer:
    """Keeps proxies in memory; `requests` lists what was asked, `answers` are given instead, in order."""

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
            "createdAt": _MOMENT,
            "updatedAt": _MOMENT,
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
            "createdAt": _MOMENT,
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
                "detectedAt": _MOMENT,
                "decidedAt": "2026-01-01T00:00:00.400Z",
                "committedAt": None,
                "verifiedAt": None,
            },
            "createdAt": _MOMENT,
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

    def handle(self, method: str, target: str, body: Body | None) -> tuple[int, Body]:
        """Route one request."""
        url = urlsplit(target)
        parts = url.path.strip("/").split("/")
        if method == "GET":
            return 200, self._read(parts, {k: values[0] for k, values in parse_qs(url.query).items()})
        data = self._change(method, parts, body or {})
        return (201 if parts[1:] in (["failover", "config"], ["instances"]) else 200), {"data": data}

    def _read(self, parts: list[str], query: dict[str, str]) -> Body:
        match parts:
            case ["replicas"]:
                return {"data": self.replicas, "count": len(self.replicas)}
            case ["nodes"]:
                return {"data": self.nodes, "count": len(self.nodes)}
            case ["proxy"]:
                return self._page(query)
            case ["proxy", "failover", "config", proxy_id] | ["proxy", proxy_id]:
                return {"data": self._proxy(proxy_id)}
            case ["proxy", proxy_id, "instances"]:
                return {"data": self._proxy(proxy_id)["instances"]}
            case _:
                return self._read_history(parts, query)

    def _read_history(self, parts: list[str], query: dict[str, str]) -> Body:
        match parts:
            case ["proxy", proxy_id, "failover", "blocked"]:
                self._proxy(proxy_id)
                return {"data": [], "count": 0}
            case ["proxy", _, "drills"]:
                listed = [dict(drill) for drill in self.drills]
                if self.drills and self.drill_steps:
                    self.drills[0].update(self.drill_steps.pop(0))
                return {"data": listed, "count": len(listed)}
            case ["proxy", proxy_id, "failover", "events"]:
                return {"data": self._events(self._proxy(proxy_id)["proxyId"])[: int(query["limit"])]}
            case _:
                return self._read_why(parts, query)

    def _read_why(self, parts: list[str], query: dict[str, str]) -> Body:
        match parts:
            case ["proxy", "failover", "events", event_id, "explanation"]:
                return {"data": self._explanation(event_id)}
            case ["proxy", proxy_id, "failover", "explain"]:
                return {"data": self.standings[self._proxy(proxy_id)["proxyId"]]}
            case ["proxy", proxy_id, "health-transitions"]:
                return {"data": self._transitions(proxy_id, query)}
            case ["proxy", proxy_id, "audit"]:
                return {"data": self.audits.get(self._proxy(proxy_id)["proxyId"], [])[: int(query["limit"])]}
            case _:
                raise _No(404, f"no route {parts}", "PROXY_FAILOVER_026")

    def _explanation(self, event_id: str) -> Body:
        if event_id not in self.explanations:
            raise _No(404, f"event {event_id} not found", "PROXY_FAILOVER_023")
        return self.explanations[event_id]

    def _transitions(self, proxy_id: str, query: dict[str, str]) -> list[Body]:
        known = self.transitions.get(self._proxy(proxy_id)["proxyId"], [])
        within = [t for t in known if query["since"] <= t["at"] <= query["until"]]
        newest_first = sorted(within, key=lambda t: (t["at"], t["id"]), reverse=True)
        return newest_first[: int(query["limit"])]

    def _change(self, method: str, parts: list[str], body: Body) -> Body:
        match method, parts:
            case "DELETE", _:
                return self._delete(parts)
            case "POST", ["proxy", "failover", "config"]:
                return self._configure(body)
            case "POST", ["proxy", "instances"]:
                return self.add_instance(self._proxy(body["proxyId"])["proxyId"], body["instanceData"])
            case "POST", ["proxy", "failover", "switchover"]:
                return self._switch(body)
            case "PUT", ["proxy", "instances", instance_id, "admin-state"]:
                return self._order(self._instance(instance_id), body)
            case "PATCH", ["proxy", "instances", instance_id]:
                self._instance(instance_id).update(body)
                return self._instance(instance_id)
            case _:
                return self._order_else(method, parts, body)

    def _order_else(self, method: str, parts: list[str], body: Body) -> Body:
        match method, parts:
            case "POST", ["proxy", *named, "recover" | "secret"]:
                return self._recover(named, body)
            case "PUT", ["proxy", proxy_id, "pin"]:
                return self._pin(self._proxy(proxy_id), body)
            case "POST", ["proxy", proxy_id, "drills"]:
                return self._drill(proxy_id, body)
            case _:
                raise _No(404, f"no route {method} {parts}", "PROXY_FAILOVER_026")

    def _delete(self, parts: list[str]) -> Body:
        match parts:
            case ["proxy", "instances", instance_id]:
                gone = self._instance(instance_id)
                self.proxies[gone["proxyId"]]["instances"].remove(gone)
                return gone
            case ["proxy", "instances", instance_id, "damping"]:
                self._instance(instance_id).update(flapScore=0.0, dampedBy=[], dampedUntil=None)
                return self._instance(instance_id)
            case ["proxy", proxy_id, "pin"]:
                self._proxy(proxy_id).update(pinnedInstanceId=None, pin=None)
                return self._proxy(proxy_id)
            case ["proxy", proxy_id] if proxy_id in self.proxies:
                return self.proxies.pop(proxy_id)
            case _:
                return self._cancel(parts)

    def _cancel(self, parts: list[str]) -> Body:
        match parts:
            case ["proxy", proxy_id, "scheduled-switchover"]:
                self._proxy(proxy_id)["scheduledEvent"] = None
                return self.events[proxy_id][0]
            case ["proxy", _, "drills"]:
                return self.drills[0] | {"finishedAt": _MOMENT}
            case _:
                raise _No(404, f"no route DELETE {parts}", "PROXY_FAILOVER_026")

    def _page(self, query: dict[str, str]) -> Body:
        ids = sorted(i for i in self.proxies if i > query.get("after", ""))
        shown = ids[: self.page_size]
        more = shown[-1] if len(ids) > len(shown) else None
        return {"data": [self.proxies[i] for i in shown], "count": len(shown), "nextAfter": more}

    def _configure(self, body: Body) -> Body:
        stored = self.proxies.get(body["proxyId"])
        if stored is None:
            return self.add_proxy(body["proxyId"], body["config"])
        self.policies[body["proxyId"]] = merged = parse_policy(body["config"], self.policies[body["proxyId"]])
        stored["config"] = policy_document(merged)
        return stored

    def _order(self, instance: Body, body: Body) -> Body:
        expires = "2026-01-01T02:00:00Z" if "expiresInSeconds" in body else None
        order = {"actor": "ann", "reason": body.get("reason"), "orderedAt": _MOMENT, "expiresAt": expires}
        away = body["adminState"] != "ready"
        instance |= {"adminState": body["adminState"], "adminOrder": order | {"leftOpen": None}}
        instance |= {"drainState": "draining" if away else None, "openRequests": 3}
        return instance

    def _drill(self, proxy_id: str, body: Body) -> Body:
        first, second = [i["id"] for i in self._proxy(proxy_id)["instances"]][:2]
        drill: Body = {
            "id": self.new_id(),
            "proxyId": proxy_id,
            "status": "pending",
            "actor": "ann",
            "homeInstanceId": first,
            "targetInstanceId": second,
            "scheduledAt": body.get("scheduledFor"),
            "createdAt": _MOMENT,
        }
        self.drills.insert(0, drill)
        return dict(drill)

    def _recover(self, named: list[str], body: Body) -> Body:
        match named:
            case ["instances", instance_id]:
                fields = {"targetInstanceId": instance_id, "reason": body.get("reason", "")}
                proxy_id = self._instance(instance_id)["proxyId"]
                return self.add_event(proxy_id, eventType="recovery", status="in_progress", **fields)
            case [proxy_id, "recovery"]:
                made = None if "secret" in body else MADE_SECRET
                return {"proxyId": proxy_id, "secret": made, "rotatedAt": _MOMENT, "formerSigns": True}
            case _:
                raise _No(404, f"no route {named}", "PROXY_FAILOVER_026")

    def _switch(self, body: Body) -> Body:
        proxy = self._proxy(body["proxyId"])
        standby = next((i["id"] for i in proxy["instances"] if i["id"] != proxy["activeInstanceId"]), None)
        source, target = proxy["activeInstanceId"], body.get("targetInstanceId", standby)
        if "scheduledFor" in body:
            planned: Body = {"targetInstanceId": body.get("targetInstanceId"), "status": "pending"}
            planned |= {"scheduledAt": body["scheduledFor"], "reason": body.get("reason", "")}
            return self.add_event(proxy["proxyId"], eventType="switchover", durationMs=None, **planned)
        proxy["activeInstanceId"] = proxy["pinnedInstanceId"] = target
        proxy["epoch"] += 1
        fields: Body = {"eventType": "switchover", "trigger": "manual", "epoch": proxy["epoch"]}
        fields |= {"skipped": ["unhealthy"] if body.get("force") else []}
        fields |= {"sourceInstanceId": source, "targetInstanceId": target, "reason": body.get("reason", "")}
        return self.add_event(proxy["proxyId"], status="in_progress", durationMs=None, **fields)

    def _pin(self, proxy: Body, body: Body) -> Body:
        active = proxy["activeInstanceId"]
        pin = {"instanceId": active, "by": "operator", "reason": None, "at": _MOMENT, "until": None, **body}
        proxy.update(pinnedInstanceId=active, pin=pin)
        return proxy

    def _events(self, proxy_id: str) -> list[Body]:
        listed = [dict(event) for event in self.events[proxy_id]]
        for event in self.events[proxy_id]:
            if event["status"] == "in_progress" and self.switches_end_as != "in_progress":
                event["status"], event["durationMs"] = self.switches_end_as, 7.0
                event["errorMessage"] = "embedded: rejected" if self.switches_end_as == "failed" else None
        return listed

    def _proxy(self, proxy_id: str) -> Body:
        if proxy_id not in self.proxies:
            raise _No(404, f"proxy {proxy_id} not found", "PROXY_FAILOVER_021")
        return self.proxies[proxy_id]

    def _instance(self, instance_id: str) -> Body:
        for proxy in self.proxies.values():
            for instance in proxy["instances"]:
                if instance["id"] == instance_id:
                    found: Body = instance
                    return found
        raise _No(404, f"instance {instance_id} not found", "PROXY_FAILOVER_022")


@contextmanager
def contract_server() -> Iterator[ContractServer]:
    """Serve on a free port of the loopback until the block ends."""
    contract = ContractServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(contract))
    contract.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield contract
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(contract: ContractServer) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            contract.requests.append((self.command, self.path, body))
            contract.authorizations.append(self.headers.get("authorization"))
            answer = contract.answers.pop(0) if contract.answers else self._routed(body)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def _routed(self, body: Body | None) -> Answer:
            if self.headers.get("authorization") != f"Bearer {TOKEN}":
                no = _No(401, "a valid bearer token is required", "PROXY_FAILOVER_024")
                return Answer(no.status, json.dumps(no.body).encode())
            try:
                status, content = contract.handle(self.command, self.path, body)
            except _No as no:
                status, content = no.status, no.body
            return Answer(status, json.dumps(content).encode())

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base class names them

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class named it
            pass

    return Handler
