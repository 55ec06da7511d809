"""The examples of the quick reference, taken from a run: a proxy's life, told in requests to the real API.

It runs over a control plane on fakes, whose ids count and whose clock stands still, so that the same code gives the
same bytes. Every request must succeed, or fail as the example says.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from http import HTTPStatus
from typing import Any
from uuid import UUID

from structlog.testing import capture_logs
from tests.api_world import ApiWorld, api_world

from switchover.api.operations import OPERATIONS
from switchover.api.operations.operation import Operation
from switchover.model.observation import Outcome
from switchover.testing.fake_prober import ScriptedOutcome

WIDTH = 110
ANN, ROOT = "ann", "root"
ANSWERS = ScriptedOutcome(outcome=Outcome.PASS, code="ok", detail="status 200", takes_seconds=1 / 256)
JSON = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One request and its answer."""

    request: str
    body: JSON | None
    status: int
    answer: Any

    def markdown(self) -> str:
        """The two as a block."""
        sent = "" if self.body is None else f"\n{compact(self.body)}\n"
        return (
            f"```http\n{self.request}\n{sent}```\n\n"
            f"<details><summary>Answer: {self.status}</summary>\n\n"
            f"```json\n{compact(self.answer)}\n```\n\n</details>\n"
        )


@dataclass(slots=True)
class Examples:
    """What was recorded.

    Attributes:
        descriptions: Of each operation, by its name, as the OpenAPI document has it.
        of_operation: One success of each, by its name.
        of_failure: Answers to requests that are refused.
    """

    descriptions: Mapping[str, str]
    of_operation: dict[str, Example] = field(default_factory=dict)
    of_failure: list[Example] = field(default_factory=list)


@dataclass(slots=True)
class _Teller:
    world: ApiWorld
    examples: Examples

    async def show(self, name: str, body: JSON | None = None, *, user: str = ANN, **at: str) -> Any:
        """Call an operation and keep it as its example; its data. `at` fills the path, the rest is the query."""
        operation = OPERATIONS[name]
        example = await self._call(operation, body, user, at)
        if example.status != operation.success:
            raise AssertionError(f"{example.request}: {example.status} {example.answer}")
        self.examples.of_operation.setdefault(name, example)
        return example.answer["data"]

    async def fail(
        self, status: HTTPStatus, name: str, body: JSON | None = None, *, user: str = ANN, **at: str
    ) -> None:
        """Call an operation that must fail with `status`, and keep the answer."""
        example = await self._call(OPERATIONS[name], body, user, at)
        if example.status != status:
            raise AssertionError(f"{example.request}: {example.status} {example.answer}")
        self.examples.of_failure.append(example)

    async def _call(
        self, operation: Operation, body: JSON | None, user: str, at: Mapping[str, str]
    ) -> Example:
        path, query = operation.path, []
        for name, value in at.items():
            if f"{{{name}}}" in path:
                path = path.replace(f"{{{name}}}", value)
            else:
                query.append(f"{name}={value}")
        path = "?".join((path, *filter(None, ["&".join(query)])))
        response = await self.world.call(operation.method.value, path, body, user=user)
        return Example(
            request=f"{operation.method.value} {path}",
            body=body,
            status=response.status_code,
            answer=response.json(),
        )


@cache
def examples() -> Examples:
    """Every example, from one run."""
    with capture_logs():
        return asyncio.run(_tell())


async def _tell() -> Examples:
    async with api_world(node_id="embedded") as world:
        document = world.app.openapi()
        by_name = {
            operation["operationId"]: str(operation.get("description", ""))
            for path in document["paths"].values()
            for operation in path.values()
        }
        teller = _Teller(world, Examples(by_name))
        web_1, web_2 = await _set_up(teller)
        await _look(teller, web_1)
        await _order(teller, web_1, web_2)
        await _drill(teller)
        await _somebody_else_switches(teller)
        await _bounded(teller)
        await _refused(teller, web_1, web_2)
        await teller.show("deleteInstance", instanceId=web_1)
        await teller.show("deleteProxy", proxyId="web")
        return teller.examples


