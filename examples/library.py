"""switchover as a library: it probes and decides, this program switches.

    python examples/library.py

Two little servers stand for the instances. The first one is ended; the callback hears of the move, would tell a load
balancer of its own, and reports the outcome.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

from switchover.app.clock import SystemClock, uuid7
from switchover.control.plane import ControlPlane, Parts
from switchover.control.service import ProxyFailoverService
from switchover.probe.engine import ProbeEngine
from switchover.probe.resolve import SystemResolver
from switchover.record.migrations.run import upgrade
from switchover.record.sql.store import open_store
from switchover.telemetry.logging import LogFormat, LogLevel, configure_logging

CONFIG = {"healthCheckIntervalSeconds": 0.2, "unhealthyThreshold": 2, "healthCheck": {"type": "tcp"}}


async def main() -> None:
    """Build a control plane without nodes, and run it beside the story."""
    configure_logging(LogLevel.WARNING, LogFormat.CONSOLE)
    clock, resolver = SystemClock(), SystemResolver()
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite+aiosqlite:///{directory}/switchover.db"
        await upgrade(url)
        plane = ControlPlane(
            Parts(
                store=await open_store(url),
                drivers=(),  # no node of ours: whoever is called back switches
                prober=ProbeEngine(clock=clock, resolver=resolver),
                resolver=resolver,
                clock=clock,
                ids=uuid7,
            )
        )
        async with plane.running() as service, AsyncExitStack() as servers:
            await story(service, servers)
    resolver.close()


async def story(service: ProxyFailoverService, servers: AsyncExitStack) -> None:
    """Two instances, one of which dies."""
    moved: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()

    async def on_move(event: Mapping[str, Any]) -> None:
        # Here a program would tell its own load balancer, and report `failed` if that did not work.
        await service.complete_failover_event(UUID(event["id"]), "completed")
        await moved.put(event)

    service.set_failover_callback(on_move)
    await service.create_failover_configuration("web", "ann", CONFIG)
    names: dict[str, str] = {}
    listening: dict[str, asyncio.Server] = {}
    for priority, name in ((10, "web-1"), (20, "web-2")):
        listening[name] = await servers.enter_async_context(
            await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        )
        address = f"127.0.0.1:{listening[name].sockets[0].getsockname()[1]}"
        state = await service.register_proxy_instance(
            "web", {"instanceName": name, "priority": priority, "address": address}
        )
        names[str(state.instance.instance_id)] = name

    for died in (None, "web-1"):
        if died is not None:
            listening[died].close()
        event = await asyncio.wait_for(moved.get(), 30)
        print(f"{event['eventType']} to {names[event['targetInstanceId']]}: {event['reason']}")

    evaluation = await service.evaluate_failover("web")
    print(f"should fail over: {evaluation.should_failover} ({evaluation.decision.reason.value})")
    for past in await service.get_failover_events("web"):
        print(f"epoch {past.epoch}: {past.event_type.value} {past.status.value}")


if __name__ == "__main__":
    asyncio.run(main())
