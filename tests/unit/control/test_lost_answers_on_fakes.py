"""Changes that were stored though nobody was told, or behind our back: the store's word is found, and nothing is lost."""

from datetime import datetime
from uuid import UUID

import pytest
from tests.unit.control.conftest import World
from tests.waiting import eventually

from switchover.model.errors import Conflict, OutcomeUnknown
from switchover.model.instance import Instance
from switchover.model.lease import Fence
from switchover.model.proxy import Proxy
from switchover.model.trail import NO_TRAIL, Trail
from switchover.testing.memory_store import MemoryStore
from switchover.testing.workbench import Workbench

ACTIVATION = "activation -->a completed"


class ForgetfulStore(MemoryStore):
    """A memory store that loses its answers to what people change while a test says so."""

    loses_answers = False

    async def save_policy(self, proxy: Proxy, trail: Trail = NO_TRAIL, *, fence: Fence | None = None) -> None:
        await super().save_policy(proxy, trail, fence=fence)
        self._lose()

    async def add_instance(
        self, instance: Instance, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await super().add_instance(instance, trail, fence=fence)
        self._lose()

    async def save_instance(
        self, instance: Instance, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await super().save_instance(instance, trail, fence=fence)
        self._lose()

    async def delete_instance(
        self, instance_id: UUID, at: datetime, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        await super().delete_instance(instance_id, at, trail, fence=fence)
        self._lose()

    def _lose(self) -> None:
        if self.loses_answers:
            raise OutcomeUnknown("the connection was lost while it committed")


@pytest.fixture
def store() -> ForgetfulStore:
    return ForgetfulStore()


@pytest.fixture
def world(store: ForgetfulStore) -> World:
    return World(Workbench(store=store))


async def test_a_drain_that_was_never_confirmed_keeps_the_next_order_from_the_instance(
    world: World, store: ForgetfulStore
) -> None:
    async with world.running():
        await world.create()
        store.loses_answers = True
        with pytest.raises(OutcomeUnknown):
            await world.service.set_admin_state(world.ids["b"], "drain")
        with pytest.raises(Conflict, match="drained"):
            await world.service.switch_over("web", world.ids["b"])
        assert world.active() == "a"


async def test_the_next_change_after_an_unconfirmed_one_begins_with_what_was_stored(
    world: World, store: ForgetfulStore
) -> None:
    async with world.running():
        await world.create()
        store.loses_answers = True
        with pytest.raises(OutcomeUnknown):
            await world.service.create_failover_configuration("web", "alice", {"maxFailbacks": 1})
        store.loses_answers = False
        saved = await world.service.create_failover_configuration("web", "alice", {"healthyThreshold": 4})
        assert (saved.proxy.policy.max_failbacks, saved.proxy.policy.healthy_threshold) == (1, 4)


async def test_an_instance_whose_registration_was_never_confirmed_is_probed_all_the_same(
    world: World, store: ForgetfulStore
) -> None:
    async with world.running():
        await world.create(names="a")
        store.loses_answers = True
        with pytest.raises(OutcomeUnknown):
            await world.register("b", address="127.0.0.1:9002")
        store.loses_answers = False

        async def probed() -> bool:
            await world.settle(1)
            return "127.0.0.1:9002" in {str(due.address) for due in world.bench.prober.probed}

        await eventually(probed)


async def test_a_target_that_is_gone_behind_our_back_costs_the_proxy_nothing_but_that_target(
    world: World, store: ForgetfulStore
) -> None:
    async with world.running():
        await world.create()
        await store.delete_instance(world.ids["b"], world.bench.clock.now())
        world.fails("a")
        await world.until(ACTIVATION, "failover a->c completed")
        assert world.served() == [["c"]]


async def test_a_proxy_that_is_gone_behind_our_back_is_taken_off_the_nodes_and_ends_nothing_else(
    world: World, store: ForgetfulStore
) -> None:
    async with world.running():
        await world.create()
        await store.delete_proxy("web", world.bench.clock.now())
        world.fails("a")
        await world.settle(60)
        assert world.driver.applied == {}
        world.ids.clear()
        await world.create("d")
        assert world.served() == [["d"]]
