"""Pauses, safety rules and blocked moves in the whole loop on fakes, time by hand."""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs
from tests.unit.control.conftest import World
from tests.unit.control.replicas import Replicas
from tests.waiting import eventually

from switchover.control.cycle import BY_POLICY
from switchover.control.evidence import record_of
from switchover.control.intent import Order
from switchover.control.replay import replay
from switchover.decision.orders import order_switchover
from switchover.decision.rules import Breach, MoveBlocked, Rule
from switchover.model.actor import person
from switchover.model.blocked import BlockedMove
from switchover.model.errors import InvalidInput, NotFound
from switchover.model.rules import FLEET, MoveLimit, Pause, SafetyRules, scope_of_user
from switchover.record.store import Move, Pass
from switchover.testing.memory_store import MemoryStore

ACTIVATION = "activation -->a completed"
FAILOVER = "failover a->b completed"
PAUSE = {"reason": "network work"}


@pytest.fixture
async def running(world: World) -> AsyncIterator[World]:
    async with world.running():
        await world.create()
        yield world


async def blocked(world: World) -> list[BlockedMove]:
    return list(await world.service.get_blocked_moves("web"))


async def test_a_pause_stops_automation_until_it_is_resumed_and_the_wish_is_on_record(running: World) -> None:
    world, told = running, list[Mapping[str, Any]]()
    world.service.set_blocked_callback(told.append)
    await world.service.pause_automation("proxy:web", PAUSE, actor=person("alice"))
    world.fails("a")
    with capture_logs() as logs:
        await world.settle(120)

    assert await world.story() == [ACTIVATION]
    (move,) = await blocked(world)
    assert (move.event_type, move.reason, move.rule, move.scope) == (
        "failover",
        "Active instance unhealthy (3 failures)",
        "pause",
        "proxy:web",
    )
    assert move.message == "Automation is paused for proxy web by alice: network work"
    assert [world.name(move.source_instance_id), world.name(move.target_instance_id)] == ["a", "b"]
    assert move.evidence["rules"][0]["rule"] == "pause"
    assert {c["instanceName"] for c in move.evidence["candidates"]} == {"a", "b", "c"}
    assert [log["log_level"] for log in logs if log["event"] == "move blocked"] == ["warning"]
    overview = await world.service.get_proxy("web")
    assert overview.decision.reason == "paused"
    assert [str(scope) for scope, _ in overview.pauses] == ["proxy:web"]
    assert overview.blocked is not None
    assert overview.blocked.count > 20, "each decision counts"
    await eventually(lambda: [payload["rule"] for payload in told] == ["pause"])

    await world.service.resume_automation("proxy:web", actor=person("alice"))
    await world.until(ACTIVATION, FAILOVER)
    (ended,) = await blocked(world)
    assert ended.ended_at is not None
    actions = [entry.action for entry in await world.bench.store.audit("web", 50)]
    assert actions.count("automation.pause") == actions.count("automation.resume") == 1


async def test_a_move_that_stays_blocked_is_not_written_with_each_decision(running: World) -> None:
    world, written = running, list[tuple[int, bool]]()
    store = world.bench.store
    assert isinstance(store, MemoryStore)
    commit = store.commit_pass

    async def counting(change: Any) -> None:
        written.extend((move.count, move.ended_at is not None) for move in change.blocked)
        await commit(change)

    store.commit_pass = counting  # type: ignore[method-assign] # it watches, and passes everything on
    await world.service.pause_automation("fleet", PAUSE)
    world.fails("a")
    await world.settle(200)

    assert 2 <= len(written) <= 4, "at its begin, and once a minute"
    assert all(not ended for _, ended in written)


async def test_a_pause_ends_by_itself(running: World) -> None:
    await running.service.pause_automation("user:alice", {**PAUSE, "forSeconds": 60}, actor=person("alice"))
    running.fails("a")
    await running.settle(40)
    assert await running.story() == [ACTIVATION]
    await running.until(ACTIVATION, FAILOVER)


async def test_people_move_while_automation_is_paused(running: World) -> None:
    await running.service.pause_automation("fleet", PAUSE)
    await running.service.switch_over("web", running.ids["b"])
    await running.settle(1)
    await running.service.set_admin_state(running.ids["b"], "drain")
    await running.until(ACTIVATION, "switchover a->b completed", "switchover b->a completed")


