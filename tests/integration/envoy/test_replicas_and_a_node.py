"""Two control planes on one record, and a real Envoy that is connected to one of them at a time."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from tests.backend import Backend, backend
from tests.envoy_node import answered_by, background
from tests.load import load
from tests.ports import free_port
from tests.remote_node import RemoteEnvoy, XdsReplica, new_replicas, remote_envoy, served
from tests.waiting import eventually

from switchover.app.clock import SystemClock, uuid7
from switchover.control.plane import Company, ControlPlane, Parts
from switchover.control.service import ProxyFailoverService
from switchover.model.errors import NotFound, OwnedElsewhere
from switchover.model.events import EventStatus
from switchover.model.lease import Replica
from switchover.switch.driver import NodeState
from switchover.testing.fake_prober import FakeProber
from switchover.testing.fake_resolver import FakeResolver
from switchover.testing.memory_company import MemoryCompany, MemoryWay

SESSION_SECONDS = 5.0


class OneReplica:
    """A control plane with a real xDS server; the record is in memory, the instances are always well."""

    def __init__(self, number: int, company: MemoryCompany, xds: XdsReplica) -> None:
        clock = SystemClock()
        self.xds = xds
        self.way: MemoryWay = company.way()
        self.replica = Replica(
            replica_id=UUID(int=number), name=f"r{number}", url=f"http://r{number}", started_at=clock.now()
        )
        self.plane = ControlPlane(
            Parts(
                store=company.store,
                drivers=(self.xds.driver,),
                prober=FakeProber(clock),
                resolver=FakeResolver(),
                clock=clock,
                ids=uuid7,
                company=Company(
                    replica=self.replica,
                    membership=self.way,
                    exchange=self.way,
                    session_seconds=SESSION_SECONDS,
                ),
            )
        )
        self.xds.server.catch_up = self.plane.catch_up

    @property
    def service(self) -> ProxyFailoverService:
        return self.plane.service

    @property
    def owns(self) -> bool:
        return self.service._desk.ownership.owns("web")


class Two:
    """Two replicas, an Envoy, and a proxy with the instances a and b."""

    def __init__(self, node: RemoteEnvoy, port: int) -> None:
        company = MemoryCompany(SystemClock())
        self.company = company
        self.all = [OneReplica(number, company, xds) for number, xds in enumerate(new_replicas(2), start=1)]
        self.node = node
        self.port = port
        self.ids: dict[str, UUID] = {}

    async def create(self, *backends: Backend) -> None:
        config = {"listener": {"port": self.port}, "switchTimeoutSeconds": 60}
        await self._ask("create_failover_configuration", "web", "alice", config)
        for each in backends:
            data = {
                "instanceName": each.name,
                "address": f"127.0.0.1:{each.port}",
                "priority": 10 * len(self.ids) + 10,
            }
            state = await self._ask("register_proxy_instance", "web", data)
            self.ids[each.name] = state.instance.instance_id
        await answered_by(self.port, "a")

    async def switch(self, to: str) -> None:
        """Move at the owner, and wait until the node has confirmed it, wherever it is connected."""
        event = await self._ask("switch_over", "web", self.ids[to])

        async def closed() -> bool:
            stored = await self.company.store.event(event.event_id)
            assert stored is not None
            assert stored.status is not EventStatus.FAILED, stored.error_message
            return stored.status is EventStatus.COMPLETED

        await eventually(closed)
        await answered_by(self.port, to)

    async def owner(self) -> OneReplica:
        (owner,) = await eventually(lambda: [one for one in self.all if one.owns])
        return owner

    async def home(self) -> OneReplica:
        (home,) = await eventually(lambda: [one for one in self.all if one.xds.has_node])
        return home

    async def send_to(self, where: OneReplica) -> None:
        """Have the node connected there."""
        for one in self.all:
            if one is not where and one.xds.has_node:
                one.xds.driver.send_away()
        await eventually(lambda: where.xds.has_node)

    async def _ask(self, method: str, *arguments: object) -> Any:
        async def done() -> object:
            for one in self.all:
                with contextlib.suppress(OwnedElsewhere, NotFound):
                    return await getattr(one.service, method)(*arguments)
            return None

        return await eventually(done)


@contextlib.asynccontextmanager
async def two_replicas() -> AsyncIterator[Two]:
    async with remote_envoy() as node, contextlib.AsyncExitStack() as running:
        two = Two(node, free_port())
        for one in two.all:
            await running.enter_async_context(background(one.plane.run()))
            await eventually(one.plane.service.ready)
        async with served(*(one.xds for one in two.all)):
            node.start([one.xds.address for one in two.all])
            yield two


async def test_a_move_is_confirmed_through_whichever_replica_the_node_is_connected_to() -> None:
    async with backend("a") as a, backend("b") as b, two_replicas() as two:
        await two.create(a, b)
        owner = await two.owner()
        (other,) = [one for one in two.all if one is not owner]

        async with load(two.port, rate=50) as running:
            await two.send_to(other)
            await two.switch("b")
            assert not owner.xds.has_node
            await two.send_to(owner)
            await two.switch("a")

        assert running.failures == []


async def test_every_replica_shows_where_the_node_is_and_a_move_follows_its_death() -> None:
    async with backend("a") as a, backend("b") as b, two_replicas() as two:
        await two.create(a, b)
        home = await two.home()
        (other,) = [one for one in two.all if one is not home]

        def seen() -> bool:
            return all(
                node.replica == home.replica.name and node.state is NodeState.CONNECTED
                for one in two.all
                for node in one.service.nodes()
            )

        await eventually(seen)
        home.way.cut = True
        await home.xds.die()
        await eventually(lambda: other.service.nodes()[0].replica == other.replica.name)
        await two.switch("b")
        assert (await two.owner()) is other
