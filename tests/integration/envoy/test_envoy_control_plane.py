"""What our own end, return and mistakes mean to a real Envoy."""

import asyncio
import contextlib
import os
import signal
import socket
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from envoy.service.discovery.v3 import discovery_pb2
from structlog.testing import capture_logs
from tests.backend import backend
from tests.envoy_node import (
    APPLY_SECONDS,
    EnvoyNode,
    answered_by,
    background,
    control_plane,
    endpoint,
    envoy_node,
    instance_id,
    occupied,
    plan,
    refused,
)
from tests.load import Load, load
from tests.ports import free_port, steady_ports
from tests.waiting import DEADLINE_SECONDS, eventually

from switchover.app.clock import SystemClock
from switchover.model.errors import OwnError
from switchover.model.plan import Endpoint, ReceiptKind
from switchover.switch.driver import NodeState
from switchover.switch.envoy.server import XdsServer

DELTA_ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
CLUSTERS = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


async def _received(node: EnvoyNode) -> dict[str, int]:
    """How many configuration updates Envoy has taken or refused, by source."""
    counters = await node.counters(r"update_(success|rejected)$")
    return {name: count for name, count in counters.items() if count}


async def test_a_reconnecting_node_is_sent_nothing_that_it_has() -> None:
    port = free_port()
    async with envoy_node() as node, backend("a") as a:
        wanted = plan([endpoint(a)], port=port, epoch=3)
        async with control_plane(node.xds_socket) as driver:
            await driver.start([wanted])
            await node.start()
            assert (await driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED
        before = await _received(node)

        async with control_plane(node.xds_socket) as driver:
            await driver.start([wanted])
            assert (await driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED
            assert await _received(node) == before


async def test_a_restart_of_ours_under_load_costs_no_request_and_a_switch_follows() -> None:
    port = free_port()
    async with envoy_node() as node, backend("a") as a, backend("b") as b:
        wanted = plan([endpoint(a)], [endpoint(b)], port=port)
        async with control_plane(node.xds_socket) as driver:
            await driver.start([wanted])
            await node.start()
            await answered_by(port, "a")

        async with load(port, rate=200, target="/?delay=0.02") as running:
            for epoch in (2, 3, 4):
                active, standby = (b, a) if epoch % 2 == 0 else (a, b)
                async with control_plane(node.xds_socket) as driver:
                    await driver.start([wanted])
                    await driver.apply(wanted, APPLY_SECONDS)
                    wanted = plan([endpoint(active)], [endpoint(standby)], port=port, epoch=epoch)
                    receipt = await driver.apply(wanted, APPLY_SECONDS)
                    assert receipt.kind is ReceiptKind.APPLIED
                    await answered_by(port, active.name)

        assert running.failures == []


async def test_a_node_that_connects_before_the_plans_are_loaded_keeps_what_it_has() -> None:
    port = free_port()
    async with envoy_node() as node, backend("a") as a:
        wanted = plan([endpoint(a)], port=port)
        async with control_plane(node.xds_socket) as driver:
            await driver.start([wanted])
            await node.start()
            await answered_by(port, "a")

        async with control_plane(node.xds_socket) as driver:
            await eventually(lambda: _connected(node))
            assert driver.status().state is NodeState.AWAY
            assert (await Load(host="127.0.0.1", port=port).one()).instance == "a"


async def _connected(node: EnvoyNode) -> bool:
    return await node.counters(r"^control_plane\.connected_state$") == {"control_plane.connected_state": 1}


async def test_what_a_node_has_and_should_not_have_is_taken_away_when_it_reconnects() -> None:
    kept, gone = steady_ports(2)
    async with envoy_node() as node, backend("a") as a:
        plans = [
            plan([endpoint(a)], port=kept, proxy_id="kept"),
            plan([endpoint(a)], port=gone, proxy_id="gone"),
        ]
        async with control_plane(node.xds_socket) as driver:
            await driver.start(plans)
            await node.start()
            await answered_by(kept, "a")
            await answered_by(gone, "a")

        async with control_plane(node.xds_socket) as driver:
            await driver.start(plans[:1])
            await refused(gone)
            await answered_by(kept, "a")
            assert driver.status().state is NodeState.CONNECTED


async def test_two_hundred_proxies_start_and_one_that_is_refused_harms_no_other() -> None:
    async with envoy_node() as node, backend("a") as a, backend("b") as b:
        plans = [
            plan([endpoint(a)], [endpoint(b)], port=port, proxy_id=f"proxy-{number}")
            for number, port in enumerate(steady_ports(200))
        ]
        with occupied(plans[77].listener.port):
            async with control_plane(node.xds_socket) as driver:
                await driver.start(plans)
                await node.start()
                receipts = await asyncio.gather(*(driver.apply(each, APPLY_SECONDS) for each in plans))

                refusals = {r.proxy_id: r.detail for r in receipts if r.kind is not ReceiptKind.APPLIED}
                assert refusals.keys() == {"proxy-77"}
                assert "Address already in use" in refusals["proxy-77"]
                assert driver.status().rejections == refusals
                await answered_by(plans[0].listener.port, "a")
                await answered_by(plans[199].listener.port, "a")


async def test_an_address_that_envoy_refuses_is_refused_in_its_words_and_harms_no_other() -> None:
    async with envoy_node() as node, backend("a") as a, control_plane(node.xds_socket) as driver:
        await driver.start([])
        await node.start()
        name = Endpoint(instance_id=instance_id("n"), host="not-an-address", port=80, weight=1)
        port, *ports = steady_ports(4)
        bad = plan([name], port=port, proxy_id="bad")
        good = [plan([endpoint(a)], port=each, proxy_id=f"good-{each}") for each in ports]

        receipts = await asyncio.gather(*(driver.apply(each, APPLY_SECONDS) for each in (bad, *good)))

        assert [r.kind for r in receipts] == [ReceiptKind.REJECTED] + [ReceiptKind.APPLIED] * 3
        assert "malformed IP address: not-an-address" in receipts[0].detail


async def test_a_frozen_node_times_out_and_follows_when_it_thaws() -> None:
    port = free_port()
    async with envoy_node() as node, backend("a") as a, control_plane(node.xds_socket) as driver:
        await driver.start([])
        pid = await node.start()
        assert (await driver.apply(plan([endpoint(a)], port=port), APPLY_SECONDS)).kind is ReceiptKind.APPLIED
        os.kill(pid, signal.SIGSTOP)
        try:
            receipt = await driver.apply(plan(port=port, epoch=2), 0.3)
        finally:
            os.kill(pid, signal.SIGCONT)

        assert receipt.kind is ReceiptKind.TIMED_OUT
        assert "endpoints" in receipt.detail
        assert (await driver.apply(plan(port=port, epoch=2), APPLY_SECONDS)).kind is ReceiptKind.APPLIED


async def test_a_node_that_stays_frozen_shows_as_away_and_comes_back() -> None:
    async with envoy_node() as node, control_plane(node.xds_socket) as driver:
        await driver.start([])
        pid = await node.start()
        await eventually(lambda: driver.status().state is NodeState.CONNECTED)
        os.kill(pid, signal.SIGSTOP)
        try:
            # A ping every 10 s and 5 s for its answer; without pings a stream on a unix socket lives for ever.
            await eventually(lambda: driver.status().state is NodeState.AWAY, within=45)
        finally:
            os.kill(pid, signal.SIGCONT)
        await eventually(lambda: driver.status().state is NodeState.CONNECTED)


async def test_a_socket_that_somebody_removes_is_made_anew() -> None:
    port = free_port()
    async with envoy_node() as node, backend("a") as a, control_plane(node.xds_socket) as driver:
        await driver.start([plan([endpoint(a)], port=port)])
        # Twice: what ends with the first socket must not take the second one along.
        for _ in range(2):
            await node.start()
            await answered_by(port, "a")
            await node.stop()
            node.xds_socket.unlink()
        # Only through a new socket can an Envoy learn what to serve.
        await node.start()
        await answered_by(port, "a")


async def test_a_stranger_is_refused_and_told_of_in_the_log() -> None:
    async with envoy_node() as node, control_plane(node.xds_socket) as driver:
        await driver.start([])
        with capture_logs() as logs:
            supervisor = node.new_supervisor(node_id="stranger")
            async with background(supervisor.run()):
                await eventually(lambda: [log for log in logs if log["event"] == "unknown_node_refused"])
                supervisor.leave()

        assert {log["node_id"] for log in logs if log["event"] == "unknown_node_refused"} == {"stranger"}
        assert driver.status().state is NodeState.AWAY


async def test_a_second_stream_of_the_same_node_takes_the_firsts_place() -> None:
    async with (
        envoy_node() as first,
        envoy_node() as second,
        backend("a") as a,
        control_plane(first.xds_socket) as driver,
    ):
        await driver.start([])
        await first.start()
        await eventually(lambda: driver.status().state is NodeState.CONNECTED)
        # The same name in another directory, but with our socket.
        second.directory.mkdir(parents=True)
        second.xds_socket.symlink_to(first.xds_socket)
        with capture_logs() as logs:
            await second.start()
            await eventually(lambda: [log for log in logs if "newer stream" in str(log.get("words"))])
        await first.stop()

        await eventually(lambda: driver.status().state is NodeState.CONNECTED)
        wanted = plan([endpoint(a)], port=free_port())
        assert (await driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED


async def test_a_socket_that_somebody_serves_on_is_not_taken_over() -> None:
    async with envoy_node() as node, control_plane(node.xds_socket):
        intruder = XdsServer(socket_path=node.xds_socket, clock=SystemClock())

        with pytest.raises(OwnError, match="another process serves"):
            await intruder.serve()


async def test_a_stale_socket_is_replaced() -> None:
    async with envoy_node() as node:
        node.directory.mkdir(parents=True)
        with socket.socket(socket.AF_UNIX) as left_behind:
            left_behind.bind(str(node.xds_socket))
        async with control_plane(node.xds_socket):
            assert node.xds_socket.is_socket()
            assert node.xds_socket.parent.stat().st_mode & 0o777 == 0o700


async def test_a_node_that_is_sent_away_in_the_middle_of_an_answer_is_told_so(tmp_path: Path) -> None:
    server = XdsServer(socket_path=tmp_path / "xds.sock", clock=SystemClock())
    drivers = [server.node(f"node-{number}") for number in range(40)]
    async with (
        background(server.serve()),
        grpc.aio.insecure_channel(f"unix:{tmp_path / 'xds.sock'}") as channel,
    ):
        await asyncio.wait_for(server.started.wait(), DEADLINE_SECONDS)
        open_stream: grpc.aio.StreamStreamMultiCallable[Any, Any] = channel.stream_stream(
            DELTA_ADS, request_serializer=discovery_pb2.DeltaDiscoveryRequest.SerializeToString
        )
        for turns, driver in enumerate(drivers):
            await driver.start([])
            stream = open_stream()
            await stream.write(
                discovery_pb2.DeltaDiscoveryRequest(node={"id": driver.node_id}, type_url=CLUSTERS)
            )
            await asyncio.wait_for(driver.came_or_went(), APPLY_SECONDS)
            # Each time a little further into the answer.
            for _ in range(turns):
                await asyncio.sleep(0)

            driver.send_away()

            async with asyncio.timeout(DEADLINE_SECONDS):
                with contextlib.suppress(grpc.aio.AioRpcError):
                    async for _ in stream:
                        pass
                assert await stream.code() is grpc.StatusCode.UNAVAILABLE
