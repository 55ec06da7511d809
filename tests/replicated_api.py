"""The API of three replicas on fakes that share one store, each reaching the others as over a network."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from tests.api_world import SECRET, client_of
from tests.unit.control.replicas import OneReplica, Replicas

from switchover.api.app import ApiSettings, create_api
from switchover.api.auth.roles import Role
from switchover.api.auth.tokens import SecretVerifier, issue_token
from switchover.api.forwarding import peer_client
from switchover.testing.clock import CountingIds


class Switchboard(httpx.AsyncBaseTransport):
    """Connects replicas by the host of their url.

    Attributes:
        asked: Every request that one replica sent to another, in order.
        dead: Hosts that refuse connections.
        mute: Hosts that take a request and whose answer never arrives.
        answers: Host → what it answers instead.
    """

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.dead: set[str] = set()
        self.mute: set[str] = set()
        self.answers: dict[str, httpx.Response] = {}
        self._ways: dict[str, httpx.ASGITransport] = {}

    def connect(self, url: str, app: FastAPI) -> None:
        self._ways[httpx.URL(url).host] = httpx.ASGITransport(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        self.asked.append(request)
        if host in self.dead:
            raise httpx.ConnectError("connection refused", request=request)
        if host in self.answers:
            return self.answers[host]
        answer = await self._ways[host].handle_async_request(request)
        if host in self.mute:
            raise httpx.ReadTimeout("no answer", request=request)
        return answer


class ReplicatedApi:
    """Three replicas and a client of each; `ann` has the role user, `root` is an admin."""

    def __init__(self, replicas: Replicas) -> None:
        self.replicas = replicas
        self.switchboard = Switchboard()
        self._clients: dict[str, httpx.AsyncClient] = {}

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["ReplicatedApi"]:
        async with AsyncExitStack() as stack:
            for one in self.replicas.all:
                peers = await stack.enter_async_context(peer_client(self.switchboard))
                app = create_api(
                    one.service,
                    SecretVerifier(SECRET, self.replicas.clock),
                    clock=self.replicas.clock,
                    ids=CountingIds(),
                    settings=ApiSettings(version="0.0.0", rate_limit=None),
                    peers=peers,
                )
                self.switchboard.connect(one.replica.url, app)
                self._clients[one.replica.name] = await stack.enter_async_context(client_of(app))
            yield self

    async def call(
        self, at: OneReplica, method: str, path: str, body: Any = None, *, user: str = "root", **headers: str
    ) -> httpx.Response:
        """Send a request to one replica."""
        role = Role.ADMIN if user == "root" else Role.USER
        token = issue_token(SECRET, user, [role], now=self.replicas.clock.now(), ttl_seconds=10**9)
        given = {"authorization": f"Bearer {token}"} | {n.replace("_", "-"): v for n, v in headers.items()}
        return await self._clients[at.replica.name].request(method, path, json=body, headers=given)

    async def done(self, at: OneReplica, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The `data` of a request that must succeed."""
        response = await self.call(at, method, path, body, **more)
        assert response.is_success, response.text
        return response.json()["data"]


@asynccontextmanager
async def replicated_api() -> AsyncIterator[ReplicatedApi]:
    """Three replicas with the proxy `web` of ann, whose instances a, b and c are probed by its owner."""
    async with Replicas().running() as replicas, ReplicatedApi(replicas).serving() as api:
        for one in replicas.all[1:]:
            # One node, which is connected to the first replica alone.
            one.node.silence()
        await replicas.create(owner="ann")
        yield api