async def test_pauses_rules_and_gates_survive_a_restart(world: World) -> None:
    async with world.running():
        await world.create(rules={"gates": ["go"]})
        await world.service.pause_automation("fleet", PAUSE)
        await world.service.set_gate("user:alice", "go", {"isOn": True})
        world.fails("a")
        await world.settle(30)
        (before,) = await blocked(world)
    async with world.running():
        await world.settle(30)
        assert await world.story() == [ACTIVATION]
        (after,) = await blocked(world)
        assert (after.blocked_id, after.ended_at) == (before.blocked_id, None)
        await world.service.resume_automation("fleet")
        await world.until(ACTIVATION, FAILOVER)


async def test_what_the_store_knows_better_blocks_a_move_and_is_known_then(running: World) -> None:
    # Somebody else has paused everything, and nobody told us.
    await running.bench.store.save_pause(
        FLEET, Pause(by="root", reason="core router", since=running.bench.clock.now())
    )
    running.fails("a")
    await running.settle(30)
    assert await running.story() == [ACTIVATION]
    (move,) = await blocked(running)
    assert (move.rule, move.scope) == ("pause", "fleet")
    overview = await running.service.get_proxy("web")
    assert [pause.by for _, pause in overview.pauses] == ["root"]
    # It was decided once more, with what was learned: so the grounds are on record.
    assert replay(record_of(move.evidence)).is_same


async def test_what_only_the_store_finds_in_the_way_is_on_record_too(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Move] = []
    breach = Breach(rule=Rule.GATE, scope=FLEET, facts={"gate": "deploys"})

    def refuse(change: Pass, move: Move) -> None:  # noqa: ARG001
        asked.append(move)
        raise MoveBlocked((breach,))

    monkeypatch.setattr(running.bench.store, "_check_rules", refuse)
    running.fails("a")
    await running.settle(30)
    assert asked
    assert await running.story() == [ACTIVATION]
    (move,) = await blocked(running)
    assert (move.rule, move.scope) == ("gate", "fleet")


async def test_a_limit_that_moves_of_others_have_reached_holds_until_it_lifts(running: World) -> None:
    await running.service.create_failover_configuration("shop", "alice", {"healthCheck": {"type": "none"}})
    ids: list[UUID] = []
    for name in ("one", "two"):
        data = {"instanceName": name, "priority": len(ids)}
        ids.append((await running.service.register_proxy_instance("shop", data)).instance.instance_id)
    for instance_id in ids:
        await running.service.update_instance_health(instance_id, "healthy")
    rules = {"moveLimit": {"moves": 1, "windowSeconds": 60}}
    await running.service.set_safety_rules("user:alice", rules, actor=person("alice"))
    for _ in range(3):
        await running.service.update_instance_health(ids[0], "unhealthy")
    running.fails("a")
    await running.settle(50)
    assert await running.story() == [ACTIVATION]
    (move,) = await blocked(running)
    assert (move.rule, move.scope) == ("move_limit", "user:alice")
    await running.until(ACTIVATION, FAILOVER)


async def test_a_limit_known_to_the_store_alone_is_not_asked_about_each_second(running: World) -> None:
    store = running.bench.store
    assert isinstance(store, MemoryStore)
    await store.save_rules(
        scope_of_user("alice"), SafetyRules(move_limit=MoveLimit(moves=1, window_seconds=7200))
    )
    running.fails("a")
    await running.until(ACTIVATION, FAILOVER)
    running.passes("a")
    # In memory the failover is forgotten after an hour; what the store has said holds.
    await running.settle(4000)
    assert await running.story() == [ACTIVATION, FAILOVER]
    assert [move.rule for move in await blocked(running)] == ["move_limit"]
    await running.settle(3600)
    assert (await running.story())[-1].startswith("failback b->a")


