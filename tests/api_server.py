"""The API of `tests.api_world` on a real socket, in a thread of its own: for clients that block."""

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from tests.api_world import ApiWorld, api_world

from switchover.api.auth.roles import Role
from switchover.app.process import api_server

_START_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedApi:
    """Where it is, a token of an admin, and the ids of what is there: a proxy `web` whose last move is open."""

    url: str
    token: str
    instance_ids: Sequence[str]
    event_ids: Sequence[str]

    def something_to_delete(self, named: Mapping[str, Any]) -> dict[str, Any]:
        """`named` (a path's parameters) with a new proxy or instance in the place of one that exists."""
        match dict(named):
            case {"proxyId": "web"}:
                self._made("/proxy/failover/config", {"proxyId": "short-lived"})
                return {"proxyId": "short-lived"}
            case {"instanceId": instance_id} if instance_id in self.instance_ids:
                data = {"instanceName": f"as {instance_id} is", "priority": 1000}
                made = self._made("/proxy/instances", {"proxyId": "web", "instanceData": data})
                return {"instanceId": made["id"]}
            case {"scope": _, "gate": _}:
                path, headers = (
                    "/automation/user:me/gates/short-lived",
                    {"authorization": f"Bearer {self.token}"},
                )
                set_up = httpx.put(f"{self.url}{path}", json={"isOn": True}, headers=headers, trust_env=False)
                assert set_up.status_code == 200, set_up.text
                return {"scope": "user:me", "gate": "short-lived"}
            case other:
                return other

    def _made(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"authorization": f"Bearer {self.token}"}
        response = httpx.post(f"{self.url}{path}", json=body, headers=headers, trust_env=False)
        assert response.status_code == 201, response.text
        return response.json()["data"]


@contextmanager
def served_api() -> Iterator[ServedApi]:
    """Serve until the block ends."""
    ready: Future[tuple[ServedApi, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(ready)), name="served api")
    thread.start()
    try:
        served, loop, over = ready.result(_START_SECONDS)
        try:
            yield served
        finally:
            loop.call_soon_threadsafe(over.set)
    finally:
        thread.join()


async def _serve(ready: Future[tuple[ServedApi, asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    try:
        async with api_world() as world:
            over = asyncio.Event()
            with _listening() as listening:
                server = api_server(world.app)
                serving = asyncio.create_task(server.serve(sockets=[listening]))
                url = f"http://127.0.0.1:{listening.getsockname()[1]}"
                ready.set_result((await _furnished(world, url), asyncio.get_running_loop(), over))
                await over.wait()
                server.should_exit = True
                await serving
    except BaseException as error:
        if not ready.done():
            ready.set_exception(error)
        raise


def _listening() -> socket.socket:
    # With its protocol named, as in `app.process`: every answer would else wait 40 ms for a delayed acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    return listening


async def _furnished(world: ApiWorld, url: str) -> ServedApi:
    ids = await world.proxy("web-1", "web-2", "web-3", unhealthy=("web-4",))
    await world.done("POST", "/proxy/failover/switchover", {"proxyId": "web"}, user="root")
    events = await world.done("GET", "/proxy/web/failover/events")
    return ServedApi(
        url=url,
        token=world.token("root", Role.ADMIN),
        instance_ids=list(ids.values()),
        event_ids=[event["id"] for event in events],
    )