async def _set_up(teller: _Teller) -> tuple[str, str]:
    config = {
        "healthCheckIntervalSeconds": 1,
        "healthCheck": {"type": "http", "path": "/health"},
        "listener": {"address": "127.0.0.1", "port": 10000},
    }
    await teller.show("saveConfiguration", {"proxyId": "web", "config": config})
    await teller.show("getConfiguration", proxyId="web")
    await teller.show("listProxies", limit="1")
    ids = []
    for number, priority in ((1, 10), (2, 20)):
        data = {"instanceName": f"web-{number}", "address": f"10.0.0.{number}:8080", "priority": priority}
        made = await teller.show("registerInstance", {"proxyId": "web", "instanceData": data})
        teller.world.bench.prober.script(UUID(made["id"]), ANSWERS)
        ids.append(made["id"])
    await teller.world.bench.clock.advance(3)
    return ids[0], ids[1]


async def _look(teller: _Teller, web_1: str) -> None:
    await teller.show("listInstances", proxyId="web")
    metrics = {"cpuPercent": 41.5, "averageLatencyMs": 12.0, "errorRate": 0.002, "connectionCount": 12}
    await teller.show("reportHealth", {"healthStatus": "healthy", "metrics": metrics}, instanceId=web_1)
    await teller.show("listInstanceMetrics", instanceId=web_1, limit="1")
    await teller.show("evaluateFailover", {"proxyId": "web"})
    await teller.show("getProxy", proxyId="web")
    await teller.show("listNodes", user=ROOT)
    await teller.show("listReplicas", user=ROOT)


async def _order(teller: _Teller, web_1: str, web_2: str) -> None:
    clock = teller.world.bench.clock
    move = {"sourceInstanceId": web_1, "targetInstanceId": web_2, "reason": "Kernel update"}
    await teller.show("executeFailover", {"proxyId": "web", **move}, user=ROOT)
    await clock.advance(1)
    (event,) = await teller.show("listFailoverEvents", proxyId="web", limit="1")
    await teller.show("explainFailoverEvent", eventId=event["id"])
    await teller.show("explainFailover", proxyId="web")
    await teller.show("listHealthTransitions", proxyId="web", limit="2")
    await teller.show("listAudit", proxyId="web", limit="2")
    await teller.show("getRedundancy", proxyId="web")
    declared = {"isDegraded": True, "lastFailoverReason": "Rack 7 is without power"}
    await teller.show("declareRedundancy", declared, user=ROOT, proxyId="web")
    await teller.show("changeInstance", {"weight": 50}, instanceId=web_2)
    await teller.show("pin", {"reason": "Until the rack is mended"}, user=ROOT, proxyId="web")
    await teller.show("unpin", user=ROOT, proxyId="web")
    await _recover(teller, web_1)
    await teller.show("undamp", instanceId=web_1)
    drain = {"adminState": "drain", "reason": "Kernel update", "expiresInSeconds": 7200}
    await teller.show("setAdminState", drain, instanceId=web_2)
    await clock.advance(1)
    await teller.show("setAdminState", {"adminState": "ready"}, instanceId=web_2)
    await teller.show("switchOver", {"proxyId": "web", "reason": "Kernel update"}, user=ROOT)
    await clock.advance(1)
    tonight = (clock.now() + timedelta(hours=8)).isoformat()
    await teller.show("switchOver", {"proxyId": "web", "scheduledFor": tonight}, user=ROOT)
    await teller.show("cancelSwitchover", user=ROOT, proxyId="web")


async def _drill(teller: _Teller) -> None:
    clock = teller.world.bench.clock
    await teller.show(
        "startDrill", {"reason": "Quarterly drill", "holdSeconds": 30}, user=ROOT, proxyId="web"
    )
    await clock.advance(60)
    await teller.show("listDrills", proxyId="web", limit="1")
    await teller.show("startDrill", {}, user=ROOT, proxyId="web")
    await teller.show("cancelDrill", user=ROOT, proxyId="web")
    await clock.advance(60)


