"""A real HTTP server that speaks the contract from memory, for tests of its clients."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.contract_record import MADE_SECRET, MOMENT, TOKEN, Answer, Body, ContractRecord, Refusal

from switchover.control.documents import parse_policy, policy_document


class ContractServer(ContractRecord):
    """Keeps proxies in memory; `requests` lists what was asked, `answers` are given instead, in order."""

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
                return {"data": self.proxy(proxy_id)}
            case ["proxy", proxy_id, "instances"]:
                return {"data": self.proxy(proxy_id)["instances"]}
            case _:
                return self._read_history(parts, query)

    def _read_history(self, parts: list[str], query: dict[str, str]) -> Body:
        match parts:
            case ["proxy", proxy_id, "failover", "blocked"]:
                self.proxy(proxy_id)
                return {"data": [], "count": 0}
            case ["proxy", _, "drills"]:
                listed = [dict(drill) for drill in self.drills]
                if self.drills and self.drill_steps:
                    self.drills[0].update(self.drill_steps.pop(0))
                return {"data": listed, "count": len(listed)}
            case ["proxy", proxy_id, "failover", "events"]:
                return {"data": self._events(self.proxy(proxy_id)["proxyId"])[: int(query["limit"])]}
            case _:
                return self._read_why(parts, query)

    def _read_why(self, parts: list[str], query: dict[str, str]) -> Body:
        match parts:
            case ["proxy", "failover", "events", event_id, "explanation"]:
                return {"data": self._explanation(event_id)}
            case ["proxy", proxy_id, "failover", "explain"]:
                return {"data": self.standings[self.proxy(proxy_id)["proxyId"]]}
            case ["proxy", proxy_id, "health-transitions"]:
                return {"data": self._transitions(proxy_id, query)}
            case ["proxy", proxy_id, "audit"]:
                return {"data": self.audits.get(self.proxy(proxy_id)["proxyId"], [])[: int(query["limit"])]}
            case _:
                raise Refusal(404, f"no route {parts}", "PROXY_FAILOVER_026")

    def _explanation(self, event_id: str) -> Body:
        if event_id not in self.explanations:
            raise Refusal(404, f"event {event_id} not found", "PROXY_FAILOVER_023")
        return self.explanations[event_id]

    def _transitions(self, proxy_id: str, query: dict[str, str]) -> list[Body]:
        known = self.transitions.get(self.proxy(proxy_id)["proxyId"], [])
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
                return self.add_instance(self.proxy(body["proxyId"])["proxyId"], body["instanceData"])
            case "POST", ["proxy", "failover", "switchover"]:
                return self._switch(body)
            case "PUT", ["proxy", "instances", instance_id, "admin-state"]:
                return self._order(self.instance(instance_id), body)
            case "PATCH", ["proxy", "instances", instance_id]:
                self.instance(instance_id).update(body)
                return self.instance(instance_id)
            case _:
                return self._order_else(method, parts, body)

    def _order_else(self, method: str, parts: list[str], body: Body) -> Body:
        match method, parts:
            case "POST", ["proxy", *named, "recover" | "secret"]:
                return self._recover(named, body)
            case "PUT", ["proxy", proxy_id, "pin"]:
                return self._pin(self.proxy(proxy_id), body)
            case "POST", ["proxy", proxy_id, "drills"]:
                return self._drill(proxy_id, body)
            case _:
                raise Refusal(404, f"no route {method} {parts}", "PROXY_FAILOVER_026")

    def _delete(self, parts: list[str]) -> Body:
        match parts:
            case ["proxy", "instances", instance_id]:
                gone = self.instance(instance_id)
                self.proxies[gone["proxyId"]]["instances"].remove(gone)
                return gone
            case ["proxy", "instances", instance_id, "damping"]:
                self.instance(instance_id).update(flapScore=0.0, dampedBy=[], dampedUntil=None)
                return self.instance(instance_id)
            case ["proxy", proxy_id, "pin"]:
                self.proxy(proxy_id).update(pinnedInstanceId=None, pin=None)
                return self.proxy(proxy_id)
            case ["proxy", proxy_id] if proxy_id in self.proxies:
                return self.proxies.pop(proxy_id)
            case _:
                return self._cancel(parts)

    def _cancel(self, parts: list[str]) -> Body:
        match parts:
            case ["proxy", proxy_id, "scheduled-switchover"]:
                self.proxy(proxy_id)["scheduledEvent"] = None
                return self.events[proxy_id][0]
            case ["proxy", _, "drills"]:
                return self.drills[0] | {"finishedAt": MOMENT}
            case _:
                raise Refusal(404, f"no route DELETE {parts}", "PROXY_FAILOVER_026")

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
        order = {"actor": "ann", "reason": body.get("reason"), "orderedAt": MOMENT, "expiresAt": expires}
        away = body["adminState"] != "ready"
        instance |= {"adminState": body["adminState"], "adminOrder": order | {"leftOpen": None}}
        instance |= {"drainState": "draining" if away else None, "openRequests": 3}
        return instance

    def _drill(self, proxy_id: str, body: Body) -> Body:
        first, second = [i["id"] for i in self.proxy(proxy_id)["instances"]][:2]
        drill: Body = {
            "id": self.new_id(),
            "proxyId": proxy_id,
            "status": "pending",
            "actor": "ann",
            "homeInstanceId": first,
            "targetInstanceId": second,
            "scheduledAt": body.get("scheduledFor"),
            "createdAt": MOMENT,
        }
        self.drills.insert(0, drill)
        return dict(drill)

    def _recover(self, named: list[str], body: Body) -> Body:
        match named:
            case ["instances", instance_id]:
                fields = {"targetInstanceId": instance_id, "reason": body.get("reason", "")}
                proxy_id = self.instance(instance_id)["proxyId"]
                return self.add_event(proxy_id, eventType="recovery", status="in_progress", **fields)
            case [proxy_id, "recovery"]:
                made = None if "secret" in body else MADE_SECRET
                return {"proxyId": proxy_id, "secret": made, "rotatedAt": MOMENT, "formerSigns": True}
            case _:
                raise Refusal(404, f"no route {named}", "PROXY_FAILOVER_026")

    def _switch(self, body: Body) -> Body:
        proxy = self.proxy(body["proxyId"])
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
        pin = {"instanceId": active, "by": "operator", "reason": None, "at": MOMENT, "until": None, **body}
        proxy.update(pinnedInstanceId=active, pin=pin)
        return proxy

    def _events(self, proxy_id: str) -> list[Body]:
        listed = [dict(event) for event in self.events[proxy_id]]
        for event in self.events[proxy_id]:
            if event["status"] == "in_progress" and self.switches_end_as != "in_progress":
                event["status"], event["durationMs"] = self.switches_end_as, 7.0
                event["errorMessage"] = "embedded: rejected" if self.switches_end_as == "failed" else None
        return listed


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
                no = Refusal(401, "a valid bearer token is required", "PROXY_FAILOVER_024")
                return Answer(no.status, json.dumps(no.body).encode())
            try:
                status, content = contract.handle(self.command, self.path, body)
            except Refusal as no:
                status, content = no.status, no.body
            return Answer(status, json.dumps(content).encode())

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base class names them

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class named it
            pass

    return Handler
