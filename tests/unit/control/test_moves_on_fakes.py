"""From evidence to outcome: the whole loop on fakes, time by hand."""

import asyncio
from uuid import UUID

import pytest
from tests.unit.control.conftest import World
from tests.waiting import eventually

from switchover.model.actor import person
from switchover.model.errors import Conflict, NotFound
from switchover.model.events import EventStatus, Trigger
from switchover.model.plan import EndpointTraffic, TrafficEvidence
from switchover.testing.fake_driver import FakeDriver
from switchover.testing.workbench import Workbench

ACTIVATION = "activation -->a completed"


async def test_the_preferred_instance_is_activated_and_the_others_stand_by(world: World) -> None:
    async with world.running():
        await world.create()
        await world.until(ACTIVATION)
        assert world.served() == [["a"], ["b"], ["c"]]
        status = await world.service.get_redundancy_status("web")
        assert status is not None
        assert (status.total_instances, status.healthy_instances, status.is_degraded) == (3, 3, False)
        assert [world.name(i) for i in status.backup_instance_ids] == ["b", "c"]


async def test_a_failing_active_is_left_after_the_threshold_and_its_event_has_every_stage(
    world: World,
) -> None:
    async with world.running():
        await world.create()
        world.fails("a")
        await world.until(ACTIVATION, "failover a->b completed")
        failover = (await world.events())[0]
        stages = failover.stages
        assert failover.reason == "Active instance unhealthy (3 failures)"
        assert failover.trigger is Trigger.AUTOMATIC
        assert stages.detected_at is not None
        assert stages.decided_at is not None
        assert (stages.decided_at - stages.detected_at).total_seconds() == pytest.approx(2.0)
        assert stages.applied_at is not None
        assert failover.duration_ms is not None
        assert world.served() == [["b"], ["c"]]


async def test_the_active_fails_back_after_the_hold_down(world: World) -> None:
    async with world.running():
        await world.create()
        world.fails("a")
        await world.until(ACTIVATION, "failover a->b completed")
        world.passes("a")
        await world.until(ACTIVATION, "failover a->b completed", "failback b->a completed")
        assert world.served() == [["a"], ["b"], ["c"]]


async def test_without_a_backup_the_last_active_is_kept_and_the_proxy_is_degraded(world: World) -> None:
    async with world.running():
        await world.create("a")
        world.fails("a")
        await world.settle(30)
        assert await world.story() == [ACTIVATION]
        assert world.served() == [["a"]]
        overview = await world.service.get_proxy("web")
        assert overview.redundancy.is_degraded
        assert overview.decision.reason == "no_backup"


async def test_a_manual_move_pins_its_target_until_it_is_taken_off(world: World) -> None:
    async with world.running():
        await world.create()
        event = await world.service.execute_failover(
            "web", world.ids["a"], world.ids["b"], "Testing the standby"
        )
        assert (event.trigger, event.reason, event.epoch) == (Trigger.MANUAL, "Testing the standby", 2)
        await world.settle(60)
        assert await world.story() == [ACTIVATION, "switchover a->b completed"]
        await world.service.unpin("web")
        await world.until(ACTIVATION, "switchover a->b completed", "failback b->a completed")


async def test_of_two_orders_at_once_one_wins_and_the_other_is_told_the_state(world: World) -> None:
    async with world.running():
        await world.create()
        orders = [world.service.execute_failover("web", world.ids["a"], world.ids[to]) for to in "bc"]
        won, lost = await asyncio.gather(*orders, return_exceptions=True)
        assert not isinstance(won, BaseException)
        assert isinstance(lost, Conflict)
        assert lost.state["activeInstanceId"] == str(won.target_instance_id)
        assert lost.state["epoch"] == 2


async def test_draining_the_active_moves_it_and_names_who_ordered_it(world: World) -> None:
    async with world.running():
        await world.create(enableAutoFailover=False)
        await world.service.set_admin_state(world.ids["a"], "drain", actor=person("alice"))
        event = (await world.events())[0]
        assert (event.event_type, event.trigger, event.actor) == ("switchover", "manual", "alice")
        await world.until(ACTIVATION, "switchover a->b completed")


async def test_deleting_the_active_is_a_failover(world: World) -> None:
    async with world.running():
        await world.create()
        await world.service.delete_instance(world.ids["a"])
        await world.until(ACTIVATION, "failover a->b completed")
        assert world.served() == [["b"], ["c"]]


async def test_an_event_fails_with_the_reason_per_node_and_the_commit_stands() -> None:
    world = World(Workbench(drivers=(FakeDriver("n1"), FakeDriver("n2"))))
    async with world.running():
        await world.create()
        world.bench.drivers[0].reject("web", "cannot bind")
        world.bench.drivers[1].silence()
        world.fails("a")
        await world.settle(20)
        await world.until(ACTIVATION, "failover a->b failed")
        words = (await world.events())[0].error_message
        assert words == "not applied within 10 s: node n1 rejected it: cannot bind; node n2 did not answer"
        world.bench.drivers[0].accept("web")
        await world.bench.drivers[1].speak()
        await world.settle(30)
        assert [driver.applied["web"].epoch for driver in world.bench.drivers] == [2, 2]
        assert await world.story() == [ACTIVATION, "failover a->b failed"]


