"""`switchover up`: everything on one machine, in one TaskGroup, ended in order by a signal."""

import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import structlog

from switchover.app.build import Assembly, build_up, supervisor_of
from switchover.app.clock import SystemClock
from switchover.app.database import database_limits, database_url
from switchover.app.datadir import DataDir
from switchover.app.declaration import Declaration, read_declaration
from switchover.app.declare import declare
from switchover.app.operator import operator_name
from switchover.app.process import (
    Announcement,
    api_server,
    first_cause,
    listening_socket,
    nodes_served,
    signals,
    url_of,
)
from switchover.app.replicas import is_postgresql
from switchover.app.settings import PREFIX, Settings
from switchover.control.service import ProxyFailoverService
from switchover.model.actor import person
from switchover.model.errors import FieldProblem, InvalidInput
from switchover.record.migrations import run as migrations
from switchover.switch.envoy.binary import find_envoy
from switchover.switch.envoy.process import EnvoySupervisor
from switchover.telemetry.logging import configure_logging

_log = structlog.get_logger(__name__)

DRAIN_SECONDS = 20.0
"""How long the Envoy may take to finish requests that are in flight when it is ended."""


async def serve_up(
    settings: Settings, *, proxies_file: Path | None, announce: Callable[[Announcement], None]
) -> int:
    """Serve until SIGTERM (the Envoy goes on) or SIGINT (the Envoy is drained and ended); the exit code.

    Args:
        settings: The process settings.
        proxies_file: A declarative file to apply once the service is ready; None for none.
        announce: Told once everything serves.

    Raises:
        SwitchoverError: Something could not be started; nothing of ours is left running but an Envoy that was
            running before.
    """
    _check_database(settings)
    declaration = read_declaration(proxies_file) if proxies_file is not None else None
    configure_logging(settings.log_level, settings.log_format)
    data_dir = DataDir(settings.data_dir)
    with data_dir.lock(), listening_socket(settings) as listening:
        before, after = await migrations.upgrade(database_url(settings), database_limits(settings), post=True)
        if before != after:
            _log.info("database upgraded", before=before, after=after)
        supervisor = supervisor_of(settings, data_dir, SystemClock(), find_envoy(settings.envoy_binary))
        assembly = await build_up(settings, data_dir, supervisor.paths.xds_socket)
        try:
            await _serve(settings, data_dir, assembly, supervisor, listening, declaration, announce)
        except BaseExceptionGroup as group:
            raise first_cause(group) from group
        finally:
            await assembly.close()
    return 0


async def _serve(
    settings: Settings,
    data_dir: DataDir,
    assembly: Assembly,
    supervisor: EnvoySupervisor,
    listening: socket.socket,
    declaration: Declaration | None,
    announce: Callable[[Announcement], None],
) -> None:
    with signals() as received:
        async with (
            asyncio.TaskGroup() as tasks,
            nodes_served(assembly.xds, tasks),
            assembly.plane.running() as service,
        ):
            supervising = tasks.create_task(supervisor.run(), name="envoy")
            ending = tasks.create_task(received.get(), name="until a signal")
            preparing = tasks.create_task(_prepare(supervisor, service, declaration), name="preparing")
            # An Envoy that never answers must not keep a signal waiting.
            await asyncio.wait({preparing, ending}, return_when=asyncio.FIRST_COMPLETED)
            serving: asyncio.Task[None] | None = None
            api = api_server(assembly.api)
            if preparing.done():
                serving = tasks.create_task(api.serve(sockets=[listening]), name="api")
                url = url_of(listening)
                data_dir.publish_endpoint(url)
                announce(_announcement(url, settings, data_dir, supervisor, assembly))
            which = await ending
            _log.info("ending", signal=which.name)
            preparing.cancel()
            api.should_exit = True
            if serving is not None:
                await serving
            supervisor.leave()
            await supervising
            if which is signal.SIGINT or settings.stop_envoy_on_term:
                await supervisor.drain_and_stop(DRAIN_SECONDS)


async def _prepare(
    supervisor: EnvoySupervisor, service: ProxyFailoverService, declaration: Declaration | None
) -> None:
    """Wait for the Envoy and apply the file."""
    await supervisor.started.wait()
    if declaration is not None:
        await declare(service, declaration, person(operator_name(), admin=True))


def _check_database(settings: Settings) -> None:
    # Without leases beside replicas that have them there would be two truths.
    if is_postgresql(settings.database_url):
        words = (
            "`switchover up` keeps one machine's proxies in a file; allowed is sqlite+aiosqlite:///path. "
            "`switchover serve` works on PostgreSQL, with any number of replicas"
        )
        raise InvalidInput(FieldProblem(f"{PREFIX}DATABASE_URL", "…", words))


def _announcement(
    url: str, settings: Settings, data_dir: DataDir, supervisor: EnvoySupervisor, assembly: Assembly
) -> Announcement:
    lines = [
        f"API        {url} (documentation at {url}/docs)",
        f"Data       {data_dir.path}",
        f"Node       {settings.node_id}: Envoy, process {supervisor.pid}, log {supervisor.paths.log}",
    ]
    for proxy_id, listener in assembly.plane.listeners():
        lines.append(
            f"Proxy      {proxy_id} at {listener.protocol.value}://{listener.address}:{listener.port}"
        )
    lines.append(f"Token      switchover token create --user NAME --role admin --data-dir {data_dir.path}")
    return Announcement(lines=tuple(lines))
