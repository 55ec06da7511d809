"""Damping, pins that end and all-down in the whole control plane on fakes."""

from datetime import timedelta
from typing import Any

from tests.unit.control.conftest import World

from switchover.decision.reasons import Reason, Veto
from switchover.model.actor import Actor, ActorKind

ANN = Actor(kind=ActorKind.PERSON, name="ann", sees_all=True)
QUICK: dict[str, Any] = {
    "unhealthyThreshold": 1,
    "healthyThreshold": 1,
    "failbackHoldDownSeconds": 1,
    "maxFailbacks": 100,
}


async def flap(world: World, name: str, times: int) -> None:
    """Let it fail and be well again, each for long enough to be believed."""
    for _ in range(times):
        world.fails(name)
        await world.settle(12)
        world.passes(name)
        await world.settle(12)


async def score(world: World, name: str) -> float:
    states = await world.service.get_proxy_instances("web")
    return next(s.damping.flap_score for s in states if s.instance.name == name)


async def test_a_flapping_instance_is_left_alone_and_that_outlives_a_restart(world: World) -> None:
    async with world.running():
        await world.create(**QUICK)
        await flap(world, "a", 4)
        overview = await world.service.get_proxy("web")
        assert overview.decision.reason is Reason.PREFERRED_FLAPS
        moves = len(await world.story())
        before = await score(world, "a")
        assert before > 2.5

    async with world.running():
        await world.settle(15)
        (a, *_) = await world.service.get_proxy_instances("web")
        assert a.damping.vetoes == (Veto.FLAPPING,)
        assert 2 < a.damping.flap_score < before
        assert a.damping.until is not None
        await flap(world, "a", 5)
        assert len(await world.story()) == moves
        assert world.active() == "b"


async def test_an_operator_clears_the_damping_and_that_is_on_record(world: World) -> None:
    async with world.running():
        await world.create(**QUICK)
        await flap(world, "a", 4)
        state = await world.service.undamp(world.ids["a"], actor=ANN)
        assert (state.damping.vetoes, state.damping.flap_score) == ((), 0)
        assert world.active() == "a"
        entries = await world.bench.store.audit("web", 100)
        entry = next(e for e in entries if e.action == "instance.undamp")
        assert (entry.actor, entry.subject_id) == (ANN, world.ids["a"])
        assert entry.detail["dampedBy"] == ["flapping"]

    async with world.running():
        assert await score(world, "a") == 0


async def test_a_pin_with_an_end_lets_the_failback_through_then(world: World) -> None:
    async with world.running():
        await world.create()
        until = world.bench.clock.now() + timedelta(seconds=60)
        await world.service.switch_over("web", world.ids["b"], "Kernel update", pin_until=until, actor=ANN)
        pin = (await world.service.get_proxy("web")).proxy.pin
        assert pin is not None
        assert (pin.by, pin.reason, pin.until) == ("ann", "Kernel update", until)
        await world.settle(55)
        assert world.active() == "b"

    async with world.running():
        await world.settle(10)
        assert world.active() == "a"
        assert (await world.service.get_proxy("web")).proxy.pin is None


async def test_what_nodes_are_told_when_all_are_down_follows_the_policy(world: World) -> None:
    async with world.running():
        await world.create("ab")
        world.fails("a")
        world.fails("b")
        await world.settle(30)
        assert world.served() == [["a"]] or world.served() == [["b"]]
        assert (await world.service.get_proxy("web")).is_all_down
        for word, served in (("send_to_all", [["a", "b"]]), ("fail_fast", [])):
            await world.service.create_failover_configuration("web", "alice", {"allDown": word})
            await world.settle(1)
            assert world.served() == served
        world.passes("a")
        await world.settle(30)
        assert world.served() == [["a"]]
        assert not (await world.service.get_proxy("web")).is_all_down
