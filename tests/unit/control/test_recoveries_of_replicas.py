"""Recoveries where several replicas share the proxies: the next owner goes on where the attempts stood."""

from collections.abc import Sequence
from typing import Any

from tests.unit.control.replicas import OneReplica, Replicas
from tests.waiting import eventually

from switchover.model.events import EventType
from switchover.model.recovery import RecoveryActionType, attempts_of
from switchover.testing.fake_recoverer import FakeRecoverer

RECOVERED: dict[str, Any] = {
    "recoveryAction": {"type": "webhook", "url": "https://ops.example/"},
    "recoveryBackoffSeconds": 60,
}


def hook(one: OneReplica) -> FakeRecoverer:
    return one.bench.recoverers[RecoveryActionType.WEBHOOK]


def attempts(*replicas: OneReplica) -> Sequence[tuple[str, int]]:
    return [(one.replica.name, call.attempt) for one in replicas for call in hook(one).calls]


async def first_call(world: Replicas, one: OneReplica) -> None:
    async def called() -> bool:
        await world.settle(0.5)
        return bool(hook(one).calls)

    await eventually(called)


async def test_the_owner_alone_calls_and_its_heir_goes_on_with_the_attempts() -> None:
    async with Replicas().running() as world:
        await world.create(**RECOVERED)
        owner = world.owner()
        world.script("a", fails=True)
        await first_call(world, owner)
        await world.settle(1)
        await owner.die()
        await world.settle(25)

        heir = world.owner()
        assert attempts(*world.all) == [(owner.replica.name, 1)]
        shown = await heir.service.get_proxy_instances("web")
        assert [s.recovery.attempt for s in shown if s.recovery is not None] == [1]

        await world.settle(40)
        assert attempts(heir) == [(heir.replica.name, 2)]
        (event,) = [e for e in await world.events() if e.event_type is EventType.RECOVERY]
        assert [attempt.number for attempt in attempts_of(event)] == [1, 2]
        assert len({call.event_id for one in world.all for call in hook(one).calls}) == 1


async def test_a_call_that_its_owner_did_not_live_to_record_is_made_again_with_its_key() -> None:
    async with Replicas().running() as world:
        await world.create(**RECOVERED)
        owner = world.owner()
        hook(owner).hold()
        world.script("a", fails=True)
        await first_call(world, owner)
        await owner.die()
        await world.settle(30)

        heir = world.owner()
        (first,), (again,) = hook(owner).calls, hook(heir).calls
        assert (first.key, first.attempt) == (again.key, 1)


async def test_what_an_owner_that_is_stopped_answers_late_changes_nothing() -> None:
    async with Replicas().running() as world:
        await world.create(**RECOVERED)
        owner = world.owner()
        hook(owner).hold()
        world.script("a", fails=True)
        await first_call(world, owner)
        owner.way.cut = True
        await world.settle(30)
        hook(owner).release()
        await world.settle(5)

        (heir,) = [one for one in world.all if one is not owner and hook(one).calls]
        (event,) = [e for e in await world.events() if e.event_type is EventType.RECOVERY]
        (attempt,) = attempts_of(event)
        assert attempt.accepted
        assert attempts(owner) == [(owner.replica.name, 1)]
        assert attempts(heir) == [(heir.replica.name, 1)]


async def test_another_replica_shows_the_recovery() -> None:
    async with Replicas().running() as world:
        await world.create(**RECOVERED)
        world.script("a", fails=True)
        await first_call(world, world.owner())
        await world.settle(1)

        other = world.others()[0]
        shown = await other.service.get_proxy_instances("web")
        assert [s.recovery.attempt for s in shown if s.recovery is not None] == [1]
