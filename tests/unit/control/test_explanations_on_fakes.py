"""Why: on the whole control plane, from the probes that failed to the words an operator reads."""

import json
from datetime import timedelta

import pytest
from tests.unit.control.conftest import World

from switchover.api.schemas.explanation import EventExplanationBody, StandingBody
from switchover.control.evidence import record_of
from switchover.control.replay import replay
from switchover.control.wording import event_words, standing_words
from switchover.decision.reasons import Reason
from switchover.model.actor import person
from switchover.model.errors import InvalidInput, NotFound
from switchover.model.observation import Health
from switchover.testing.fake_driver import FakeDriver
from switchover.testing.memory_store import MemoryStore
from switchover.testing.workbench import Workbench

ACTIVATION = "activation -->a completed"
FAILOVER = """
Failover of web from a to b, completed in 0 ms (epoch 2). 2026-01-01, times are UTC.
Why: Active instance unhealthy (3 failures); decided by switchover itself at 00:00:02.000, by policy generation 1 (strategy priority).
Seen of a: 00:00:00.000 fail (as scripted); 00:00:01.000 fail (as scripted); 00:00:02.000 fail (as scripted).
Believed: a unhealthy since 00:00:02.000, 3 failures in a row since 00:00:00.000; b healthy since 00:00:00.000, 2 passes in a row.
Could take over, best first: b (priority 20, weight 100, chosen), c (priority 30, weight 100).
Took: first sign of it 00:00:00.000, decided 2000 ms later, on record 0 ms later, applied by every node 0 ms later.
Nodes: fake applied it after 0 ms.
"""


async def test_a_failover_tells_its_story_and_replays_to_itself(world: World) -> None:
    async with world.running():
        await world.create()
        world.fails("a")
        await world.until(ACTIVATION, "failover a->b completed")
        event = (await world.events())[0]

        explanation = await world.service.explain_failover_event(event.event_id)

        assert "\n".join(event_words(explanation)) == FAILOVER.strip()
        assert explanation.record is not None
        assert replay(explanation.record).is_same
        body = EventExplanationBody.of(explanation)
        assert (
            record_of(json.loads(body.model_dump_json(by_alias=True))["evidence"]).view
            == explanation.record.view
        )
        assert body.node_answers is not None
        assert [(a.node_id, a.kind) for a in body.node_answers] == [("fake", "applied")]


async def test_whoever_may_not_take_over_is_named_with_every_reason(world: World) -> None:
    async with world.running():
        await world.create()
        await world.service.set_admin_state(world.ids["b"], "maintenance")
        world.fails("b")
        await world.settle(15)
        world.fails("a")
        await world.until(ACTIVATION, "failover a->c completed")

        words = event_words(await world.service.explain_failover_event((await world.events())[0].event_id))

        assert "Could take over, best first: c (priority 30, weight 100, chosen)." in words
        refused = next(line for line in words if line.startswith("May not: "))
        assert refused.startswith("May not: b, it is in maintenance and it is unhealthy (")


async def test_a_node_that_refuses_is_quoted() -> None:
    world = World(Workbench(drivers=(FakeDriver("edge-1"), FakeDriver("edge-2"))))
    async with world.running():
        await world.create()
        world.bench.drivers[1].reject("web", "cannot bind 127.0.0.1:10000")
        await world.service.switch_over(
            "web", world.ids["b"], "kernel update", actor=person("ann", admin=True)
        )
        await world.until(ACTIVATION, "switchover a->b failed")

        words = event_words(await world.service.explain_failover_event((await world.events())[0].event_id))

        assert words[0].startswith("Switchover of web from a to b, failed (epoch 2).")
        assert words[1].startswith("Why: kernel update; ordered by ann at ")
        nodes = next(line for line in words if line.startswith("Nodes: "))
        assert nodes.startswith("Nodes: edge-1 applied it after 0 ms; edge-2 rejected it after ")
        assert nodes.endswith("(cannot bind 127.0.0.1:10000).")
        assert words[-1].startswith("It failed: not applied within 10 s: node edge-2 rejected it")


async def test_why_nothing_happens_now_says_what_is_waited_for_and_until_when(world: World) -> None:
    async with world.running():
        await world.create(failbackHoldDownSeconds=60)
        assert standing_words(await world.service.explain_failover("web"))[0].startswith(
            "web stays on a: No failover needed."
        )
        world.fails("a")
        await world.until(ACTIVATION, "failover a->b completed")
        world.passes("a")
        await world.settle(20)

        standing = await world.service.explain_failover("web")

        assert standing.decision.reason is Reason.HOLD_DOWN
        words = standing_words(standing)
        assert words[0].startswith("web stays on b: Preferred instance is held down for another ")
        assert "It is looked at again at 00:01:" in words[0]
        assert words[-1].startswith("Last at 00:00:02.000: Failover of web from a to b, completed in 0 ms")
        body = StandingBody.of(standing)
        assert body.decision.waits_until == standing.decision.recheck_at
        assert {s.instance_name for s in body.sightings} == {"a", "b", "c"}


