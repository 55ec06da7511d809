"""Asking with the real engine."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from switchover.app.clock import SystemClock, uuid7
from switchover.model.address import Address
from switchover.model.observation import Observation
from switchover.model.policy import CheckType, HealthCheck
from switchover.probe.engine import ProbeEngine
from switchover.probe.prober import DueProbe, Prober, Resolver
from switchover.testing.fake_resolver import FakeResolver

GENEROUS_SECONDS = 60.0
"""A deadline that no probe of a server that answers can miss."""
SHORT_SECONDS = 0.6
"""A deadline that is meant to pass."""
TCP = HealthCheck(type=CheckType.TCP)
HTTP = HealthCheck(type=CheckType.HTTP)


def due(
    port: int, check: HealthCheck = TCP, *, host: str = "127.0.0.1", seconds: float = GENEROUS_SECONDS
) -> DueProbe:
    """A probe of a new instance at `host`:`port`."""
    return DueProbe(
        instance_id=uuid7(), address=Address(host=host, port=port), check=check, timeout_seconds=seconds
    )


@asynccontextmanager
async def running(prober: Prober) -> AsyncIterator[None]:
    """Run `prober` while the block runs."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(prober.run())
        try:
            yield
        finally:
            task.cancel()


def engine(
    *,
    resolver: Resolver | None = None,
    trust: ssl.SSLContext | None = None,
    most_concurrent: int = 8,
    most_accepted: int = 10_000,
) -> ProbeEngine:
    """A real engine on the real clock."""
    return ProbeEngine(
        clock=SystemClock(),
        resolver=resolver or FakeResolver(),
        trust=trust,
        most_concurrent=most_concurrent,
        most_accepted=most_accepted,
    )


async def ask(
    probe: DueProbe, *, resolver: Resolver | None = None, trust: ssl.SSLContext | None = None
) -> Observation:
    """What the real engine observes; asked again, as in production, when this machine was too busy to tell."""
    prober = engine(resolver=resolver, trust=trust)
    async with running(prober):
        while True:
            await prober.submit([probe])
            (observation,) = await prober.observations()
            if observation.code != "loop_stalled":
                return observation
            probe = replace(probe, instance_id=uuid7())


async def take(prober: Prober, count: int) -> list[Observation]:
    """`count` observations, in the order in which they came."""
    taken: list[Observation] = []
    while len(taken) < count:
        taken += await prober.observations()
    return taken
