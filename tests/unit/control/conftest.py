"""A control plane on fakes, and short words for what tests do with it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from tests.waiting import eventually

from switchover.control.service import ProxyFailoverService
from switchover.model.events import FailoverEvent
from switchover.testing.fake_driver import FakeDriver
from switchover.testing.fake_prober import FAILS, PASSES
from switchover.testing.memory_store import MemoryStore
from switchover.testing.workbench import Workbench

CONFIG: dict[str, Any] = {
    "healthCheckIntervalSeconds": 10,
    "fastIntervalSeconds": 1,
    "failbackHoldDownSeconds": 5,
    "switchTimeoutSeconds": 10,
    "listener": {"port": 10000},
}


class World:
    """One proxy `web` with instances a, b, c in that order of preference."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.ids: dict[str, UUID] = {}
        self.service: ProxyFailoverService

    @property
    def driver(self) -> FakeDriver:
        return self.bench.drivers[0]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["World"]:
        """Run a control plane; once more after it ended is what a restart comes to."""
        if isinstance(self.bench.store, MemoryStore):
            self.bench.store.reopen()
        async with self.bench.running() as service:
            self.service = service
            yield self

    async def create(self, names: str = "abc", **config: Any) -> None:
        """Create `web`, register an instance per letter, wait for the first activation."""
        await self.service.create_failover_configuration("web", "alice", {**CONFIG, **config})
        for number, name in enumerate(names, start=1):
            await self.register(name, priority=number * 10, address=f"127.0.0.1:{9000 + number}")
        if names:
            await self.settle()
            await eventually(lambda: self.active() is not None)

    async def register(self, name: str, **data: Any) -> None:
        state = await self.service.register_proxy_instance("web", {"instanceName": name, **data})
        self.ids[name] = state.instance.instance_id

    async def settle(self, seconds: float = 0) -> None:
        await self.bench.clock.advance(seconds)

    def fails(self, name: str) -> None:
        self.bench.prober.script(self.ids[name], FAILS)

    def passes(self, name: str) -> None:
        self.bench.prober.script(self.ids[name], PASSES)

    def name(self, instance_id: UUID | None) -> str | None:
        return next((name for name, known in self.ids.items() if known == instance_id), None)

    def active(self) -> str | None:
        return self.name(self.service._desk.fleet.state("web").proxy.active_instance_id)

    async def events(self) -> Sequence[FailoverEvent]:
        return await self.service.get_failover_events("web")

    async def story(self) -> list[str]:
        """Every event as `type source->target status`, oldest first."""
        return [
            f"{event.event_type.value} {self.name(event.source_instance_id) or '-'}"
            f"->{self.name(event.target_instance_id)} {event.status.value}"
            for event in reversed(await self.events())
        ]

    async def until(self, *story: str) -> None:
        """Wait until the story is this, letting a little time pass."""

        async def told() -> bool:
            await self.settle(0.5)
            return await self.story() == list(story)

        try:
            await eventually(told)
        except AssertionError:
            assert await self.story() == list(story)
            raise

    def served(self) -> list[list[str | None]]:
        """The tiers that the node serves now, as names."""
        plan = self.driver.applied["web"]
        return [[self.name(endpoint.instance_id) for endpoint in tier] for tier in plan.tiers]


@pytest.fixture
def world() -> World:
    return World(Workbench())