async def test_what_holds_everything_up_is_said_first(world: World) -> None:
    store = world.bench.store
    assert isinstance(store, MemoryStore)
    async with world.running():
        await world.create()
        store.unavailable = True
        world.fails("a")
        await world.settle(30)

        words = standing_words(await world.service.explain_failover("web"))

        assert words[0].startswith(
            "web stays on a: The store does not answer; nothing is decided until it does."
        )
        assert words[1].startswith(
            "Nothing is decided at the moment: the store does not answer since 2026-01-01T00:00:"
        )
        store.unavailable = False


async def test_settings_and_pins_that_keep_it_where_it_is_are_told(world: World) -> None:
    async with world.running():
        await world.create(enableAutoFailover=False)
        await world.service.switch_over("web", world.ids["b"], None)
        await world.until(ACTIVATION, "switchover a->b completed")
        words = standing_words(await world.service.explain_failover("web"))
        assert "Automatic failover is off (enableAutoFailover)." in words
        assert "An operator pinned it to b; `switchover unpin` ends that." in words


async def test_a_proxy_without_instances_and_without_history_is_explained_too(world: World) -> None:
    async with world.running():
        await world.create("")
        assert standing_words(await world.service.explain_failover("web"))[1:] == (
            "There is no other instance.",
        )


async def test_every_turn_of_health_is_recorded_with_what_decided_it(world: World) -> None:
    async with world.running():
        await world.create("ab")
        world.fails("a")
        await world.until(ACTIVATION, "failover a->b completed")
        world.passes("a")
        await world.settle(20)
        await world.service.update_instance_health(world.ids["b"], "unhealthy")

        turns = await world.service.get_health_transitions("web")

        assert [
            (world.name(t.instance_id), t.before, t.after, t.reason, t.code) for t in reversed(turns)
        ] == [
            ("a", Health.UNKNOWN, Health.HEALTHY, "first_pass", "ok"),
            ("b", Health.UNKNOWN, Health.HEALTHY, "first_pass", "ok"),
            ("a", Health.HEALTHY, Health.UNHEALTHY, "fall_reached", "connect_refused"),
            ("a", Health.UNHEALTHY, Health.HEALTHY, "rise_reached", "ok"),
            ("b", Health.HEALTHY, Health.UNHEALTHY, "reported_unhealthy", "report"),
        ]
        failed = turns[2]
        assert failed.consecutive_failures == 3
        assert failed.first_failed_at == failed.at - timedelta(seconds=2)


async def test_turns_that_the_store_did_not_take_are_recorded_once_it_is_back(world: World) -> None:
    store = world.bench.store
    assert isinstance(store, MemoryStore)
    async with world.running():
        await world.create("ab")
        store.unavailable = True
        world.fails("b")
        await world.settle(20)
        store.unavailable = False
        await world.settle(20)

        reasons = [t.reason for t in await world.service.get_health_transitions("web")]

        assert reasons.count("fall_reached") == 1


async def test_who_may_not_see_a_proxy_is_told_nothing(world: World) -> None:
    async with world.running():
        await world.create()
        event, eve = (await world.events())[0], person("eve")
        with pytest.raises(NotFound, match="event"):
            await world.service.explain_failover_event(event.event_id, actor=eve)
        with pytest.raises(NotFound, match="proxy"):
            await world.service.explain_failover("web", actor=eve)
        with pytest.raises(NotFound, match="proxy"):
            await world.service.get_health_transitions("web", actor=eve)
        with pytest.raises(NotFound, match="proxy"):
            await world.service.get_audit("web", actor=eve)
        for limit in (0, 1001):
            with pytest.raises(InvalidInput, match="limit"):
                await world.service.get_health_transitions("web", limit=limit)
            with pytest.raises(InvalidInput, match="limit"):
                await world.service.get_audit("web", limit)


async def test_the_audit_tells_who_did_what(world: World) -> None:
    async with world.running():
        await world.create("a")
        await world.service.set_admin_state(world.ids["a"], "drain", actor=person("alice"))
        newest = (await world.service.get_audit("web", 1))[0]
        assert (newest.actor.name, newest.action, newest.subject_id) == (
            "alice",
            "instance.order",
            world.ids["a"],
        )
