"""What every serving process does in the same way: listen, hear signals, serve API and nodes, say what it serves."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from switchover.app.settings import Settings
from switchover.model.errors import FieldProblem, InvalidInput, SwitchoverError
from switchover.switch.envoy.server import XdsServer

GRACEFUL_API_SECONDS = 5
_BACKLOG = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What is served, and where, as lines for a person."""

    lines: tuple[str, ...]


class ApiServer(uvicorn.Server):
    """uvicorn without its signal handlers: the order in which things end is ours."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave every signal alone."""
        yield


@asynccontextmanager
async def nodes_served(xds: XdsServer, tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
    """Let nodes connect during the block."""
    serving = tasks.create_task(xds.serve(), name="xds")
    started = tasks.create_task(xds.started.wait(), name="until xds serves")
    await asyncio.wait({serving, started}, return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    try:
        yield
    finally:
        serving.cancel()


@contextmanager
def signals() -> Iterator[asyncio.Queue[signal.Signals]]:
    """The signals to end that arrive during the block."""
    received: asyncio.Queue[signal.Signals] = asyncio.Queue(maxsize=16)
    loop = asyncio.get_running_loop()

    def note(which: signal.Signals) -> None:
        if not received.full():
            received.put_nowait(which)

    for which in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(which, note, which)
    try:
        yield received
    finally:
        for which in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(which)


@contextmanager
def listening_socket(settings: Settings) -> Iterator[socket.socket]:
    """The socket of the API, bound and listening.

    Raises:
        InvalidInput: The address and port cannot be had.
    """
    # Bound before anything starts: a port that is taken is then one clear error and no half-started service.
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With its protocol named: asyncio turns off Nagle's algorithm only on sockets that say they are TCP, and
        # an answer of two writes would else wait 40 ms for the client's delayed acknowledgement.
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _unusable(settings, error) from error
    with bound:
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            bound.listen(_BACKLOG)
        except OSError as error:
            raise _unusable(settings, error) from error
        yield bound


def _unusable(settings: Settings, error: OSError) -> InvalidInput:
    allowed = f"it cannot be listened on ({error.strerror or error}); allowed is a free address and port"
    return InvalidInput(FieldProblem("--host, --port", f"{settings.host}:{settings.port}", allowed))


def api_server(app: FastAPI) -> ApiServer:
    """The server of `app`; end it by its `should_exit`."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_API_SECONDS,
        h11_max_incomplete_event_size=64 * 1024,
    )
    return ApiServer(config)


def url_of(listening: socket.socket) -> str:
    """Where what listens on this socket is reached from this machine."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def first_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The project's own error inside a group, if there is one: the group only says that tasks ended together."""
    ours = group.subgroup(lambda error: isinstance(error, SwitchoverError))
    cause: BaseException = ours if ours is not None else group
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    return cause
