"""Moves in steps through the whole loop on fakes: what nodes are told, what is on record, and who goes on with it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.unit.control.conftest import World
from tests.unit.control.replicas import SESSION_SECONDS, OneReplica, Replicas
from tests.waiting import eventually

from switchover.model.events import EventStatus, FailoverEvent
from switchover.model.plan import EndpointTraffic, Plan, TrafficEvidence
from switchover.testing.fake_driver import FakeDriver

ACTIVATION = "activation -->a completed"
GRADUAL: dict[str, Any] = {"steps": [5, 25, 100], "dwellSeconds": 30, "maxErrorRate": 0.1, "minRequests": 20}


def shares(plan: Plan) -> tuple[int, ...]:
    """The weights of the first tier; a lone one carries everything."""
    first = plan.tiers[0]
    return tuple(endpoint.weight for endpoint in first) if len(first) > 1 else (100,)


def told(driver: FakeDriver) -> list[tuple[int, tuple[int, ...]]]:
    """Epoch and weights of every plan that the node came to run since the first activation."""
    return [(plan.epoch, shares(plan)) for plan in driver.history if plan.epoch > 1]


def carried(world: World, name: str, successes: int, errors: int) -> None:
    traffic = EndpointTraffic(
        instance_id=world.ids[name],
        epoch=world.driver.applied["web"].epoch,
        successes=successes,
        errors=errors,
        in_progress=0,
    )
    world.driver.account(TrafficEvidence(node_id="fake", proxy_id="web", endpoints=(traffic,)))


async def newest(world: World) -> FailoverEvent:
    return (await world.events())[0]


async def at_share(world: World, share: int) -> FailoverEvent:
    async def there() -> FailoverEvent | None:
        await world.settle(0.5)
        event = await newest(world)
        return event if event.gradual is not None and event.gradual.share == share else None

    event = await eventually(there)
    assert event is not None
    return event


async def test_a_switchover_follows_in_steps_and_its_event_waits_for_the_last(world: World) -> None:
    async with world.running():
        await world.create(gradual=GRADUAL)
        event = await world.service.switch_over("web", world.ids["b"])
        assert event.gradual is not None
        assert (event.gradual.share, event.gradual.step, event.status) == (5, 0, EventStatus.IN_PROGRESS)
        await world.settle(29)
        assert told(world.driver)[-1] == (2, (5, 95))
        assert (await newest(world)).status is EventStatus.IN_PROGRESS, "the dwell is no time-out"
        await at_share(world, 25)
        assert world.served() == [["b", "a"], ["c"]]
        overview = await world.service.get_proxy("web")
        assert overview.open_event is not None
        assert overview.open_event.gradual is not None
        assert overview.open_event.gradual.share == 25
        assert overview.decision.reason == "gradual"
        await world.until(ACTIVATION, "switchover a->b completed")
        done = await newest(world)
        assert (done.epoch, overview.proxy.epoch) == (2, 3)
        assert done.duration_ms == pytest.approx(60_000, abs=1_000)
        assert [e for e in told(world.driver) if e[0] > 1] == [(2, (5, 95)), (3, (25, 75)), (4, (100,))]
        assert world.served() == [["b"], ["a"], ["c"]]
        await world.settle(60)
        assert world.driver.history[-1].epoch == 4
        entries = await world.bench.store.audit("web", 100)
        assert [e.detail["share"] for e in entries if e.action == "move.step"] == [100, 25]


async def test_a_target_that_answers_errors_is_left_at_once(world: World) -> None:
    async with world.running():
        await world.create(gradual=GRADUAL)
        await world.service.switch_over("web", world.ids["b"])
        carried(world, "b", successes=100, errors=0)
        carried(world, "a", successes=100, errors=1900)
        await at_share(world, 25)
        carried(world, "b", successes=10, errors=5)
        await world.settle(1)
        assert (await newest(world)).reason_code == "manual", "fifteen requests say nothing yet"
        carried(world, "b", successes=5, errors=0)
        await world.until(ACTIVATION, "switchover a->b failed", "failover b->a completed")
        rolled_back, left = (await world.events())[:2]
        assert (rolled_back.reason_code, rolled_back.trigger) == ("gradual_aborted", "automatic")
        assert rolled_back.reason == (
            "Taken back at 25 % of the traffic: b answered 5 of 20 requests with errors, more than 0.1 of them"
        )
        assert left.error_message == (
            f"{rolled_back.reason}; rolled back by event {rolled_back.event_id} (epoch {rolled_back.epoch})"
        )
        assert told(world.driver)[-1] == (4, (100,))
        assert world.served() == [["a"], ["b"], ["c"]]
        assert (await world.service.get_proxy("web")).proxy.pinned_instance_id is None


async def test_a_failback_that_was_taken_back_counts_as_failed(world: World) -> None:
    async with world.running():
        await world.create(gradual=GRADUAL, maxFailbacks=1)
        world.fails("a")
        await world.until(ACTIVATION, "failover a->b completed")
        world.passes("a")
        await at_share(world, 5)
        carried(world, "a", successes=0, errors=30)
        story = (ACTIVATION, "failover a->b completed", "failback b->a failed", "failover a->b completed")
        await world.until(*story)
        (state, *_) = await world.service.get_proxy_instances("web")
        assert [veto.value for veto in state.damping.vetoes] == ["damped"]
        await world.settle(290)
        assert await world.story() == list(story)
        await at_share(world, 5)
        assert (await world.story())[-1] == "failback b->a in_progress"


async def test_a_restart_goes_on_with_the_step_where_it_stood(world: World) -> None:
    async with world.running():
        await world.create(gradual=GRADUAL)
        await world.service.switch_over("web", world.ids["b"])
        await at_share(world, 25)
        carried(world, "b", successes=0, errors=10)
        await world.settle(20)
    history = len(world.driver.history)
    async with world.running():
        await world.settle(5)
        assert len(world.driver.history) == history, "the node is sent nothing that it has"
        overview = await world.service.get_proxy("web")
        assert overview.open_event is not None
        assert overview.open_event.gradual is not None
        assert overview.open_event.gradual.share == 25
        # The ten from before and these ten: the count began with the step, not with the process.
        carried(world, "b", successes=10, errors=0)
        await world.until(ACTIVATION, "switchover a->b failed", "failover b->a completed")


async def test_a_restart_within_the_last_step_ends_the_event(world: World) -> None:
    async with world.running():
        await world.create(gradual=GRADUAL)
        await world.service.switch_over("web", world.ids["b"])
        await at_share(world, 25)
        world.driver.silence()
        await at_share(world, 100)
    async with world.running():
        assert (await newest(world)).status is EventStatus.IN_PROGRESS
        await world.driver.speak()
        await world.until(ACTIVATION, "switchover a->b completed")


async def test_the_deadline_of_the_nodes_begins_with_the_last_step(world: World) -> None:
    async with world.running():
        await world.create(gradual=GRADUAL, switchTimeoutSeconds=40)
        await world.service.switch_over("web", world.ids["b"])
        await at_share(world, 25)
        world.driver.silence()
        await at_share(world, 100)
        await world.settle(38)
        assert (await newest(world)).status is EventStatus.IN_PROGRESS
        await world.settle(4)
        failed = await newest(world)
        assert (failed.status, failed.error_message) == (
            EventStatus.FAILED,
            "not applied within 40 s: node fake did not answer",
        )
        await world.driver.speak()
        await eventually(lambda: told(world.driver)[-1] == (4, (100,)))


async def test_the_rest_follows_at_once_when_the_source_is_gone_or_the_owner_says_so(world: World) -> None:
    async with world.running():
        await world.create(gradual=GRADUAL)
        await world.service.switch_over("web", world.ids["b"])
        await world.service.delete_instance(world.ids["a"])
        await world.until(ACTIVATION, "switchover a->b completed")
        assert world.served() == [["b"], ["c"]]

        event = await world.service.switch_over("web", world.ids["c"])
        await eventually(lambda: world.served() == [["c", "b"]])
        await world.service.complete_failover_event(event.event_id, "completed")
        await eventually(lambda: world.served() == [["c"], ["b"]])

        await world.service.switch_over("web", world.ids["b"])
        await eventually(lambda: world.served() == [["b", "c"]])
        await world.service.create_failover_configuration("web", "alice", {"gradual": None})
        await eventually(lambda: world.served() == [["b"], ["c"]])


async def test_a_newer_order_wins_and_force_skips_the_steps(world: World) -> None:
    async with world.running():
        await world.create(gradual=GRADUAL)
        await world.service.switch_over("web", world.ids["b"])
        newer = await world.service.switch_over("web", world.ids["c"])
        await eventually(lambda: world.served() == [["c", "a"], ["b"]])
        former = (await world.events())[1]
        assert former.error_message == f"superseded by event {newer.event_id} (epoch 3)"
        forced = await world.service.switch_over("web", world.ids["b"], "Now", force=True)
        assert forced.gradual is None
        assert forced.evidence["skipped"] == ["steps"]
        await world.until(
            ACTIVATION,
            "switchover a->b failed",
            "switchover b->c failed",
            "switchover c->b completed",
        )


@pytest.fixture
async def replicas() -> AsyncIterator[Replicas]:
    async with Replicas().running() as running:
        for one in running.all[1:]:
            one.node.silence()
        yield running


def moving(one: OneReplica) -> FailoverEvent | None:
    return one.service._desk.fleet.state("web").open_move


async def test_another_replica_goes_on_with_the_step_where_it_stood(replicas: Replicas) -> None:
    await replicas.create(gradual=GRADUAL)
    for one in replicas.all:
        one.node.silence()
    owner = replicas.owner()
    node = next(one for one in replicas.all if one is not owner).node
    await node.speak()
    await owner.service.switch_over("web", replicas.ids["b"])
    await replicas.settle(32)
    assert shares(node.applied["web"]) == (25, 75), "every replica tells its nodes the same"
    assert node.applied["web"].epoch == 3
    if owner.node is not node:
        await owner.die()
    await replicas.settle(SESSION_SECONDS * 2)
    successor = replicas.owner()
    assert successor is not owner
    await replicas.settle(45)
    assert await replicas.story() == [ACTIVATION, "switchover a->b completed"]
    assert (node.applied["web"].epoch, shares(node.applied["web"])) == (4, (100,))
    assert all(moving(one) is None for one in replicas.all if one is not owner)
