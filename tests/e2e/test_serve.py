"""`switchover serve` as real processes over a real PostgreSQL: any of them answers, and any of them may end or die."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.machine import COMMAND, ENDING_SECONDS, SURE_OF_ITSELF
from tests.ports import steady_ports
from tests.postgresql_server import EMPTY, PostgresqlServer
from tests.waiting import eventually

SECRET = "the secret that every replica of a test has, 32 bytes or more"
LEASE_SECONDS = 3

pytestmark = pytest.mark.timeout(300)


@dataclass(slots=True, kw_only=True)
class Replica:
    """One process."""

    name: str
    port: int
    process: Process
    token: str

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            return await client.request(
                method, f"http://127.0.0.1:{self.port}{path}", json=body, headers=headers
            )

    async def done(self, method: str, path: str, body: Any = None) -> Any:
        response = await self.ask(method, path, body)
        assert response.is_success, response.text
        return response.json()["data"]

    async def is_ready(self) -> bool:
        assert self.process.returncode is None, f"{self.name} ended"
        with contextlib.suppress(httpx.TransportError):
            return (await self.ask("GET", "/readyz")).is_success
        return False

    async def end(self, which: signal.Signals) -> int:
        self.process.send_signal(which)
        async with asyncio.timeout(ENDING_SECONDS):
            return await self.process.wait()


def environment(url: str, **more: str) -> dict[str, str]:
    settings = {
        "SWITCHOVER_DATABASE_URL": url,
        "SWITCHOVER_JWT_SECRET": SECRET,
        "SWITCHOVER_LEASE_SECONDS": str(LEASE_SECONDS),
    }
    return {**os.environ, **SURE_OF_ITSELF, **settings, **more}


async def command(*arguments: str, url: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, *arguments), stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environment(url)
    )
    async with asyncio.timeout(ENDING_SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def serving(url: str, count: int) -> AsyncIterator[list[Replica]]:
    """So many replicas that are ready; whatever became of them, they are gone afterwards."""
    code, token, err = await command("token", "create", "--user", "ann", "--role", "admin", url=url)
    assert code == 0, err
    started: list[Replica] = []
    try:
        for number, port in enumerate(steady_ports(count), start=1):
            process = await asyncio.create_subprocess_exec(
                *(*COMMAND, "serve", "--port", str(port)),
                stdin=DEVNULL,
                env=environment(url, SWITCHOVER_REPLICA_NAME=f"r{number}"),
            )
            started.append(Replica(name=f"r{number}", port=port, process=process, token=token.strip()))
        for one in started:
            await eventually(one.is_ready)
        yield started
    finally:
        for one in started:
            with contextlib.suppress(ProcessLookupError):
                one.process.kill()
            await one.process.wait()


@pytest.fixture
async def url(postgresql_server: PostgresqlServer) -> AsyncIterator[str]:
    """A database of the test's own with the newest tables."""
    async with postgresql_server.database() as name:
        yield postgresql_server.url(name)


async def furnished(replicas: list[Replica], proxy_id: str = "web") -> dict[str, str]:
    """A proxy whose instances a and b live by reports, made at one replica after the other; name → id."""
    await replicas[0].done("POST", "/proxy/failover/config", {"proxyId": proxy_id})
    ids: dict[str, str] = {}
    for number, name in enumerate("ab"):
        one = replicas[(number + 1) % len(replicas)]
        data = {"instanceName": name, "priority": 10 * (number + 1)}
        made = await one.done("POST", "/proxy/instances", {"proxyId": proxy_id, "instanceData": data})
        ids[name] = made["id"]
        await one.done("PUT", f"/proxy/instances/{made['id']}/health", {"healthStatus": "healthy"})
    return ids


async def owner_of(replicas: list[Replica], proxy_id: str = "web") -> Replica:
    name = (await replicas[0].done("GET", f"/proxy/{proxy_id}"))["owner"]
    return next(one for one in replicas if one.name == name)


async def test_any_replica_takes_orders_and_shows_what_came_of_them(url: str) -> None:
    async with serving(url, 3) as replicas:
        ids = await furnished(replicas)
        for number, one in enumerate(replicas):
            target = "ba"[number % 2]
            await one.done(
                "POST", "/proxy/failover/switchover", {"proxyId": "web", "targetInstanceId": ids[target]}
            )
            assert (await one.done("GET", "/proxy/web"))["activeInstanceId"] == ids[target]
        epochs = {(await one.done("GET", "/proxy/web"))["epoch"] for one in replicas}
        assert max(epochs) == 4


async def test_a_dead_owner_is_replaced_within_its_lease(url: str) -> None:
    async with serving(url, 3) as replicas:
        ids = await furnished(replicas)
        dead = await owner_of(replicas)
        others = [one for one in replicas if one is not dead]
        await dead.end(signal.SIGKILL)
        order = {"proxyId": "web", "targetInstanceId": ids["b"]}
        refused = await others[0].ask("POST", "/proxy/failover/switchover", order)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")

        async def taken() -> bool:
            answer = await others[0].ask("POST", "/proxy/failover/switchover", order)
            assert answer.status_code in {200, 503}, answer.text
            return answer.is_success

        await eventually(taken)
        assert (await owner_of(others)).name != dead.name
        assert (await others[0].done("GET", "/proxy/web"))["epoch"] == 2


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
async def test_who_ends_in_order_hands_over_and_no_write_fails_meanwhile(
    url: str, which: signal.Signals
) -> None:
    async with serving(url, 3) as replicas:
        ids = await furnished(replicas)
        former = await owner_of(replicas)
        others = [one for one in replicas if one is not former]
        ending = asyncio.create_task(former.end(which))
        writes = 0
        while not ending.done() or writes < 20:
            path = f"/proxy/instances/{ids['b']}"
            await others[writes % 2].done("PATCH", path, {"weight": writes % 50 + 1})
            writes += 1
        assert await ending == 0
        assert (await owner_of(others)).name != former.name


async def test_a_database_that_is_away_stops_orders_and_no_reads(postgresql_server: PostgresqlServer) -> None:
    async with postgresql_server.database() as name, serving(postgresql_server.url(name), 2) as replicas:
        ids = await furnished(replicas)
        one = replicas[0]
        order = {"proxyId": "web", "targetInstanceId": ids["b"]}
        postgresql_server.stop()
        try:

            async def warned() -> bool:
                read = await one.ask("GET", "/proxy/web")
                assert read.is_success
                return str(read.headers.get("warning", "")).startswith(
                    '110 - "the store does not answer since '
                )

            async def unready() -> bool:
                return not await one.is_ready()

            await eventually(warned)
            await eventually(unready)
            refused = await one.ask("POST", "/proxy/failover/switchover", order)
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "1"
        finally:
            postgresql_server.start()
        await eventually(one.is_ready)

        async def moved() -> bool:
            return (await one.ask("POST", "/proxy/failover/switchover", order)).status_code == 200

        await eventually(moved)
        assert "warning" not in (await one.ask("GET", "/proxy/web")).headers


async def test_a_database_without_tables_names_the_command_that_makes_them(
    postgresql_server: PostgresqlServer,
) -> None:
    async with postgresql_server.database(EMPTY) as name:
        code, _, err = await command("serve", "--port", "0", url=postgresql_server.url(name))
    assert code == 1
    assert "run `switchover db upgrade`" in err
    assert "s3:cr" not in err
