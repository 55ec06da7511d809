"""What time does to standing orders in a whole control plane: by the owner, also after a restart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.unit.control.conftest import World

from switchover.control.evidence import record_of
from switchover.control.replay import replay
from switchover.model.actor import person
from switchover.model.admin import DrainState
from switchover.model.drills import Drill, DrillStatus
from switchover.model.errors import Conflict, InvalidInput, NotFound
from switchover.model.instance import Instance
from switchover.model.plan import EndpointTraffic, TrafficEvidence
from switchover.model.rules import FLEET, Freeze, SafetyRules

ACTIVATION = "activation -->a completed"
ANN = person("ann", admin=True)


def instance(world: World, name: str) -> Instance:
    return world.service._desk.fleet.state("web").instances[world.ids[name]]


def drain_state(world: World, name: str) -> DrainState | None:
    order = instance(world, name).admin_order
    return None if order is None else order.drain_state


async def audit(world: World) -> list[tuple[str, str, Any]]:
    entries = await world.bench.store.audit("web", 100)
    return [(entry.action, entry.actor.name, entry.detail) for entry in reversed(entries)]


async def drills(world: World) -> list[Drill]:
    return list(await world.service.get_drills("web"))


def carry(world: World, name: str, open_requests: int, epoch: int, node: str = "fake") -> None:
    endpoint = EndpointTraffic(
        instance_id=world.ids[name], epoch=epoch, successes=1, errors=0, in_progress=open_requests
    )
    world.driver.account(TrafficEvidence(node_id=node, proxy_id="web", endpoints=(endpoint,)))


async def in_seconds(world: World, seconds: float) -> Any:
    return world.bench.clock.now() + timedelta(seconds=seconds)


async def test_an_order_with_an_end_reverts_at_its_end_and_automation_says_so(world: World) -> None:
    async with world.running():
        await world.create()
        await world.service.set_admin_state(
            world.ids["a"], "maintenance", reason="Kernel update", expires_in_seconds=60, actor=ANN
        )
        order = instance(world, "a").admin_order
        assert order is not None
        assert (order.actor, order.reason) == ("ann", "Kernel update")
        await world.until(ACTIVATION, "switchover a->b completed")
        await world.settle(55)
        assert instance(world, "a").admin_state == "maintenance"
        await world.settle(5)
        assert instance(world, "a").admin_state == "ready"
        assert (
            "instance.order",
            "switchover",
            {"from": "maintenance", "to": "ready", "why": "the order expired"},
        ) in (await audit(world))
        await world.until(ACTIVATION, "switchover a->b completed", "failback b->a completed")


async def test_an_order_that_ended_while_nobody_ran_reverts_at_the_start(world: World) -> None:
    async with world.running():
        await world.create()
        await world.service.set_admin_state(world.ids["c"], "drain", expires_in_seconds=60)
        await world.service.set_admin_state(world.ids["b"], "drain", expires_in_seconds=600)
    await world.settle(300)
    async with world.running():
        await world.settle(1)
        assert instance(world, "c").admin_state == "ready"
        assert instance(world, "b").admin_state == "drain"
        await world.settle(300)
        assert instance(world, "b").admin_state == "ready"


async def test_a_drained_active_is_idle_once_no_node_has_a_request_open_there(world: World) -> None:
    async with world.running():
        await world.create()
        carry(world, "a", 2, epoch=1)
        carry(world, "a", 1, epoch=1, node="other")
        await world.settle()
        await world.service.set_admin_state(world.ids["a"], "drain", drain_timeout_seconds=120)
        await world.until(ACTIVATION, "switchover a->b completed")
        (state,) = [s for s in await world.service.get_proxy_instances("web") if s.instance.name == "a"]
        assert (state.open_requests, drain_state(world, "a")) == (3, DrainState.DRAINING)
        assert [world.name(d.endpoint.instance_id) for d in world.driver.applied["web"].drained] == ["a"]
        carry(world, "a", 0, epoch=1)
        await world.settle(20)
        assert drain_state(world, "a") is DrainState.DRAINING
        carry(world, "a", 0, epoch=1, node="other")
        await world.settle(6)
        assert drain_state(world, "a") is DrainState.IDLE
        assert ("instance.drained", "switchover", {"drainState": "idle", "leftOpen": 0}) in await audit(world)
        assert world.driver.applied["web"].drained == ()


async def test_after_a_restart_nothing_is_called_idle_before_nodes_had_time_to_tell(world: World) -> None:
    async with world.running():
        await world.create()
        carry(world, "a", 2, epoch=1)
        await world.settle()
        await world.service.set_admin_state(world.ids["a"], "drain", drain_timeout_seconds=600)
        await world.settle(60)
    async with world.running():
        await world.settle(2)
        carry(world, "a", 2, epoch=1)
        await world.settle(20)
        assert drain_state(world, "a") is DrainState.DRAINING
        carry(world, "a", 0, epoch=1)
        await world.settle(1)
        assert drain_state(world, "a") is DrainState.IDLE


async def test_at_the_deadline_what_is_open_is_counted_and_no_longer_waited_for(world: World) -> None:
    async with world.running():
        await world.create()
        carry(world, "a", 2, epoch=1)
        await world.settle()
        await world.service.set_admin_state(world.ids["a"], "drain", drain_timeout_seconds=30)
        await world.settle(31)
        assert drain_state(world, "a") is DrainState.DEADLINE_PASSED
        order = instance(world, "a").admin_order
        assert order is not None
        assert order.left_open == 2


async def test_a_scheduled_switchover_waits_and_is_made_as_whoever_ordered_it(world: World) -> None:
    async with world.running():
        await world.create()
        at = await in_seconds(world, 600)
        event = await world.service.switch_over("web", world.ids["c"], "Planned", scheduled_for=at, actor=ANN)
        assert (event.status, event.scheduled_at) == ("pending", at)
        assert (await world.service.get_proxy("web")).scheduled_event == event
        world.fails("a")
        await world.settle(60)
        assert "failover a->b completed" in await world.story()
        await world.settle(539)
        assert world.active() == "b"
        await world.settle(2)
        assert world.active() == "c"
        made = await world.bench.store.event(event.event_id)
        assert made is not None
        assert (made.status, made.actor, made.reason, made.trigger, made.epoch) == (
            "completed",
            "ann",
            "Planned",
            "manual",
            3,
        )
        assert (made.created_at, made.scheduled_at) == (event.created_at, at)
        assert (await world.service.get_proxy("web")).scheduled_event is None


async def test_a_scheduled_switchover_that_is_refused_has_failed_with_the_reason(world: World) -> None:
    async with world.running():
        await world.create()
        event = await world.service.switch_over(
            "web", world.ids["b"], scheduled_for=await in_seconds(world, 60), actor=ANN
        )
        world.fails("b")
        await world.settle(61)
        failed = await world.bench.store.event(event.event_id)
        assert failed is not None
        assert failed.status == "failed"
        assert "instance b may not become active: unhealthy" in (failed.error_message or "")
        assert world.active() == "a"


async def test_a_scheduled_switchover_survives_a_restart_but_not_a_long_one(world: World) -> None:
    async with world.running():
        await world.create()
        await world.service.switch_over("web", world.ids["b"], scheduled_for=await in_seconds(world, 100))
    async with world.running():
        await world.settle(101)
        await world.until(ACTIVATION, "switchover a->b completed")
        late = await world.service.switch_over(
            "web", world.ids["c"], scheduled_for=await in_seconds(world, 100)
        )
    await world.settle(500)
    async with world.running():
        await world.settle(1)
        missed = await world.bench.store.event(late.event_id)
        assert missed is not None
        assert (missed.status, missed.error_message) == ("failed", "nobody ran within 5 min of its time")
        assert world.active() == "b"


async def test_a_scheduled_switchover_can_be_cancelled_and_there_is_one_at_a_time(world: World) -> None:
    async with world.running():
        await world.create()
        at = await in_seconds(world, 60)
        event = await world.service.switch_over("web", scheduled_for=at, actor=ANN)
        with pytest.raises(Conflict, match="has a scheduled switchover already"):
            await world.service.switch_over("web", scheduled_for=at)
        with pytest.raises(Conflict, match="is scheduled"):
            await world.service.complete_failover_event(event.event_id, "completed")
        cancelled = await world.service.cancel_switchover("web", actor=ANN)
        assert (cancelled.status, cancelled.error_message) == ("failed", "cancelled by ann")
        with pytest.raises(Conflict, match="has no scheduled switchover"):
            await world.service.cancel_switchover("web")
        await world.settle(120)
        assert world.active() == "a"


@pytest.mark.parametrize("seconds", [-1, 0, 31 * 86_400])
async def test_a_time_that_is_past_or_too_far_is_refused(world: World, seconds: float) -> None:
    async with world.running():
        await world.create()
        at = await in_seconds(world, seconds)
        with pytest.raises(InvalidInput, match="scheduledFor"):
            await world.service.switch_over("web", scheduled_for=at)
        with pytest.raises(InvalidInput, match="scheduledFor"):
            await world.service.start_drill("web", scheduled_for=at)
        with pytest.raises(NotFound):
            await world.service.switch_over("web", UUID(int=9), scheduled_for=await in_seconds(world, 9))


async def test_force_needs_a_reason_and_says_what_it_skipped(world: World) -> None:
    async with world.running():
        await world.create()
        world.fails("b")
        await world.settle(60)
        with pytest.raises(Conflict, match="`force` with a reason skips that"):
            await world.service.switch_over("web", world.ids["b"])
        with pytest.raises(InvalidInput, match="force needs a reason"):
            await world.service.switch_over("web", world.ids["b"], force=True)
        event = await world.service.switch_over("web", world.ids["b"], "Probes lie", force=True, actor=ANN)
        assert (event.evidence["forced"], event.evidence["skipped"]) == (True, ["unhealthy"])
        (commit,) = [detail for action, name, detail in await audit(world) if name == "ann"]
        assert (commit["forced"], commit["skipped"]) == (True, ["unhealthy"])
        await world.settle(120)
        assert world.active() == "b"


async def test_a_drill_goes_there_and_back_and_keeps_the_times(world: World) -> None:
    async with world.running():
        await world.create()
        await world.service.start_drill("web", "Quarterly", hold_seconds=20, actor=ANN)
        await world.until(ACTIVATION, "switchover a->b completed")
        assert (await world.service.get_proxy("web")).decision.reason == "drilling"
        await world.settle(10)
        assert world.active() == "b"
        await world.until(ACTIVATION, "switchover a->b completed", "switchover b->a completed")
        await world.settle(1)
        (drill,) = await drills(world)
        assert (drill.status, drill.outcome, drill.actor.name) == ("completed", "succeeded", "ann")
        assert drill.moved_at is not None
        assert drill.finished_at is not None
        assert drill.finished_at - drill.moved_at >= timedelta(seconds=20)
        there, back = [event for event in await world.events() if event.drill_id == drill.drill_id][::-1]
        assert (there.event_id, back.event_id) == (drill.out_event_id, drill.back_event_id)
        assert (there.reason, back.reason_code, there.actor) == (
            "Drill: to the best standby (Quarterly)",
            "drill_back",
            "ann",
        )
        assert world.service._desk.fleet.state("web").proxy.pinned_instance_id is None
        assert [a for a, _, _ in await audit(world)].count("drill.step") == 4


async def test_a_drill_that_its_standby_fails_is_rolled_back_by_failover(world: World) -> None:
    async with world.running():
        await world.create()
        await world.service.start_drill("web", hold_seconds=300)
        await world.until(ACTIVATION, "switchover a->b completed")
        world.fails("b")
        await world.settle(60)
        assert world.active() == "a"
        (drill,) = await drills(world)
        assert (drill.status, drill.outcome) == ("failed", "target_failed")


FREEZE = Freeze(
    name="release",
    starts_at=datetime(2020, 1, 1, tzinfo=UTC),
    ends_at=datetime(2999, 1, 1, tzinfo=UTC),
)


async def test_no_rule_keeps_a_drill_from_going_home(world: World) -> None:
    async with world.running():
        await world.create()
        await world.service.start_drill("web", hold_seconds=20, actor=ANN)
        await world.until(ACTIVATION, "switchover a->b completed")
        await world.bench.store.save_rules(FLEET, SafetyRules(freezes=(FREEZE,)))
        await world.until(ACTIVATION, "switchover a->b completed", "switchover b->a completed")
        await world.settle(2)
        (drill,) = await drills(world)
        assert (drill.status, drill.outcome) == ("completed", "succeeded")
        for event in await world.events():
            assert replay(record_of(event.evidence)).is_same


async def test_a_drill_that_only_the_store_knows_to_be_barred_is_refused(world: World) -> None:
    async with world.running():
        await world.create()
        await world.bench.store.save_rules(FLEET, SafetyRules(freezes=(FREEZE,)))
        await world.service.start_drill("web", hold_seconds=20, actor=ANN)
        await world.settle(5)
        (drill,) = await drills(world)
        assert (drill.status, drill.outcome) == ("failed", "refused")
        assert drill.message is not None
        assert "Freeze release of the fleet" in drill.message
        assert await world.service.get_blocked_moves("web") == []


async def test_a_drill_is_refused_while_degraded_and_can_be_cancelled(world: World) -> None:
    async with world.running():
        await world.create("ab")
        world.fails("b")
        await world.settle(60)
        await world.service.start_drill("web")
        await world.settle(1)
        (drill,) = await drills(world)
        assert (drill.outcome, drill.message) == ("refused", "the proxy is degraded")
        world.passes("b")
        await world.settle(60)

        await world.service.start_drill("web", scheduled_for=await in_seconds(world, 600))
        with pytest.raises(Conflict, match="has a drill already"):
            await world.service.start_drill("web")
        assert (await world.service.cancel_drill("web", actor=ANN)).message == "cancelled by ann"

        await world.service.start_drill("web", hold_seconds=600)
        await world.until(ACTIVATION, "switchover a->b completed")
        await world.service.cancel_drill("web", actor=ANN)
        await world.until(ACTIVATION, "switchover a->b completed", "switchover b->a completed")
        await world.settle(1)
        assert [(d.status, d.outcome) for d in await drills(world)] == [
            ("failed", "cancelled"),
            ("failed", "cancelled"),
            ("failed", "refused"),
        ]
        with pytest.raises(Conflict, match="no drill to cancel"):
            await world.service.cancel_drill("web")


async def test_a_drill_goes_on_after_a_restart(world: World) -> None:
    async with world.running():
        await world.create()
        await world.service.start_drill("web", hold_seconds=100)
        await world.until(ACTIVATION, "switchover a->b completed")
        await world.settle(1)
    await world.settle(300)
    async with world.running():
        await world.until(ACTIVATION, "switchover a->b completed", "switchover b->a completed")
        await world.settle(1)
        (drill,) = await drills(world)
        assert (drill.status, drill.outcome) == ("completed", "succeeded")


async def test_a_drill_whose_owner_died_before_it_moved_ends_cleanly(world: World) -> None:
    async with world.running():
        await world.create()
        await world.service.start_drill("web", scheduled_for=await in_seconds(world, 50))
        await world.settle(1)
        drill = (await drills(world))[0]
    died = replace(
        drill,
        status=DrillStatus.MOVING,
        home_instance_id=world.ids["a"],
        target_instance_id=world.ids["b"],
        out_event_id=UUID(int=99),
        started_at=drill.created_at,
    )
    world.bench.store.reopen()  # type: ignore[attr-defined] # the memory store has it
    await world.bench.store.save_drill(died)
    async with world.running():
        await world.settle(2)
        (ended,) = await drills(world)
        assert (ended.status, ended.outcome) == ("failed", "interrupted")
        assert await world.story() == [ACTIVATION]
