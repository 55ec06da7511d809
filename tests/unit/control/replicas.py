"""Several control planes on fakes that share one store, and short words for what tests do with them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from switchover.control.plane import Company, ControlPlane
from switchover.control.service import ProxyFailoverService
from switchover.model.errors import NotFound, OwnedElsewhere
from switchover.model.events import FailoverEvent
from switchover.model.lease import Replica
from switchover.testing.clock import CountingIds, ManualClock
from switchover.testing.fake_driver import FakeDriver
from switchover.testing.fake_prober import FAILS, PASSES
from switchover.testing.memory_company import MemoryCompany, MemoryWay
from switchover.testing.workbench import Workbench

SESSION_SECONDS = 10.0
CONFIG: dict[str, Any] = {
    "healthCheckIntervalSeconds": 10,
    "fastIntervalSeconds": 1,
    "switchTimeoutSeconds": 10,
    "failbackHoldDownSeconds": 300,
    "listener": {"port": 10000},
}


class OneReplica:
    """One replica: its own prober, nodes and way; the store and the clock are everybody's."""

    def __init__(self, number: int, company: MemoryCompany, clock: ManualClock, ids: CountingIds) -> None:
        self.replica = Replica(
            replica_id=UUID(int=number), name=f"r{number}", url=f"http://r{number}", started_at=clock.now()
        )
        self.way: MemoryWay = company.way()
        self.bench = Workbench(
            clock=clock,
            ids=ids,
            store=company.store,
            drivers=(FakeDriver("edge"),),
            company=Company(
                replica=self.replica,
                membership=self.way,
                exchange=self.way,
                session_seconds=SESSION_SECONDS,
            ),
        )
        self.plane: ControlPlane
        self._run: asyncio.Task[None] | None = None

    @property
    def service(self) -> ProxyFailoverService:
        return self.plane.service

    @property
    def node(self) -> FakeDriver:
        return self.bench.drivers[0]

    @property
    def owned(self) -> set[str]:
        desk = self.service._desk
        return {s.proxy.proxy_id for s in desk.fleet if desk.ownership.owns(s.proxy.proxy_id)}

    @property
    def probed(self) -> set[UUID]:
        return {probe.instance_id for probe in self.bench.prober.probed}

    def start(self) -> None:
        self.plane = self.bench.plane()
        self._run = asyncio.create_task(self.plane.run(), name=self.replica.name)

    async def die(self) -> None:
        """End at once and say goodbye to nobody."""
        assert self._run is not None
        self.way.cut = True
        run, self._run = self._run, None
        run.cancel()
        await asyncio.wait({run})

    async def stop(self) -> None:
        """End in order."""
        run, self._run = self._run, None
        if run is not None:
            await self.plane.stop()
            await run


class Replicas:
    """Three replicas."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.company = MemoryCompany(self.clock)
        self.company.store.close = self._stay_open  # type: ignore[method-assign] # one dying closes it for nobody else
        ids = CountingIds()
        self.all = [OneReplica(number, self.company, self.clock, ids) for number in (1, 2, 3)]
        self.ids: dict[str, UUID] = {}

    async def _stay_open(self) -> None:
        pass

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Replicas"]:
        for one in self.all:
            one.start()
        try:
            await self.settle(SESSION_SECONDS)
            yield self
        finally:
            for one in self.all:
                one.way.cut = False
                await one.stop()

    async def settle(self, seconds: float = 0) -> None:
        await self.clock.advance(seconds)

    def owner(self, proxy_id: str = "web") -> OneReplica:
        (owner,) = [one for one in self.all if proxy_id in one.owned]
        return owner

    def others(self, proxy_id: str = "web") -> list[OneReplica]:
        return [one for one in self.all if one is not self.owner(proxy_id)]

    async def create(
        self, proxy_id: str = "web", names: str = "abc", *, owner: str = "alice", **config: Any
    ) -> None:
        """Create a proxy at the first replica, and wait until it is where it belongs and has an active."""
        await self.ask("create_failover_configuration", proxy_id, owner, {**CONFIG, **config})
        for number, name in enumerate(names, start=1):
            data = {
                "instanceName": name,
                "priority": number * 10,
                "address": f"127.0.0.1:{9000 + number}",
            }
            state = await self.ask("register_proxy_instance", proxy_id, data)
            self.ids[name] = state.instance.instance_id
        await self.settle(SESSION_SECONDS * 2)

    async def ask(self, method: str, *arguments: Any) -> Any:
        """What a client gets who asks one replica after the other until one does it."""
        for _ in range(10):
            for one in self.all:
                try:
                    return await getattr(one.service, method)(*arguments)
                except (OwnedElsewhere, NotFound):
                    continue
            await self.settle(0.1)
        raise AssertionError("nobody owns it")

    def script(self, name: str, *, fails: bool) -> None:
        for one in self.all:
            one.bench.prober.script(self.ids[name], FAILS if fails else PASSES)

    def name(self, instance_id: UUID | None) -> str | None:
        return next((name for name, known in self.ids.items() if known == instance_id), None)

    async def events(self, proxy_id: str = "web") -> Sequence[FailoverEvent]:
        return await self.company.store.events(proxy_id, 100)

    async def story(self, proxy_id: str = "web") -> list[str]:
        """Every event as `type source->target status`, oldest first."""
        return [
            f"{event.event_type.value} {self.name(event.source_instance_id) or '-'}"
            f"->{self.name(event.target_instance_id)} {event.status.value}"
            for event in reversed(await self.events(proxy_id))
        ]