async def _recover(teller: _Teller, web_1: str) -> None:
    world = teller.world
    action = {"recoveryAction": {"type": "webhook", "url": "https://ops.example/recover"}}
    await world.done("POST", "/proxy/failover/config", {"proxyId": "web", "config": action})
    await teller.show("rotateRecoverySecret", {}, proxyId="web")
    await world.done("PUT", f"/proxy/instances/{web_1}/health", {"healthStatus": "unhealthy"})
    await world.bench.clock.advance(0.25)
    await teller.show("recoverInstance", {"reason": "The disk was replaced"}, instanceId=web_1)
    await world.done("PUT", f"/proxy/instances/{web_1}/health", {"healthStatus": "healthy"})
    await world.done(
        "POST", "/proxy/failover/config", {"proxyId": "web", "config": {"recoveryAction": {"type": "none"}}}
    )


async def _somebody_else_switches(teller: _Teller) -> None:
    await teller.world.proxy("db-1", "db-2", proxy_id="db")
    event = await teller.show("switchOver", {"proxyId": "db"}, user=ROOT)
    outcome = {"status": "completed", "durationMs": 1250}
    await teller.show("completeFailoverEvent", outcome, user=ROOT, eventId=event["id"])


async def _bounded(teller: _Teller) -> None:
    ids = await teller.world.proxy("shop-1", "shop-2", proxy_id="shop")
    pause = {"reason": "Network work until noon", "forSeconds": 7200}
    await teller.show("pauseAutomation", pause, scope="proxy:shop")
    for _ in range(3):
        report = {"healthStatus": "unhealthy"}
        await teller.world.done("PUT", f"/proxy/instances/{ids['shop-1']}/health", report)
    await teller.show("listBlockedMoves", proxyId="shop", limit="1")
    await teller.show("resumeAutomation", scope="proxy:shop")
    await teller.show(
        "setGate", {"isOn": True, "reason": "Deploy 4711 is done"}, scope="user:me", gate="deploys"
    )
    night = {
        "name": "night",
        "days": ["sat", "sun"],
        "start": "22:00",
        "end": "06:00",
        "timeZone": "Europe/Berlin",
    }
    rules = {"moveLimit": {"moves": 5, "windowSeconds": 3600}, "gates": ["deploys"], "freezes": [night]}
    await teller.show("setSafetyRules", rules, scope="user:me")
    await teller.show("getAutomation", scope="user:me")
    await teller.show("clearSafetyRules", scope="user:me")
    await teller.show("removeGate", scope="user:me", gate="deploys")


async def _refused(teller: _Teller, web_1: str, web_2: str) -> None:
    slow = {"healthCheckIntervalSeconds": 1, "healthCheckTimeoutSeconds": 5}
    await teller.fail(HTTPStatus.BAD_REQUEST, "saveConfiguration", {"proxyId": "web", "config": slow})
    move = {"proxyId": "web", "sourceInstanceId": web_1, "targetInstanceId": web_2}
    await teller.fail(HTTPStatus.FORBIDDEN, "executeFailover", move)
    await teller.fail(HTTPStatus.NOT_FOUND, "getConfiguration", user="bob", proxyId="web")
    await teller.fail(HTTPStatus.CONFLICT, "executeFailover", move, user=ROOT)


def compact(value: Any, indent: int = 0) -> str:
    """`value` as JSON in as few lines as the width allows."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) <= WIDTH - indent or not value or not isinstance(value, dict | list):
        return line
    if isinstance(value, list):
        opening, parts, closing = "[", [compact(item, indent + 2) for item in value], "]"
    else:
        parts = [f"{json.dumps(name)}: {compact(item, indent + 2)}" for name, item in value.items()]
        opening, closing = "{", "}"
    inner = " " * (indent + 2)
    return "\n".join((opening, *(inner + row for row in _rows(parts, len(inner))), " " * indent + closing))


def _rows(parts: Sequence[str], indent: int) -> Sequence[str]:
    """The parts with their commas, packed into rows; a part of several lines has a row of its own."""
    rows: list[str] = []
    for number, part in enumerate(parts, start=1):
        piece = part if number == len(parts) else f"{part},"
        fits = (
            bool(rows) and "\n" not in rows[-1] + piece and indent + len(rows[-1]) + 1 + len(piece) <= WIDTH
        )
        if fits:
            rows[-1] += f" {piece}"
        else:
            rows.append(piece)
    return rows
