"""The API over a whole control plane on fakes, called in process, and one example request for every operation."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
from fastapi import FastAPI

from switchover.api.app import ApiSettings, create_api
from switchover.api.auth.roles import Role
from switchover.api.auth.tokens import SecretVerifier, issue_token
from switchover.api.operations import OPERATIONS
from switchover.api.operations.operation import Operation
from switchover.control.service import ProxyFailoverService
from switchover.record.store import Store
from switchover.testing.clock import CountingIds, ManualClock
from switchover.testing.fake_driver import FakeDriver
from switchover.testing.memory_store import MemoryStore
from switchover.testing.workbench import Workbench

SECRET = b"a secret of the tests, long enough to forge HS512 tokens with it too"
NOBODY = "ffffffff-0000-7000-8000-000000000000"
JSON = dict[str, Any]

BODIES: Mapping[str, JSON] = {
    "saveConfiguration": {"proxyId": "web", "config": {"unhealthyThreshold": 2}},
    "registerInstance": {"proxyId": "web", "instanceData": {"instanceName": "web-9"}},
    "reportHealth": {"healthStatus": "healthy", "metrics": {"cpuPercent": 12.5}},
    "evaluateFailover": {"proxyId": "web"},
    "executeFailover": {"proxyId": "web", "sourceInstanceId": NOBODY, "targetInstanceId": NOBODY},
    "switchOver": {"proxyId": "web", "reason": "Kernel update"},
    "completeFailoverEvent": {"status": "completed"},
    "declareRedundancy": {"isDegraded": False},
    "changeInstance": {"priority": 20},
    "setAdminState": {"adminState": "ready"},
    "pin": {"reason": "Until the rack is mended"},
    "pauseAutomation": {"reason": "Network work"},
    "setSafetyRules": {"minServing": 1},
    "setGate": {"isOn": True},
    "startDrill": {"reason": "Quarterly drill", "holdSeconds": 0},
    "recoverInstance": {"reason": "The disk was replaced"},
    "rotateRecoverySecret": {},
}
"""Operations that take a body → one that is valid."""


def path_of(
    operation: Operation, *, proxy_id: str = "web", instance_id: str = NOBODY, event_id: str = NOBODY
) -> str:
    """The operation's path with its parameters filled in."""
    return (
        operation.path.replace("{proxyId}", proxy_id)
        .replace("{instanceId}", instance_id)
        .replace("{eventId}", event_id)
        # A proxy has no gates of its own.
        .replace(
            "{scope}/gates/{gate}", f"{'user:ann' if proxy_id[:1].isalnum() else 'nobody'}/gates/deploys"
        )
        .replace("{scope}", f"proxy:{proxy_id}")
    )


