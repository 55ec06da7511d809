"""What clients see of a real Envoy when instances die, hang, and change places."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest
from tests.backend import Backend, backend
from tests.envoy_node import (
    APPLY_SECONDS,
    EnvoyNode,
    answered_by,
    control_plane,
    endpoint,
    envoy_node,
    plan,
    refused,
)
from tests.load import Load, load
from tests.ports import free_port
from tests.waiting import DEADLINE_SECONDS, eventually

from switchover.model.plan import Endpoint, Plan, ReceiptKind
from switchover.model.policy import Traffic
from switchover.switch.envoy.driver import EnvoyDriver

RATE = 200.0


@dataclass(slots=True, kw_only=True)
class Stage:
    """A running Envoy with its driver, and three instances."""

    node: EnvoyNode
    driver: EnvoyDriver
    control_plane: AsyncExitStack
    a: Backend
    b: Backend
    c: Backend
    port: int

    def plan(self, *order: Backend, epoch: int = 1, traffic: Traffic | None = None) -> Plan:
        tiers: list[list[Endpoint]] = [[endpoint(each)] for each in order]
        return plan(*tiers, port=self.port, epoch=epoch, traffic=traffic)

    async def apply(self, wanted: Plan) -> None:
        assert (await self.driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED

    async def serve(self, wanted: Plan, instance: str) -> None:
        await self.apply(wanted)
        await answered_by(self.port, instance)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with (
        envoy_node() as node,
        backend("a") as a,
        backend("b") as b,
        backend("c") as c,
        AsyncExitStack() as control,
    ):
        driver = await control.enter_async_context(control_plane(node.xds_socket))
        await driver.start([])
        await node.start()
        yield Stage(node=node, driver=driver, control_plane=control, a=a, b=b, c=c, port=free_port())


async def test_switches_under_load_cost_no_request_and_each_is_followed_at_once(stage: Stage) -> None:
    await stage.serve(stage.plan(stage.a, stage.b, stage.c), "a")

    async with load(stage.port, rate=RATE, target="/?delay=0.02") as running:
        for epoch in range(2, 12):
            active = (stage.a, stage.b, stage.c)[epoch % 3]
            standbys = [each for each in (stage.a, stage.b, stage.c) if each is not active]
            await stage.apply(stage.plan(active, *standbys, epoch=epoch))
            # The receipt came: whatever starts now goes to the new active.
            request = await Load(host="127.0.0.1", port=stage.port).one()
            assert (request.instance, request.failure) == (active.name, None)

    assert running.failures == []
    assert running.requests


@pytest.mark.parametrize("control_plane_lives", [True, False])
async def test_a_killed_active_costs_no_get(stage: Stage, *, control_plane_lives: bool) -> None:
    await stage.serve(stage.plan(stage.a, stage.b, stage.c), "a")
    if not control_plane_lives:
        await stage.control_plane.aclose()

    async with load(stage.port, rate=RATE, target="/?delay=0.02") as running:
        await eventually(lambda: running.answered_by()["a"] > 100)
        stage.a.kill()
        await eventually(lambda: running.answered_by()["b"] > 200)

    assert running.failures == []
    assert running.answered_by()["c"] == 0


@pytest.mark.parametrize("control_plane_lives", [True, False])
async def test_a_frozen_active_costs_no_get(stage: Stage, *, control_plane_lives: bool) -> None:
    await stage.serve(stage.plan(stage.a, stage.b, stage.c), "a")
    if not control_plane_lives:
        await stage.control_plane.aclose()

    async with load(stage.port, rate=RATE) as running:
        await eventually(lambda: running.answered_by()["a"] > 100)
        stage.a.freeze()
        frozen = time.monotonic()
        await eventually(lambda: running.answered_by()["b"] > 300)

    assert running.failures == []
    assert running.answered_by(since=frozen)["c"] == 0


async def test_a_frozen_active_is_ejected_at_a_slow_and_even_rate_too(stage: Stage) -> None:
    # Tries that fall silent and connections that the kernel accepts alternate here: see docs/adr/0003.
    await stage.serve(stage.plan(stage.a, stage.b), "a")

    async with load(stage.port, rate=20) as running:
        await eventually(lambda: running.answered_by()["a"] > 10)
        stage.a.freeze()
        ejected = await eventually(
            lambda: stage.node.counters("cluster.web.outlier_detection.ejections_active"), within=30
        )
        await eventually(lambda: running.answered_by()["b"] > 30)
        assert ejected
        assert await stage.node.counters(r"^cluster\.web\.outlier_detection\.ejections_enforced_total$") == {
            "cluster.web.outlier_detection.ejections_enforced_total": 1
        }

    assert running.failures == []


async def test_our_word_ends_the_nodes_own_ejection(stage: Stage) -> None:
    await stage.serve(stage.plan(stage.a, stage.b), "a")
    stage.a.freeze()
    await answered_by(stage.port, "b")
    stage.a.thaw()

    await stage.apply(stage.plan(stage.a, stage.b, epoch=2))

    assert (await Load(host="127.0.0.1", port=stage.port).one()).instance == "a"


async def test_an_answer_that_keeps_flowing_is_not_cut(stage: Stage) -> None:
    await stage.serve(stage.plan(stage.a, stage.b), "a")

    # Fifteen bytes, one every 0.1 s: three times the silence that a try is allowed, and never silent.
    async with httpx.AsyncClient() as client:
        response = await client.get(f"http://127.0.0.1:{stage.port}/?bytes=15&pause=0.1", timeout=60)

    assert (response.status_code, response.content) == (200, b"x" * 15)
    assert response.headers["x-instance"] == "a"


async def test_a_slow_post_is_neither_cut_nor_sent_twice(stage: Stage) -> None:
    await stage.serve(stage.plan(stage.a, stage.b), "a")

    slow = Load(host="127.0.0.1", port=stage.port, target="/?delay=1.5", method="POST")
    request = await slow.one()

    assert (request.instance, request.failure) == ("a", None)
    assert set((await stage.node.counters(r"^cluster\.web\.upstream_rq_retry$")).values()) == {0}


async def test_a_post_in_flight_at_the_kill_is_not_sent_again(stage: Stage) -> None:
    await stage.serve(stage.plan(stage.a, stage.b), "a")
    sending = asyncio.ensure_future(
        Load(host="127.0.0.1", port=stage.port, target="/?delay=30", method="POST").one()
    )
    await eventually(lambda: _in_progress(stage))

    stage.a.kill()

    assert (await sending).failure == "status 503"


async def _in_progress(stage: Stage) -> bool:
    return (await stage.node.counters(r"^cluster\.web\.upstream_rq_active$")).popitem()[1] == 1


async def test_a_request_that_takes_too_long_is_answered_504(stage: Stage) -> None:
    limits = Traffic(request_timeout_seconds=0.5, try_idle_timeout_seconds=0.0)
    await stage.serve(stage.plan(stage.a, traffic=limits), "a")

    request = await Load(host="127.0.0.1", port=stage.port, target="/?delay=20").one()

    assert request.failure == "status 504"


async def test_a_proxy_without_instances_answers_503(stage: Stage) -> None:
    await stage.serve(stage.plan(stage.a), "a")

    await stage.apply(stage.plan(epoch=2))

    assert (await Load(host="127.0.0.1", port=stage.port).one()).failure == "status 503"


async def test_a_withdrawn_proxys_port_is_closed(stage: Stage) -> None:
    await stage.serve(stage.plan(stage.a), "a")

    await stage.driver.withdraw("web")

    await refused(stage.port)
    await eventually(lambda: _clusters_are_gone(stage))


async def _clusters_are_gone(stage: Stage) -> bool:
    return await stage.node.counters(r"^cluster\.web\.") == {}


async def test_a_listener_moves_to_another_port(stage: Stage) -> None:
    await stage.serve(stage.plan(stage.a), "a")
    before = stage.port
    stage.port = free_port()

    await stage.serve(stage.plan(stage.a), "a")

    await refused(before)


async def test_what_clients_write_into_envoys_headers_steers_nothing(stage: Stage) -> None:
    await stage.serve(stage.plan(stage.a), "a")

    async with httpx.AsyncClient() as client:
        response = await client.get(
            f"http://127.0.0.1:{stage.port}/?delay=0.3",
            headers={"x-envoy-upstream-rq-timeout-ms": "1"},
            timeout=60,
        )

    assert response.status_code == 200


async def test_a_silent_web_socket_outlives_both_timeouts_and_a_move(stage: Stage) -> None:
    traffic = Traffic(request_timeout_seconds=1, try_idle_timeout_seconds=0.5)
    await stage.serve(stage.plan(stage.a, stage.b, traffic=traffic), "a")
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
    upgrade = "GET /chat HTTP/1.1\r\nhost: web\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    writer.write(upgrade.encode())
    async with asyncio.timeout(DEADLINE_SECONDS):
        head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")
    assert b"x-instance: a" in head

    await stage.apply(stage.plan(stage.b, stage.a, epoch=2, traffic=traffic))
    # As long as this takes, the socket is silent.
    slow = await Load(host="127.0.0.1", port=stage.a.port, target="/?delay=1.5").one()
    assert slow.instance == "a"

    writer.write(b"still there")
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await reader.readexactly(len(b"still there")) == b"still there"
    writer.close()
