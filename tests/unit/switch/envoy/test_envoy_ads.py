"""One delta stream's tasks, on a stream that the test holds in its hands."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import cast

import grpc
import grpc.aio
import pytest
from tests.envoy_node import background, plan
from tests.waiting import eventually

from switchover.model.errors import StoreUnavailable
from switchover.switch.driver import NodeState
from switchover.switch.envoy.ads import LISTEN_DEADLINE_SECONDS, LOOK_AGAIN_SECONDS, Context, serve_stream
from switchover.switch.envoy.door import Doorkeeper
from switchover.switch.envoy.driver import EnvoyDriver
from switchover.switch.envoy.freshness import Freshness
from switchover.switch.envoy.messages import DeltaRequest, DeltaResponse, ResourceKind
from switchover.switch.envoy.server import XdsServer
from switchover.testing.clock import ManualClock


class HeldStream:
    """The server's end of a stream: what the node says is put in, what it is told is taken out."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[object] = asyncio.Queue()
        self.told: asyncio.Queue[DeltaResponse] = asyncio.Queue()
        self.begun = False
        self.aborted: tuple[grpc.StatusCode, str] | None = None

    async def send_initial_metadata(self, metadata: tuple[()]) -> None:
        assert metadata == ()
        assert not self.begun
        self.begun = True

    async def read(self) -> object:
        return await self.said.get()

    async def write(self, message: DeltaResponse) -> None:
        # A write that brought the metadata along could not be cancelled.
        assert self.begun
        await self.told.put(message)

    async def abort(self, code: grpc.StatusCode, details: str) -> None:
        self.aborted = (code, details)
        raise grpc.aio.AbortError

    def say(self, kind: ResourceKind, node_id: str = "node", has: Mapping[str, str] | None = None) -> None:
        self.said.put_nowait(
            DeltaRequest(
                node_id=node_id,
                type_url=kind.value,
                subscribe=(),
                unsubscribe=(),
                initial_versions=has or {},
                nonce="",
                error=None,
            )
        )

    def end(self) -> None:
        self.said.put_nowait(grpc.aio.EOF)


class Bench:
    """One driver and the streams of its node."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.driver = EnvoyDriver(node_id="node", clock=self.clock)
        self.freshness = Freshness(None, self.clock)

    def open(self) -> tuple[HeldStream, asyncio.Task[None]]:
        stream = HeldStream()
        doorkeeper = Doorkeeper({"node": self.driver})
        serving = serve_stream(cast("Context", stream), doorkeeper, self.freshness, self.clock)
        return stream, asyncio.ensure_future(serving)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    await made.driver.start([])
    yield made
    assert made.driver.status().state is NodeState.AWAY, "a stream was left open"


async def test_a_stream_is_answered_and_ends_when_the_node_ends_it(bench: Bench) -> None:
    stream, serving = bench.open()
    stream.say(ResourceKind.CLUSTER)

    assert (await stream.told.get()).kind is ResourceKind.CLUSTER
    assert bench.driver.status().state is NodeState.CONNECTED
    stream.end()
    await serving
    assert stream.aborted is None


async def test_a_node_that_hangs_up_before_it_speaks_is_no_event(bench: Bench) -> None:
    stream, serving = bench.open()
    stream.end()

    await serving


async def test_an_unknown_node_is_refused(bench: Bench) -> None:
    stream, serving = bench.open()
    stream.say(ResourceKind.CLUSTER, node_id="stranger")

    with pytest.raises(grpc.aio.AbortError):
        await serving
    assert stream.aborted is not None
    assert stream.aborted[0] is grpc.StatusCode.PERMISSION_DENIED
    assert "'stranger'" in stream.aborted[1]


async def test_a_node_that_asks_only_for_clusters_is_told_to_connect_again(bench: Bench) -> None:
    stream, serving = bench.open()
    stream.say(ResourceKind.CLUSTER)
    await stream.told.get()

    await bench.clock.advance(LISTEN_DEADLINE_SECONDS)

    with pytest.raises(grpc.aio.AbortError):
        await serving
    assert stream.aborted is not None
    assert stream.aborted[0] is grpc.StatusCode.UNAVAILABLE


async def test_a_node_that_asks_for_both_is_left_alone(bench: Bench) -> None:
    stream, serving = bench.open()
    stream.say(ResourceKind.CLUSTER)
    stream.say(ResourceKind.LISTENER)
    await stream.told.get()
    await stream.told.get()

    await bench.clock.advance(LISTEN_DEADLINE_SECONDS * 10)

    assert not serving.done()
    stream.end()
    await serving


async def test_a_newer_stream_takes_the_place_of_the_older(bench: Bench) -> None:
    older, serving_older = bench.open()
    older.say(ResourceKind.CLUSTER)
    await older.told.get()

    newer, serving_newer = bench.open()
    newer.say(ResourceKind.CLUSTER)

    with pytest.raises(grpc.aio.AbortError):
        await serving_older
    assert older.aborted is not None
    assert older.aborted[0] is grpc.StatusCode.ABORTED
    assert bench.driver.status().state is NodeState.CONNECTED
    newer.end()
    await serving_newer


async def test_cancelling_is_passed_on_and_the_node_is_away(bench: Bench) -> None:
    # grpc leaks the stream of a handler that swallows it (grpc/grpc#43360).
    stream, serving = bench.open()
    stream.say(ResourceKind.CLUSTER)
    await stream.told.get()

    serving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await serving


async def test_nothing_is_answered_before_the_driver_is_started() -> None:
    bench = Bench()
    stream, serving = bench.open()
    stream.say(ResourceKind.CLUSTER)
    await eventually(stream.said.empty)
    await bench.clock.advance(3600)

    assert stream.told.empty()
    assert bench.driver.status().state is NodeState.AWAY
    await bench.driver.start([])
    assert (await stream.told.get()).kind is ResourceKind.CLUSTER
    stream.end()
    await serving


async def test_a_node_is_answered_after_a_look_into_the_store(bench: Bench) -> None:
    stored = plan(port=10000)

    async def catch_up() -> None:
        bench.driver._put(stored)

    bench.freshness = Freshness(catch_up, bench.clock)
    async with background(bench.freshness.run()):
        stream, serving = bench.open()
        stream.say(ResourceKind.CLUSTER)
        assert [resource.name for resource in (await stream.told.get()).resources] == ["web"]
        stream.end()
        await serving


async def test_while_the_store_is_away_a_node_keeps_what_it_has_until_it_is_back(bench: Bench) -> None:
    away = True

    async def catch_up() -> None:
        if away:
            raise StoreUnavailable("away")

    bench.freshness = Freshness(catch_up, bench.clock)
    async with background(bench.freshness.run()):
        stream, serving = bench.open()
        stream.say(ResourceKind.CLUSTER, has={"web": "1"})
        stream.say(ResourceKind.LISTENER, has={"web": "1"})
        await bench.clock.advance(LOOK_AGAIN_SECONDS * 5)
        assert stream.told.empty()
        assert bench.driver.status().state is NodeState.CONNECTED

        away = False
        await bench.clock.advance(LOOK_AGAIN_SECONDS)
        told = [await stream.told.get(), await stream.told.get()]
        assert [(each.kind, each.removed) for each in told] == [
            (ResourceKind.LISTENER, ("web",)),
            (ResourceKind.CLUSTER, ("web",)),
        ]
        stream.end()
        await serving


async def test_a_server_without_any_door_is_there_for_nobody_at_once() -> None:
    server = XdsServer(clock=ManualClock())
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(60):
        await server.started.wait()
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
