"""What is decided, and what is not, while the store is away and just after."""

import pytest
from tests.unit.control.conftest import CONFIG, World
from tests.waiting import eventually

from switchover.control.outage import OUTAGE_SECONDS
from switchover.decision.reasons import Reason
from switchover.model.errors import StoreUnavailable
from switchover.testing.memory_store import MemoryStore
from switchover.testing.workbench import Workbench

ACTIVATION = "activation -->a completed"
FAILOVER = "failover a->b completed"
CYCLE: float = CONFIG["healthCheckIntervalSeconds"]
LONG = OUTAGE_SECONDS * 5


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def world(store: MemoryStore) -> World:
    return World(Workbench(store=store))


async def outage(world: World, store: MemoryStore, seconds: float) -> None:
    """The store is away for so long, and its return has been noticed."""
    store.unavailable = True
    await world.settle(seconds)
    store.unavailable = False
    await eventually(lambda: _noticed(world))


async def _noticed(world: World) -> bool:
    await world.settle(0.1)
    return world.service.stale_since() is None


async def reason(world: World) -> Reason:
    return (await world.service.get_proxy("web")).decision.reason


async def test_what_failed_while_the_store_was_away_is_moved_one_check_cycle_after_its_return(
    world: World, store: MemoryStore
) -> None:
    async with world.running():
        await world.create()
        world.fails("a")
        await outage(world, store, 30)
        assert await reason(world) is Reason.STORE_RETURNED
        await world.settle(CYCLE - 2)
        assert await world.story() == [ACTIVATION]
        assert world.active() == "a"
        await world.settle(4)
        assert await world.story() == [ACTIVATION, FAILOVER]


async def test_what_only_looked_failed_from_here_is_not_moved(world: World, store: MemoryStore) -> None:
    async with world.running():
        await world.create()
        world.fails("a")
        store.unavailable = True
        await world.settle(30)
        assert await reason(world) is Reason.STORE_AWAY
        world.passes("a")
        store.unavailable = False
        await world.settle(CYCLE * 3)
        assert await world.story() == [ACTIVATION]


async def test_an_order_waits_for_no_rest(world: World, store: MemoryStore) -> None:
    async with world.running():
        await world.create()
        await outage(world, store, LONG)
        await world.service.switch_over("web", world.ids["b"])
        await world.settle(1)
        await world.service.set_admin_state(world.ids["b"], "drain")
        await world.settle(1)
        assert (await world.story())[1:] == ["switchover a->b completed", "switchover b->a completed"]


async def test_a_failure_that_the_next_try_mends_costs_no_rest(world: World, store: MemoryStore) -> None:
    async with world.running():
        await world.create()
        world.fails("a")
        store.unavailable = True
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await world.service.update_instance_health(world.ids["a"], "unhealthy")
        await world.settle(OUTAGE_SECONDS / 2)
        store.unavailable = False
        await world.settle(2)
        assert await world.story() == [ACTIVATION, FAILOVER]


async def test_an_idle_process_notices_that_the_store_is_away_and_that_it_is_back(
    world: World, store: MemoryStore
) -> None:
    async with world.running():
        await world.create(names="")
        store.unavailable = True
        began = world.bench.clock.now()
        await world.settle(10)
        since = world.service.stale_since()
        assert since is not None
        assert 0 <= (since - began).total_seconds() <= 5
        assert [str(why) for why in world.service.hindrances()] == [
            f"the store does not answer since {since.isoformat(timespec='seconds').replace('+00:00', 'Z')}"
        ]
        store.unavailable = False
        await world.settle(0.5)
        assert world.service.stale_since() is None
        assert world.service.hindrances() == ()


async def test_a_wall_clock_that_is_set_back_does_not_prolong_the_rest(
    world: World, store: MemoryStore
) -> None:
    async with world.running():
        await world.create()
        world.fails("a")
        await outage(world, store, 30)
        world.bench.clock.jump(-3600)
        await world.settle(CYCLE + 15)
        assert world.active() == "b"


async def test_orders_are_refused_while_the_store_is_away(world: World, store: MemoryStore) -> None:
    async with world.running():
        await world.create()
        store.unavailable = True
        await world.settle(LONG)
        with pytest.raises(StoreUnavailable):
            await world.service.switch_over("web", world.ids["b"])
        with pytest.raises(StoreUnavailable):
            await world.service.delete_instance(world.ids["c"])
        assert world.served() == [["a"], ["b"], ["c"]]
        store.unavailable = False
