"""Break before make, whoever is silent and whoever dies meanwhile."""

import pytest
from tests.unit.control.conftest import World

from switchover.testing.fake_driver import FakeDriver
from switchover.testing.workbench import Workbench

ACTIVATION = "activation -->a completed"


@pytest.fixture
def world() -> World:
    return World(Workbench(drivers=(FakeDriver("one"), FakeDriver("two"))))


async def silent_at(world: World) -> FakeDriver:
    """An exclusive proxy whose second node fell silent before a move to b, which has failed since."""
    await world.create(exclusive=True)
    _, silent = world.bench.drivers
    silent.silence()
    await world.service.switch_over("web", world.ids["b"])
    await world.settle(15)
    await world.until(ACTIVATION, "switchover a->b failed")
    return silent


def served(world: World, driver: FakeDriver) -> list[str | None]:
    return [world.name(tier[0].instance_id) for tier in driver.applied["web"].tiers]


async def test_a_failed_move_is_not_made_before_every_node_has_broken(world: World) -> None:
    async with world.running():
        silent = await silent_at(world)
        assert (served(world, world.driver), served(world, silent)) == ([], ["a"])
        await silent.speak()
        await world.settle(5)
        assert (served(world, world.driver), served(world, silent)) == (["b"], ["b"])


async def test_a_restart_after_a_failed_move_still_waits_for_every_node_to_break(world: World) -> None:
    async with world.running():
        silent = await silent_at(world)
    async with world.running():
        await world.settle(30)
        assert (served(world, world.driver), served(world, silent)) == ([], ["a"])
        await silent.speak()
        await world.settle(5)
        assert (served(world, world.driver), served(world, silent)) == (["b"], ["b"])


async def test_a_change_of_policy_does_not_cut_a_break_short(world: World) -> None:
    async with world.running():
        silent = await silent_at(world)
        await world.service.create_failover_configuration("web", "alice", {"traffic": {"retries": 5}})
        await world.settle(5)
        assert (served(world, world.driver), served(world, silent)) == ([], ["a"])


async def test_a_restart_after_a_completed_move_breaks_nothing(world: World) -> None:
    async with world.running():
        await world.create(exclusive=True)
        await world.service.switch_over("web", world.ids["b"])
        await world.until(ACTIVATION, "switchover a->b completed")
        told = len(world.driver.history)
    async with world.running():
        await world.settle(5)
        assert len(world.driver.history) == told