async def test_an_order_against_a_rule_is_refused_and_force_skips_it(running: World) -> None:
    rules = {
        "freezes": [{"name": "release", "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2999-01-01T00:00:00Z"}]
    }
    await running.service.set_safety_rules("fleet", rules)
    with pytest.raises(MoveBlocked, match="Freeze release of the fleet") as refusal:
        await running.service.switch_over("web", running.ids["b"])
    assert refusal.value.state["override"] == "force"

    result = await running.service._desk.cycle.run(
        "web",
        deciding=lambda view, now: order_switchover(view, running.ids["b"], now, force=True),
        order=Order(actor=person("root", admin=True), reason="must be", force=True),
    )

    assert result.event is not None
    assert [breach["rule"] for breach in result.event.evidence["overridden"]] == ["freeze"]
    assert BY_POLICY.force is False


async def test_the_rules_of_a_proxy_are_part_of_its_configuration(running: World) -> None:
    standing = await running.service.set_safety_rules("proxy:web", {"minServing": 3}, actor=person("alice"))
    assert standing.rules.min_serving == 3
    proxy = await running.service.get_failover_configuration("web")
    assert proxy is not None
    assert proxy.policy.rules.min_serving == 3
    await running.service.set_admin_state(running.ids["a"], "drain")
    await running.settle(5)
    assert running.active() == "a"
    assert [move.rule for move in await blocked(running)] == ["min_serving"]
    await running.service.clear_safety_rules("proxy:web", actor=person("alice"))
    await running.settle(1)
    assert running.active() == "b"


@pytest.mark.parametrize("scope", ["fleet", "user:bob", "proxy:web", "proxy:nothing"])
async def test_what_is_somebody_elses_is_not_found(running: World, scope: str) -> None:
    eve, service = person("eve"), running.service
    for attempt in (
        service.get_automation(scope, actor=eve),
        service.pause_automation(scope, PAUSE, actor=eve),
        service.resume_automation(scope, actor=eve),
        service.set_safety_rules(scope, {}, actor=eve),
        service.set_gate(scope, "go", {"isOn": True}, actor=eve),
        service.remove_gate(scope, "go", actor=eve),
    ):
        with pytest.raises(NotFound, match=f"scope {scope} not found"):
            await attempt
    with pytest.raises(NotFound):
        await service.get_blocked_moves("web", actor=eve)


async def test_a_user_may_bind_their_own_and_me_is_whoever_asks(running: World) -> None:
    alice = person("alice")
    await running.service.set_gate("user:me", "go", {"isOn": False, "reason": "deploying"}, actor=alice)
    standing = await running.service.get_automation("user:alice", actor=alice)
    (gate,) = standing.gates
    assert (gate.name, gate.is_on, gate.by, gate.reason) == ("go", False, "alice", "deploying")
    assert (await running.service.remove_gate("user:me", "go", actor=alice)).gates == ()
    with pytest.raises(NotFound, match="gate go not found"):
        await running.service.remove_gate("user:me", "go", actor=alice)


@pytest.mark.parametrize(
    "scope", ["", "everything", "fleet:x", "user:", "proxy:", "proxy:-", "proxy:failover"]
)
async def test_a_scope_that_is_none_is_refused(running: World, scope: str) -> None:
    with pytest.raises(InvalidInput, match="scope"):
        await running.service.get_automation(scope)


async def test_a_pause_that_is_set_at_one_replica_holds_on_all() -> None:
    async with Replicas().running() as replicas:
        await replicas.create()
        another = replicas.others()[0]
        await another.service.pause_automation("proxy:web", PAUSE, actor=person("alice"))
        replicas.script("a", fails=True)
        await replicas.settle(60)
        assert await replicas.story() == [ACTIVATION]
        for one in replicas.all:
            overview = await one.service.get_proxy("web")
            assert [pause.reason for _, pause in overview.pauses] == ["network work"]
            assert overview.blocked is not None
        await replicas.others()[1].service.resume_automation("proxy:web", actor=person("alice"))
        await replicas.settle(10)
        assert await replicas.story() == [ACTIVATION, FAILOVER]


async def test_a_pause_that_the_owner_has_not_heard_of_holds_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Replicas().running() as replicas:
        await replicas.create()
        owner, another = replicas.owner(), replicas.others()[0]
        # What is told to the owner is lost.
        monkeypatch.setattr(owner.way, "hear", lambda _: None)
        await another.service.pause_automation("fleet", PAUSE)
        replicas.script("a", fails=True)
        await replicas.settle(4)
        assert await replicas.story() == [ACTIVATION]
        assert [move.rule for move in await another.service.get_blocked_moves("web")] == ["pause"]
