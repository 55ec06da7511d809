"""A real Envoy and a real xDS server around it, for tests."""

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

import httpx
from tests.backend import Backend
from tests.load import Load
from tests.waiting import eventually

from switchover.app.clock import SystemClock
from switchover.model.plan import Endpoint, Plan
from switchover.model.policy import BalancingAlgorithm, Listener, Traffic
from switchover.switch.envoy.binary import find_envoy
from switchover.switch.envoy.driver import EnvoyDriver
from switchover.switch.envoy.process import EnvoySupervisor
from switchover.switch.envoy.server import XdsServer

NODE_ID = "test-envoy"
APPLY_SECONDS = 30.0


@contextlib.contextmanager
def occupied(port: int) -> Iterator[None]:
    """Somebody else listens on the port for the length of the block."""
    with socket.create_server(("127.0.0.1", port)):
        yield


def instance_id(name: str) -> UUID:
    """The id that plans give the instance of this name."""
    return uuid5(NAMESPACE_DNS, name)


def endpoint(backend: Backend, weight: int = 100) -> Endpoint:
    """A backend as a plan names it."""
    return Endpoint(instance_id=instance_id(backend.name), host="127.0.0.1", port=backend.port, weight=weight)


def plan(
    *tiers: Sequence[Endpoint],
    port: int,
    epoch: int = 1,
    proxy_id: str = "web",
    traffic: Traffic | None = None,
    balancing: BalancingAlgorithm | None = None,
    autonomous: bool = True,
) -> Plan:
    """A plan on loopback; a try may be silent for half a second unless `traffic` says otherwise."""
    return Plan(
        proxy_id=proxy_id,
        epoch=epoch,
        listener=Listener(port=port),
        traffic=traffic or Traffic(try_idle_timeout_seconds=0.5),
        tiers=tuple(tuple(tier) for tier in tiers),
        balancing=balancing,
        autonomous=autonomous,
        exclusive=False,
    )


@contextlib.asynccontextmanager
async def background(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Run `work` for the length of the block; what it raises is raised."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        try:
            yield task
        finally:
            task.cancel()


@contextlib.asynccontextmanager
async def control_plane(socket_path: Path) -> AsyncIterator[EnvoyDriver]:
    """An xDS server on the socket, and the driver of its one node; the driver is not started yet."""
    server = XdsServer(socket_path=socket_path, clock=SystemClock())
    driver = server.node(NODE_ID)
    async with background(server.serve()):
        await asyncio.wait_for(server.started.wait(), 30)
        yield driver


@dataclass(slots=True)
class EnvoyNode:
    """An Envoy in a directory of its own; it may start, end, and outlive its supervisor."""

    directory: Path
    supervisor: EnvoySupervisor = field(init=False)

    def __post_init__(self) -> None:
        self.supervisor = self.new_supervisor()

    @property
    def xds_socket(self) -> Path:
        """Where it looks for the xDS server."""
        return self.supervisor.paths.xds_socket

    def new_supervisor(self, node_id: str = NODE_ID) -> EnvoySupervisor:
        """A supervisor, as of our next life."""
        self.supervisor = EnvoySupervisor(
            binary=find_envoy(), directory=self.directory, node_id=node_id, clock=SystemClock()
        )
        return self.supervisor

    async def start(self) -> int:
        """Start it, leave it alone, and return its process id."""
        supervisor = self.new_supervisor()
        async with background(supervisor.run()):
            await asyncio.wait_for(supervisor.started.wait(), 60)
            pid = supervisor.pid
            assert pid is not None
            supervisor.leave()
        return pid

    async def stop(self) -> None:
        """End it at once."""
        await self.new_supervisor().drain_and_stop(0)

    async def counters(self, pattern: str) -> dict[str, int]:
        """Its counters and gauges whose names match the regular expression."""
        return await counters(self.supervisor.paths.admin_socket, pattern)


async def counters(admin_socket: Path, pattern: str) -> dict[str, int]:
    """An Envoy's counters and gauges whose names match the regular expression."""
    transport = httpx.AsyncHTTPTransport(uds=str(admin_socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://envoy", timeout=30) as client:
        response = await client.get("/stats", params={"filter": pattern})
    pairs = (line.rpartition(": ") for line in response.raise_for_status().text.splitlines())
    return {name: int(value) for name, _, value in pairs}


@contextlib.asynccontextmanager
async def envoy_node() -> AsyncIterator[EnvoyNode]:
    """A directory for an Envoy; whatever runs there at the end is ended."""
    # Not pytest's own directory: its path may be too long for a socket.
    with tempfile.TemporaryDirectory(prefix="switchover-test-") as directory:
        node = EnvoyNode(Path(directory) / "envoy")
        try:
            yield node
        finally:
            await node.stop()


async def answered_by(port: int, instance: str) -> None:
    """Wait until a request to the port is answered by this instance."""

    async def asked() -> bool:
        return (await Load(host="127.0.0.1", port=port).one()).instance == instance

    await eventually(asked)


async def refused(port: int) -> None:
    """Wait until nobody listens on the port."""

    async def asked() -> bool:
        failure = (await Load(host="127.0.0.1", port=port).one()).failure
        return failure is not None and "ConnectionRefused" in failure

    await eventually(asked)