@dataclass(kw_only=True)
class ApiWorld:
    """A running API.

    `call` sends a request as somebody; `ann` has the role user, `root` is an admin.
    """

    app: FastAPI
    service: ProxyFailoverService
    bench: Workbench
    http: httpx.AsyncClient

    def token(self, user: str, *roles: Role, ttl_seconds: float = 10**9) -> str:
        """A valid token."""
        return issue_token(SECRET, user, roles, now=self.bench.clock.now(), ttl_seconds=ttl_seconds)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: str = "ann",
        roles: tuple[Role, ...] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """Send a request as `user`: root is an admin, anybody else a user unless `roles` are given."""
        roles = roles if roles is not None else (Role.ADMIN,) if user == "root" else (Role.USER,)
        headers = {"authorization": f"Bearer {self.token(user, *roles)}"} | more.pop("headers", {})
        if body is not None:
            more["json"] = body
        return await self.http.request(method, path, headers=headers, **more)

    async def done(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The `data` of a request that must succeed."""
        response = await self.call(method, path, body, **more)
        assert response.is_success, response.text
        return response.json()["data"]

    async def proxy(
        self, *healthy: str, proxy_id: str = "web", unhealthy: tuple[str, ...] = (), **config: Any
    ) -> JSON:
        """A proxy of ann's with instances that live by reports: name → id. The first healthy one becomes active."""
        await self.done("POST", "/proxy/failover/config", {"proxyId": proxy_id, "config": config})
        ids: JSON = {}
        for priority, name in enumerate((*healthy, *unhealthy)):
            data = {"instanceName": name, "priority": priority}
            made = await self.done("POST", "/proxy/instances", {"proxyId": proxy_id, "instanceData": data})
            ids[name] = made["id"]
        for name, instance_id in ids.items():
            status = "healthy" if name in healthy else "unhealthy"
            await self.done("PUT", f"/proxy/instances/{instance_id}/health", {"healthStatus": status})
        return ids

    async def close_open_event(self, proxy_id: str = "web") -> None:
        """Say of the newest event that it is completed, as whoever switches a proxy without a listener does."""
        events = await self.done("GET", f"/proxy/{proxy_id}/failover/events?limit=1")
        if events and events[0]["status"] == "in_progress":
            path = f"/proxy/failover/events/{events[0]['id']}/complete"
            await self.done("PUT", path, {"status": "completed"}, user="root")


def client_of(app: FastAPI) -> httpx.AsyncClient:
    """A client that calls `app` in process; an exception that leaves it would fail the test."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://switchover.test")


@asynccontextmanager
async def api_world(
    *, store: Store | None = None, settings: ApiSettings | None = None, node_id: str = "fake"
) -> AsyncIterator[ApiWorld]:
    """A running API over `store` (in memory by default), without a rate limit unless `settings` have one."""
    clock = ManualClock()
    bench = Workbench(clock=clock, store=store or MemoryStore(), drivers=(FakeDriver(node_id),))
    async with bench.running() as service:
        app = create_api(
            service,
            SecretVerifier(SECRET, clock),
            clock=clock,
            ids=CountingIds(),
            settings=settings or ApiSettings(version="0.0.0", rate_limit=None),
        )
        async with client_of(app) as http:
            yield ApiWorld(app=app, service=service, bench=bench, http=http)


class BrokenService:
    """A service of which every method raises `error`: what the API does with our own faults."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        async def fail(*_: Any, **__: Any) -> None:
            raise self._error

        def fail_at_once(*_: Any, **__: Any) -> None:
            raise self._error

        return fail_at_once if name in {"nodes", "replicas", "hindrances"} else fail


@asynccontextmanager
async def broken_api(error: Exception) -> AsyncIterator[httpx.AsyncClient]:
    """The API over a service that is broken, and a client of it with an admin's token."""
    clock = ManualClock()
    app = create_api(
        BrokenService(error),  # type: ignore[arg-type] # it answers every method, each with the error
        SecretVerifier(SECRET, clock),
        clock=clock,
        ids=CountingIds(),
        settings=ApiSettings(version="0.0.0"),
    )
    token = issue_token(SECRET, "root", [Role.ADMIN], now=clock.now(), ttl_seconds=3600)
    async with client_of(app) as http:
        http.headers["authorization"] = f"Bearer {token}"
        yield http


def assert_error(response: httpx.Response, status: int, number: int) -> JSON:
    """Check the envelope of a failure and return its content."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"]
    body = response.json()
    assert body.keys() == {"error"}
    error: JSON = body["error"]
    assert error.keys() - {"details"} == {"code", "message", "statusCode"}
    assert (error["code"], error["statusCode"]) == (f"PROXY_FAILOVER_{number:03}", status)
    return error


def claims_of(token: str) -> JSON:
    """What a token of the tests says."""
    claims: JSON = jwt.decode(
        token, SECRET, algorithms=["HS256"], options={"verify_exp": False}, audience="switchover"
    )
    return claims


BY_NAME = sorted(OPERATIONS)
"""Every operation's name, for parametrizing."""
