"""What survives a restart, a store that is away, and callbacks that fail; and proxies that no node carries."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.control.conftest import World
from tests.waiting import eventually

from switchover.model.errors import Conflict, OutcomeUnknown, StoreUnavailable
from switchover.model.events import EventStatus, FailoverEvent
from switchover.model.lease import Fence
from switchover.model.observation import Health
from switchover.model.trail import NO_TRAIL, Trail
from switchover.record.store import Pass
from switchover.testing.memory_store import MemoryStore
from switchover.testing.workbench import Workbench

ACTIVATION = "activation -->a completed"


class FaultyStore(MemoryStore):
    """A memory store that does not take outcomes while a test says so."""

    closes = True

    async def close_event(
        self,
        event: FailoverEvent,
        trail: Trail = NO_TRAIL,
        *,
        was_open: bool = True,
        fence: Fence | None = None,
    ) -> bool:
        if not self.closes:
            raise StoreUnavailable("closing is not possible")
        return await super().close_event(event, trail, was_open=was_open, fence=fence)


class ForgetfulStore(MemoryStore):
    """A memory store whose answer to the next pass is lost, though the pass is stored."""

    loses_the_answer = False

    async def commit_pass(self, change: Pass) -> None:
        await super().commit_pass(change)
        if self.loses_the_answer:
            self.loses_the_answer = False
            raise OutcomeUnknown("the connection was lost while it committed")


@pytest.fixture
def store() -> FaultyStore:
    return FaultyStore()


@pytest.fixture
def world(store: FaultyStore) -> World:
    return World(Workbench(store=store))


async def test_nothing_moves_while_the_store_is_away_and_the_decision_follows_when_it_is_back(
    world: World, store: FaultyStore
) -> None:
    async with world.running():
        await world.create()
        store.unavailable = True
        world.fails("a")
        await world.settle(60)
        assert world.active() == "a"
        assert world.served() == [["a"], ["b"], ["c"]]
        states = await world.service.get_proxy_instances("web")
        assert states[0].instance.health.state is Health.UNHEALTHY
        with pytest.raises(StoreUnavailable):
            await world.service.switch_over("web")
        store.unavailable = False
        await world.until(ACTIVATION, "failover a->b completed")


async def test_a_transition_that_the_store_did_not_take_is_recorded_later(
    world: World, store: FaultyStore
) -> None:
    async with world.running():
        await world.create()
        store.unavailable = True
        world.fails("c")
        await world.settle(30)
        store.unavailable = False

        async def recorded() -> bool:
            await world.settle(1)
            stored = await store.load_proxy("web", world.bench.clock.now())
            assert stored is not None
            by_id = {instance.instance_id: instance for instance in stored.instances}
            return by_id[world.ids["c"]].health.state is Health.UNHEALTHY

        await eventually(recorded)


async def test_an_open_event_is_closed_once_the_store_takes_it(world: World, store: FaultyStore) -> None:
    async with world.running():
        await world.create()
        store.closes = False
        await world.service.switch_over("web", world.ids["b"])
        await world.settle(15)
        assert (await world.story())[-1] == "switchover a->b in_progress"
        store.closes = True
        await world.settle(15)
        assert (await world.story())[-1] == "switchover a->b completed"


async def test_an_event_left_open_by_a_death_is_applied_again_and_closed(
    world: World, store: FaultyStore
) -> None:
    async with world.running():
        await world.create()
        world.driver.silence()
        store.closes = False
        await world.service.switch_over("web", world.ids["b"])
    store.closes = True
    await world.driver.speak()
    async with world.running():
        await world.until(ACTIVATION, "switchover a->b completed")
        assert world.active() == "b"
        assert world.served() == [["b"], ["a"], ["c"]]


async def test_a_restart_sends_the_node_exactly_what_it_had(world: World) -> None:
    async with world.running():
        await world.create()
        world.fails("b")
        await world.settle(60)
        before = dict(world.driver.applied)
        sent = len(world.driver.history)
    async with world.running():
        for name in "abc":
            world.bench.prober.hold(world.ids[name])
        await world.settle(1)
        assert world.driver.applied == before
        assert len(world.driver.history) == sent
        states = {s.instance.name: s.instance.health for s in await world.service.get_proxy_instances("web")}
        assert states["b"].state is Health.UNHEALTHY
        assert states["b"].consecutive_failures >= 3


async def test_an_epoch_behind_a_nodes_is_raised_past_it_as_soon_as_the_store_takes_it(
    world: World, store: FaultyStore
) -> None:
    async with world.running():
        await world.create()
        store.unavailable = True
        world.driver.claim_epoch("web", 7)
        await world.settle(5)
        assert world.driver.applied["web"].epoch == 1
        store.unavailable = False
        await world.settle(10)
        await eventually(lambda: world.driver.applied["web"].epoch == 8)
        stored = await store.load_proxy("web", world.bench.clock.now())
        assert stored is not None
        assert (stored.proxy.epoch, stored.proxy.active_instance_id) == (8, world.ids["a"])
        await world.service.switch_over("web", world.ids["b"])
        assert (await world.events())[0].epoch == 9


async def test_a_move_whose_epoch_was_raised_is_completed_by_the_node_that_applies_it(world: World) -> None:
    async with world.running():
        await world.create()
        world.driver.silence()
        await world.service.switch_over("web", world.ids["b"])
        world.driver.claim_epoch("web", 7)
        await world.settle(1)
        await world.driver.speak()
        await world.until(ACTIVATION, "switchover a->b completed")
        assert world.driver.applied["web"].epoch == 8


async def test_a_pin_and_a_declared_redundancy_survive_a_restart(world: World) -> None:
    async with world.running():
        await world.create()
        await world.service.switch_over("web", world.ids["b"])
        await world.settle(1)
        await world.service.update_redundancy_status("web", {"isDegraded": True})
    async with world.running():
        await world.settle(60)
        assert world.active() == "b"
        status = await world.service.get_redundancy_status("web")
        assert status is not None
        assert (status.source, status.is_degraded) == ("declared", True)


async def test_a_declared_redundancy_stands_until_the_next_derived_change(world: World) -> None:
    async with world.running():
        await world.create()
        await world.service.update_redundancy_status("web", {"isDegraded": True, "redundancyLevel": "single"})
        with pytest.raises(Conflict, match="execute a failover instead"):
            await world.service.update_redundancy_status("web", {"activeInstanceId": str(world.ids["b"])})
        world.fails("c")
        await world.settle(30)
        status = await world.service.get_redundancy_status("web")
        assert status is not None
        assert (status.source, status.is_degraded, status.redundancy_level) == ("derived", False, "multi")


async def test_a_report_is_taken_at_its_word_but_failover_waits_for_the_threshold(world: World) -> None:
    async with world.running():
        await world.create(healthCheck={"type": "none"}, names="")
        for name in "ab":
            await world.register(name, address="127.0.0.1:9001", priority=10 if name == "a" else 20)
            await world.service.update_instance_health(world.ids[name], "healthy")
        await world.settle(10)
        assert world.active() == "a"
        for failures in (1, 2):
            state = await world.service.update_instance_health(world.ids["a"], "unhealthy")
            assert (state.instance.health.state, state.instance.health.consecutive_failures) == (
                "unhealthy",
                failures,
            )
        assert world.active() == "a"
        await world.service.update_instance_health(world.ids["a"], "unhealthy")
        assert world.active() == "b"


async def test_a_missed_heartbeat_counts_as_a_failure_and_a_report_begins_anew(world: World) -> None:
    async with world.running():
        await world.create(names="", healthCheck={"type": "heartbeat"}, listener=None)
        await world.register("a")
        await world.service.update_instance_health(world.ids["a"], "healthy")
        await world.settle(9)
        await world.service.update_instance_health(world.ids["a"], "healthy")
        await world.settle(9)
        health = (await world.service.get_proxy_instances("web"))[0].instance.health
        assert (health.state, health.consecutive_failures) == (Health.HEALTHY, 0)
        await world.settle(4)
        health = (await world.service.get_proxy_instances("web"))[0].instance.health
        assert (health.state, health.consecutive_failures) == (Health.UNHEALTHY, 3)


async def test_a_proxy_that_no_node_carries_waits_for_its_owner_and_takes_a_late_word(world: World) -> None:
    async with world.running():
        await world.create(listener=None)
        await world.until(ACTIVATION)
        event = await world.service.switch_over("web", world.ids["b"])
        assert event.status is EventStatus.IN_PROGRESS
        await world.settle(11)
        await world.until(ACTIVATION, "switchover a->b failed")
        assert "timed out" in ((await world.events())[0].error_message or "")
        closed = await world.service.complete_failover_event(event.event_id, "completed")
        assert closed.status is EventStatus.COMPLETED
        again = await world.service.complete_failover_event(event.event_id, "completed")
        assert again == closed
        with pytest.raises(Conflict):
            await world.service.complete_failover_event(event.event_id, "failed", "too late")


async def test_callbacks_are_called_sync_or_async_and_one_that_fails_harms_nothing(world: World) -> None:
    moves: list[str] = []
    redundancy: list[Mapping[str, Any]] = []

    async def on_failover(event: Mapping[str, Any]) -> None:
        await asyncio.sleep(0)
        moves.append(event["eventType"])

    def on_recovery(instance: Mapping[str, Any]) -> None:
        raise RuntimeError(f"no luck with {instance['instanceName']}")

    async with world.running():
        world.service.set_failover_callback(on_failover)
        world.service.set_recovery_callback(on_recovery)
        world.service.set_redundancy_status_callback(redundancy.append)
        await world.create()
        world.fails("a")
        await world.until(ACTIVATION, "failover a->b completed")
        await eventually(lambda: moves == ["activation", "failover"])
        await eventually(lambda: bool(redundancy) and redundancy[-1]["healthyInstances"] == 2)
        assert await world.bench.store.pending_messages(10) == []


async def test_the_recovery_callback_is_silent_while_auto_recovery_is_off(world: World) -> None:
    called: list[Mapping[str, Any]] = []
    async with world.running():
        world.service.set_recovery_callback(called.append)
        await world.create(enableAutoRecovery=False)
        world.fails("b")
        await world.settle(30)
        await eventually(lambda: _handed_over(world))
        assert called == []


async def _handed_over(world: World) -> bool:
    await world.settle(6)
    return list(await world.bench.store.pending_messages(10)) == []


async def test_a_new_address_is_a_new_server_and_is_probed_at_once(world: World) -> None:
    async with world.running():
        await world.create()
        probes = len(world.bench.prober.probed)
        state = await world.service.change_instance(world.ids["b"], {"address": "127.0.0.1:9999"})
        assert state.instance.health.state is Health.UNKNOWN
        await world.settle()
        assert [str(due.address) for due in world.bench.prober.probed[probes:]] == ["127.0.0.1:9999"]


async def test_a_deleted_proxy_is_taken_off_the_nodes_and_its_epoch_goes_on_when_it_comes_back(
    world: World,
) -> None:
    async with world.running():
        await world.create()
        await world.service.delete_proxy("web")
        assert world.driver.applied == {}
        world.ids.clear()
        await world.create()
        assert (await world.service.get_proxy("web")).proxy.epoch == 2


async def test_shutting_down_twice_is_harmless(world: World) -> None:
    async with world.running():
        await world.create()
        assert world.service.ready()
        await world.service.shutdown()
        await world.service.shutdown()
        assert not world.service.ready()


async def test_a_move_whose_commit_was_never_confirmed_is_found_and_carried_out_once() -> None:
    store = ForgetfulStore()
    world = World(Workbench(store=store))
    async with world.running():
        await world.create()
        await world.until(ACTIVATION)
        store.loses_the_answer = True
        world.fails("a")
        await world.until(ACTIVATION, "failover a->b completed")
        assert world.served() == [["b"], ["c"]]
        assert world.active() == "b"


async def test_an_order_whose_commit_was_never_confirmed_is_found_by_the_next_pass() -> None:
    store = ForgetfulStore()
    world = World(Workbench(store=store))
    async with world.running():
        await world.create()
        await world.until(ACTIVATION)
        store.loses_the_answer = True
        with pytest.raises(StoreUnavailable):
            await world.service.switch_over("web", world.ids["b"])
        await world.until(ACTIVATION, "switchover a->b completed")
        assert world.served()[0] == ["b"]
