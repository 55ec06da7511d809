"""The xDS server: a door for the embedded node, one for remote nodes, and a driver for each node."""

import asyncio
import socket
from pathlib import Path

import grpc
import grpc.aio
import structlog

from switchover.model.clock import Clock
from switchover.model.errors import OwnError
from switchover.switch.envoy.door import Doorkeeper, RemoteDoor
from switchover.switch.envoy.driver import EnvoyDriver
from switchover.switch.envoy.freshness import CatchUp, Freshness
from switchover.switch.envoy.load_reports import REMOTE_REPORT_INTERVAL_SECONDS, REPORT_INTERVAL_SECONDS
from switchover.switch.envoy.paths import make_private
from switchover.switch.envoy.service import XdsService

_log = structlog.get_logger(__name__)

_UNBIND_DEADLINE_SECONDS = 5.0
_POLL_SECONDS = 0.01
_LOOK_SECONDS = 1.0


class XdsServer:
    """Serves ADS and LRS to the nodes that it was asked for.

    The embedded node comes by a unix socket in a directory that only we may enter. The caller holds a lock file; as a
    second guard a socket that somebody answers on is never taken over.

    Args:
        clock: For waiting.
        socket_path: Where the embedded node comes in; None when there is none.
        remote: Where remote nodes come in; None when there are none.
    """

    def __init__(
        self, *, clock: Clock, socket_path: Path | None = None, remote: RemoteDoor | None = None
    ) -> None:
        self._clock = clock
        self._socket_path = socket_path
        self._remote = remote
        self._embedded_drivers: dict[str, EnvoyDriver] = {}
        self._remote_drivers: dict[str, EnvoyDriver] = {}
        self._closed_doors: set[object] = {door for door in (socket_path, remote) if door is not None}
        self.started = asyncio.Event()
        """Set while nodes can connect."""
        self.catch_up: CatchUp | None = None
        """Brings this replica to what is stored; set before `serve` where there are others. None: there are none."""

    def node(self, node_id: str) -> EnvoyDriver:
        """The driver of this embedded node, always the same one. From now on the node is no stranger to the socket."""
        return self._driver(node_id, self._embedded_drivers)

    def remote_node(self, node_id: str, bind_address: str | None = None) -> EnvoyDriver:
        """The driver of this remote node, always the same one. From now on the node is no stranger to the address.

        With `bind_address` it opens listeners that are declared for every address on that one alone.
        """
        return self._driver(node_id, self._remote_drivers, bind_address)

    async def serve(self) -> None:
        """Serve until cancelled; owned by the caller's TaskGroup. Ending harms no node: it keeps what it has.

        Raises:
            OwnError: Somebody else serves on the socket or the address, or it cannot be bound.
        """
        freshness = Freshness(self.catch_up, self._clock)
        if not self._closed_doors:
            self.started.set()  # there is nobody who could come
        try:
            async with asyncio.TaskGroup() as doors:
                doors.create_task(freshness.run(), name="looks for nodes")
                if self._remote is not None:
                    doors.create_task(self._serve_remote(self._remote, freshness), name="remote nodes")
                if self._socket_path is not None:
                    doors.create_task(
                        self._serve_embedded(self._socket_path, freshness), name="embedded node"
                    )
        except BaseExceptionGroup as failed:
            # A door that cannot be opened closes the other; the caller is told why.
            raise failed.exceptions[0] from None

    def _driver(
        self, node_id: str, drivers: dict[str, EnvoyDriver], bind_address: str | None = None
    ) -> EnvoyDriver:
        if node_id not in drivers:
            drivers[node_id] = EnvoyDriver(node_id=node_id, clock=self._clock, bind_address=bind_address)
        return drivers[node_id]

    def _opened(self, door: object) -> None:
        self._closed_doors.discard(door)
        if not self._closed_doors:
            self.started.set()

    def _closed(self, door: object) -> None:
        self._closed_doors.add(door)
        self.started.clear()

    async def _serve_remote(self, door: RemoteDoor, freshness: Freshness) -> None:
        address, tls = str(door.address), door.tls
        service = XdsService(
            Doorkeeper(self._remote_drivers, by_certificate=tls is not None),
            freshness,
            self._clock,
            report_interval_seconds=REMOTE_REPORT_INTERVAL_SECONDS,
        )

        def add_port(server: grpc.aio.Server) -> None:
            if tls is None:
                server.add_insecure_port(address)
            else:
                server.add_secure_port(address, tls.credentials())

        try:
            async with service.serving(add_port):
                self._opened(door)
                try:
                    await asyncio.get_running_loop().create_future()
                finally:
                    self._closed(door)
        except RuntimeError as error:
            raise OwnError(f"cannot listen on {address} for nodes: {error}") from error

    async def _serve_embedded(self, path: Path, freshness: Freshness) -> None:
        service = XdsService(
            Doorkeeper(self._embedded_drivers),
            freshness,
            self._clock,
            report_interval_seconds=REPORT_INTERVAL_SECONDS,
        )
        while True:
            self._prepare_socket(path)
            try:
                await self._serve_while_reachable(path, service)
            except RuntimeError as error:
                raise OwnError(f"cannot listen on {path}: {error}") from error
            _log.warning("xds_socket_vanished", path=str(path))

    async def _serve_while_reachable(self, path: Path, service: XdsService) -> None:
        """Serve until somebody removes the socket: nodes that are connected would stay, but none could come back."""
        bound = False
        try:
            async with service.serving(lambda server: server.add_insecure_port(f"unix:{path}")):
                bound = True
                self._opened(path)
                try:
                    while _is_there(path):
                        await self._clock.sleep(_LOOK_SECONDS)
                    self._put_placeholder(path)
                finally:
                    self._closed(path)
        finally:
            if bound:
                await self._until_unbound(path)

    def _put_placeholder(self, path: Path) -> None:
        """A socket that nobody listens on, for grpc to unlink as it ends; else it would unlink our next one."""
        make_private(path.parent)
        with socket.socket(socket.AF_UNIX) as placeholder:
            placeholder.bind(str(path))

    def _prepare_socket(self, path: Path) -> None:
        # grpc makes the socket itself open to all; only the directory keeps others out.
        make_private(path.parent)
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except (FileNotFoundError, ConnectionRefusedError):
                return
            except OSError as error:
                raise OwnError(f"cannot use the socket {path}: {error}") from error
        raise OwnError(f"another process serves on {path}; stop it first")

    async def _until_unbound(self, path: Path) -> None:
        """Wait until grpc, a moment after `stop`, has closed and unlinked the socket: it would unlink a successor's."""
        deadline = self._clock.monotonic() + _UNBIND_DEADLINE_SECONDS
        while _is_there(path) and self._clock.monotonic() < deadline:
            await self._clock.sleep(_POLL_SECONDS)


def _is_there(path: Path) -> bool:
    return path.exists()
