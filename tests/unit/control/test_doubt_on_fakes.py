"""A replica that doubts itself moves nothing, says so, and lets others decide."""

from collections.abc import AsyncIterator

import pytest
from tests.unit.control.conftest import World
from tests.unit.control.replicas import SESSION_SECONDS, Replicas

from switchover.control.outlook import DoubtRules
from switchover.control.selfwatch import TOLD_AFTER_SECONDS, TOLD_FOR_SECONDS, SelfDoubt
from switchover.decision.reasons import Reason
from switchover.model.address import Address
from switchover.testing.fake_prober import FAILS, PASSES
from switchover.testing.workbench import Workbench

ACTIVATION = "activation -->a completed"
FAILOVER = "failover a->b completed"
REFERENCE = Address(host="192.0.2.1", port=443)


@pytest.fixture
def world() -> World:
    doubting = SelfDoubt(rules=DoubtRules(percent=50, fewest=3, window_seconds=60), references=(REFERENCE,))
    return World(Workbench(doubting=doubting))


def references_fail(world: World, *, fail: bool) -> None:
    (target,) = world.service._desk.collector._ourselves.references
    world.bench.prober.script(target, FAILS if fail else PASSES)


async def reason(world: World) -> Reason:
    evaluation = await world.service.evaluate_failover("web")
    return evaluation.decision.reason


async def test_a_blind_replica_moves_nothing_and_says_so_until_it_sees_again(world: World) -> None:
    async with world.running():
        await world.create()
        references_fail(world, fail=True)
        await world.settle(3)
        world.fails("a")
        await world.settle(15)
        assert await reason(world) is Reason.REFERENCES_FAIL
        (words,) = world.service.doubts()
        assert words.startswith("This replica doubts itself: none of its 1 reference targets answers")
        assert world.service.hindrances() == (), "orders are taken, nodes are served"
        assert await world.story() == [ACTIVATION]
        references_fail(world, fail=False)
        await world.until(ACTIVATION, FAILOVER)
        assert world.service.doubts() == ()


async def test_what_was_seen_in_doubt_moves_nothing_when_the_doubt_is_over(world: World) -> None:
    async with world.running():
        await world.create()
        references_fail(world, fail=True)
        await world.settle(3)
        world.fails("a")
        await world.settle(15)
        references_fail(world, fail=False)
        world.passes("a")
        await world.settle(60)
        assert await world.story() == [ACTIVATION]


async def test_when_most_of_what_is_looked_at_fails_nothing_moves_until_that_is_old(world: World) -> None:
    async with world.running():
        await world.create()
        for name in "ac":
            world.fails(name)
        await world.settle(30)
        assert await reason(world) is Reason.MANY_FAIL
        assert await world.story() == [ACTIVATION]
        await world.settle(60)
        assert await world.story() == [ACTIVATION, FAILOVER]


async def test_others_are_asked_at_once_when_one_fails_so_that_many_are_soon_known_to(world: World) -> None:
    async with world.running():
        await world.create(healthCheckIntervalSeconds=300, unhealthyThreshold=3)
        await world.settle(5)
        for name in "abc":
            world.fails(name)
        world.service._desk.collector.hurry(world.ids["a"])
        await world.settle(0.1)
        assert world.service.doubts() != ()


async def test_an_order_is_obeyed_in_doubt(world: World) -> None:
    async with world.running():
        await world.create()
        references_fail(world, fail=True)
        await world.settle(3)
        await world.service.switch_over("web", world.ids["b"])
        await world.until(ACTIVATION, "switchover a->b completed")


async def stop_in_doubt(world: World) -> None:
    """End a run that saw the active fail and did not believe it, and leave the standby without an answer."""
    async with world.running():
        await world.create()
        references_fail(world, fail=True)
        await world.settle(3)
        world.fails("a")
        await world.settle(15)
        references_fail(world, fail=False)
    world.bench.prober.hold(world.ids["b"])


async def test_a_start_waits_until_it_has_seen_both_ends_of_the_move_itself(world: World) -> None:
    await stop_in_doubt(world)
    async with world.running():
        await world.settle(2)
        assert await reason(world) is Reason.NOT_SEEN_YET
        assert await world.story() == [ACTIVATION]
        world.bench.prober.release(world.ids["b"])
        await world.until(ACTIVATION, FAILOVER)


async def test_a_start_waits_for_one_check_cycle_at_the_most(world: World) -> None:
    await stop_in_doubt(world)
    async with world.running():
        await world.settle(9)
        assert await world.story() == [ACTIVATION]
        await world.settle(2)
        assert await world.story() == [ACTIVATION, FAILOVER]


@pytest.fixture
async def replicas() -> AsyncIterator[Replicas]:
    replicas = Replicas()
    for one in replicas.all:
        one.bench.doubting = SelfDoubt(references=(REFERENCE,))
    async with replicas.running():
        yield replicas


def blind(replicas: Replicas, *numbers: int, blind: bool = True) -> None:
    for one in (replicas.all[number] for number in numbers):
        (target,) = one.service._desk.collector._ourselves.references
        for asked in (target, *replicas.ids.values()):
            one.bench.prober.script(asked, FAILS if blind else PASSES)


async def test_a_replica_that_doubts_itself_hands_over_to_those_that_do_not(replicas: Replicas) -> None:
    await replicas.create()
    former = replicas.owner()
    number = replicas.all.index(former)
    blind(replicas, number)
    await replicas.settle(TOLD_AFTER_SECONDS + SESSION_SECONDS)
    assert former.owned == set()
    assert replicas.owner() is not former
    told = {state.replica.name: state.doubt for state in replicas.all[number - 1].service.replicas()}
    assert [name for name, doubt in told.items() if doubt] == [former.replica.name]
    assert await replicas.story() == [ACTIVATION]
    replicas.script("a", fails=True)
    await replicas.settle(15)
    assert await replicas.story() == [ACTIVATION, FAILOVER], "who sees well decides"
    blind(replicas, number, blind=False)
    await replicas.settle(TOLD_FOR_SECONDS + SESSION_SECONDS * 2)
    assert replicas.owner() is former, "its share comes back once it sees well for a while"


async def test_while_all_doubt_nothing_changes_hands_and_nothing_moves(replicas: Replicas) -> None:
    await replicas.create()
    former = replicas.owner()
    blind(replicas, 0, 1, 2)
    await replicas.settle(60)
    assert replicas.owner() is former
    assert await replicas.story() == [ACTIVATION]
    assert [len(one.service.doubts()) for one in replicas.all] == [1, 1, 1]
