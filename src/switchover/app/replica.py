"""`switchover serve`: one of several replicas over one PostgreSQL, ended in order by a signal."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace

import structlog

from switchover.app.build import Assembly, build_replica
from switchover.app.clock import SystemClock, uuid7
from switchover.app.database import database_name
from switchover.app.process import (
    Announcement,
    api_server,
    first_cause,
    listening_socket,
    nodes_served,
    signals,
    url_of,
)
from switchover.app.replicas import serving_problems
from switchover.app.settings import PREFIX, Settings
from switchover.model.errors import InvalidInput
from switchover.model.lease import Replica
from switchover.telemetry.logging import configure_logging

_log = structlog.get_logger(__name__)

HAND_OVER_SECONDS = 10.0
"""How long handing over may take before we end all the same; our proxies are then free when our session ends."""


async def serve_replica(settings: Settings, *, announce: Callable[[Announcement], None]) -> int:
    """Serve until SIGTERM or SIGINT, then hand everything over to the other replicas; the exit code.

    The nodes are left as they are. The database is not upgraded: replicas of the version before may be running.

    Args:
        settings: The process settings.
        announce: Told once everything serves.

    Raises:
        SwitchoverError: Something could not be started; nothing of ours is left running.
    """
    _check(settings)
    configure_logging(settings.log_level, settings.log_format)
    with listening_socket(settings) as listening:
        replica = Replica(
            replica_id=uuid7(),
            name=settings.replica_name or socket.gethostname(),
            url=settings.advertise_url or url_of(listening),
            started_at=SystemClock().now(),
        )
        assembly = await build_replica(settings, replica)
        try:
            await _serve(settings, replica, assembly, listening, announce)
        except BaseExceptionGroup as group:
            raise first_cause(group) from group
        finally:
            await assembly.close()
    return 0


async def _serve(
    settings: Settings,
    replica: Replica,
    assembly: Assembly,
    listening: socket.socket,
    announce: Callable[[Announcement], None],
) -> None:
    plane = assembly.plane
    with signals() as received:
        async with asyncio.TaskGroup() as tasks, nodes_served(assembly.xds, tasks), plane.running():
            api = api_server(assembly.api)
            serving = tasks.create_task(api.serve(sockets=[listening]), name="api")
            announce(_announcement(url_of(listening), settings, replica))
            which = await received.get()
            _log.info("ending", signal=which.name)
            try:
                # First, so that whoever asks us meanwhile is answered by the new owners.
                async with asyncio.timeout(HAND_OVER_SECONDS):
                    await plane.hand_over()
            except TimeoutError:
                _log.error("could not hand over in time", seconds=HAND_OVER_SECONDS, fault="ours")
            api.should_exit = True
            await serving


def _check(settings: Settings) -> None:
    problems = serving_problems(
        database_url=settings.database_url,
        host=settings.host,
        advertise_url=settings.advertise_url,
        has_keys=settings.jwt_secret is not None or settings.jwt_jwks_url is not None,
    )
    named = [replace(problem, field=f"{PREFIX}{problem.field.upper()}") for problem in problems]
    if named:
        raise InvalidInput(*named)


def _announcement(url: str, settings: Settings, replica: Replica) -> Announcement:
    nodes = f"{', '.join(settings.nodes)} at {settings.xds_listen}" if settings.nodes else "none"
    token = (
        "switchover token create --user NAME --role admin"
        if settings.jwt_jwks_url is None
        else f"by the keys at {settings.jwt_jwks_url}"
    )
    return Announcement(
        lines=(
            f"API        {url} (documentation at {url}/docs)",
            f"Replica    {replica.name}, for the others at {replica.url}; lease {settings.lease_seconds:g} s",
            f"Database   {database_name(settings)}",
            f"Nodes      {nodes}",
            f"Token      {token}",
        )
    )
