"""A real Envoy that is nobody's child, and replicas' xDS servers on addresses that can freeze."""

import asyncio
import contextlib
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
from tests.envoy_node import background, counters
from tests.ports import steady_ports

from switchover.app.clock import SystemClock
from switchover.app.node_bootstrap import TlsPaths, node_bootstrap
from switchover.model.address import Address
from switchover.switch.driver import NodeState
from switchover.switch.envoy.binary import find_envoy
from switchover.switch.envoy.door import RemoteDoor, Tls
from switchover.switch.envoy.driver import EnvoyDriver
from switchover.switch.envoy.server import XdsServer

NODE_ID = "edge-1"
NO_TLS: TlsPaths = (None, None, None)


class RemoteEnvoy:
    """An Envoy with the bootstrap that `switchover node bootstrap` prints."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.admin_socket = directory / "admin.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, addresses: Sequence[Address], *, node_id: str = NODE_ID, tls: TlsPaths = NO_TLS) -> None:
        xds = [str(address) for address in addresses]
        text = node_bootstrap(node_id=node_id, xds=xds, admin=str(self.admin_socket), tls=tls)
        config = self.directory / "envoy.json"
        config.write_text(text)
        with (self.directory / "envoy.log").open("wb") as log:
            self._process = subprocess.Popen(
                [find_envoy(), "-c", config, "--concurrency", "1", "--disable-hot-restart", "-l", "warning"],
                stdout=log,
                stderr=log,
            )

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(30)

    async def counters(self, pattern: str) -> dict[str, int]:
        """Its counters and gauges whose names match; nothing while it does not answer yet."""
        try:
            return await counters(self.admin_socket, pattern)
        except httpx.TransportError:
            return {}


@contextlib.asynccontextmanager
async def remote_envoy() -> AsyncIterator[RemoteEnvoy]:
    """A directory for an Envoy, which is ended at the end."""
    with tempfile.TemporaryDirectory(prefix="switchover-test-") as directory:
        node = RemoteEnvoy(Path(directory))
        try:
            yield node
        finally:
            node.stop()


class Network:
    """What is between the nodes and one replica; it can freeze, as when packets are dropped."""

    def __init__(self, port: int, to: Address) -> None:
        self.address = Address(host="127.0.0.1", port=port)
        self._to = to
        self._flows = asyncio.Event()
        self._flows.set()
        self._connections: set[asyncio.Task[None]] = set()

    def freeze(self) -> None:
        """Keep what is open and pass nothing on; what is new is accepted and hears nothing."""
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._accept, self.address.host, self.address.port)
        try:
            yield
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.ensure_future(self._join(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            await self._flows.wait()
            far_reader, far_writer = await asyncio.open_connection(self._to.host, self._to.port)
            with contextlib.closing(far_writer):
                ways = ((reader, far_writer), (far_reader, writer))
                pumps = [asyncio.ensure_future(self._pump(*way)) for way in ways]
                try:
                    await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for pump in pumps:
                        pump.cancel()
                    await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()


class XdsReplica:
    """One replica's xDS server, its driver of the node, and the network before it."""

    def __init__(self, *, door: int, network: int, tls: Tls | None = None) -> None:
        self.door = RemoteDoor(address=Address(host="127.0.0.1", port=door), tls=tls)
        self.network = Network(network, self.door.address)
        self.server = XdsServer(clock=SystemClock(), remote=self.door)
        self.driver: EnvoyDriver = self.server.remote_node(NODE_ID)
        self._life = contextlib.AsyncExitStack()

    @property
    def address(self) -> Address:
        """Where nodes find it."""
        return self.network.address

    @property
    def has_node(self) -> bool:
        return self.driver.status().state is NodeState.CONNECTED

    async def start(self) -> None:
        await self._life.enter_async_context(self.network.running())
        await self._life.enter_async_context(background(self.server.serve()))
        await asyncio.wait_for(self.server.started.wait(), 30)

    async def die(self) -> None:
        """End, and refuse whoever comes."""
        await self._life.aclose()


def new_replicas(count: int, tls: Tls | None = None) -> list[XdsReplica]:
    """Replicas that do not serve yet."""
    ports = steady_ports(count * 2)
    return [
        XdsReplica(door=door, network=network, tls=tls)
        for door, network in zip(ports[::2], ports[1::2], strict=True)
    ]


@contextlib.asynccontextmanager
async def served(*replicas: XdsReplica) -> AsyncIterator[None]:
    """Serve nodes for the length of the block; whoever died stays dead."""
    try:
        for replica in replicas:
            await replica.start()
        yield
    finally:
        for replica in replicas:
            await replica.die()


@contextlib.asynccontextmanager
async def xds_replicas(count: int, tls: Tls | None = None) -> AsyncIterator[list[XdsReplica]]:
    """Replicas that serve nodes; their drivers are not started."""
    replicas = new_replicas(count, tls)
    async with served(*replicas):
        yield replicas