async def test_a_second_move_is_not_delayed_by_one_that_a_silent_node_has_not_answered(world: World) -> None:
    async with world.running():
        await world.create()
        world.driver.silence()
        await world.service.execute_failover("web", world.ids["a"], world.ids["b"])
        second = await world.service.execute_failover("web", world.ids["b"], world.ids["c"])
        first = next(event for event in await world.events() if event.epoch == 2)
        assert first.status is EventStatus.FAILED
        assert first.error_message == f"superseded by event {second.event_id} (epoch 3)"
        await world.driver.speak()
        await world.until(ACTIVATION, "switchover a->b failed", "switchover b->c completed")
        assert [plan.epoch for plan in world.driver.history if plan.tiers][-1] == 3
        assert 2 not in [plan.epoch for plan in world.driver.history]


async def test_an_exclusive_proxy_is_broken_everywhere_before_it_is_made_anywhere(world: World) -> None:
    async with world.running():
        await world.create(exclusive=True)
        assert world.served() == [["a"]]
        seen = len(world.driver.history)
        await world.service.switch_over("web", world.ids["b"])
        await world.until(ACTIVATION, "switchover a->b completed")
        tiers = [
            [[world.name(e.instance_id) for e in tier] for tier in plan.tiers]
            for plan in world.driver.history
        ]
        assert tiers[seen:] == [[], [["b"]]]


async def test_the_intent_is_on_record_before_a_node_is_told(world: World) -> None:
    async with world.running():
        await world.create()
        world.driver.silence()
        event = await world.service.switch_over("web")
        assert (await world.events())[0].event_id == event.event_id
        assert event.status is EventStatus.IN_PROGRESS
        assert world.driver.applied["web"].epoch == 1


async def test_a_move_is_verified_when_the_new_active_answers_under_its_epoch(world: World) -> None:
    def account(name: str, epoch: int) -> TrafficEvidence:
        traffic = EndpointTraffic(
            instance_id=world.ids[name], epoch=epoch, successes=5, errors=0, in_progress=1
        )
        return TrafficEvidence(node_id="fake", proxy_id="web", endpoints=(traffic,))

    async def verified() -> bool:
        await world.settle()
        return (await world.events())[0].stages.verified_at is not None

    async with world.running():
        await world.create()
        await world.service.switch_over("web", world.ids["b"])
        world.driver.account(account("b", 1), account("a", 2))
        await world.settle(1)
        assert not await verified()
        world.driver.account(account("b", 2))
        await eventually(verified)
        state = (await world.service.get_proxy_instances("web"))[1]
        assert state.instance.usage.total_requests == 10


async def test_errors_that_the_data_plane_reports_are_probed_at_once(world: World) -> None:
    async with world.running():
        await world.create()
        probes = len(world.bench.prober.probed)
        traffic = EndpointTraffic(instance_id=world.ids["a"], epoch=1, successes=0, errors=3, in_progress=0)
        world.driver.account(TrafficEvidence(node_id="fake", proxy_id="web", endpoints=(traffic,)))
        await world.settle()
        assert [due.instance_id for due in world.bench.prober.probed[probes:]] == [world.ids["a"]]


async def test_the_epoch_is_raised_past_what_a_node_has_acknowledged(world: World) -> None:
    async with world.running():
        await world.create()
        world.driver.claim_epoch("web", 41)
        await eventually(lambda: world.driver.applied["web"].epoch == 42)
        entries = await world.bench.store.audit("web", 10)
        assert entries[0].action == "epoch.raise"
        world.fails("a")
        await world.until(ACTIVATION, "failover a->b completed")
        assert (await world.events())[0].epoch == 43


async def test_somebody_elses_proxy_is_not_found(world: World) -> None:
    stranger = person("mallory")
    async with world.running():
        await world.create()
        assert await world.service.get_failover_configuration("web", actor=stranger) is None
        for call in (
            world.service.get_proxy("web", actor=stranger),
            world.service.get_failover_events("web", actor=stranger),
            world.service.change_instance(world.ids["a"], {"priority": 1}, actor=stranger),
            world.service.set_admin_state(world.ids["a"], "drain", actor=stranger),
            world.service.delete_instance(world.ids["a"], actor=stranger),
            world.service.delete_proxy("web", actor=stranger),
            world.service.switch_over("web", actor=stranger),
            world.service.complete_failover_event(
                (await world.events())[0].event_id, "failed", actor=stranger
            ),
            world.service.update_instance_health(UUID(int=77), "healthy", actor=stranger),
        ):
            with pytest.raises(NotFound):
                await call
        with pytest.raises(Conflict):
            await world.service.create_failover_configuration("web", "mallory", actor=stranger)
        assert (await world.service.list_proxies(actor=stranger)).total == 0
