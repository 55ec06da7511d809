"""Recoveries through the whole control plane, on fakes: what is called when, what is on record, what survives."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.unit.control.conftest import World
from tests.waiting import eventually

from switchover.model.actor import person
from switchover.model.errors import Conflict, InvalidInput, NotFound
from switchover.model.events import EventType, FailoverEvent
from switchover.model.recovery import RecoveryActionType, RecoveryCall, attempts_of
from switchover.testing.fake_recoverer import REFUSES, FakeRecoverer
from switchover.testing.memory_store import MemoryStore
from switchover.testing.workbench import A_SECRET, Workbench

WEBHOOK = {"type": "webhook", "url": "https://ops.example/recover"}
ANN = person("alice")


def hook(world: World) -> FakeRecoverer:
    return world.bench.recoverers[RecoveryActionType.WEBHOOK]


def calls(world: World) -> Sequence[tuple[str | None, int]]:
    return [(world.name(call.instance_id), call.attempt) for call in hook(world).calls]


async def recoveries(world: World) -> list[FailoverEvent]:
    """Oldest first."""
    return [e for e in reversed(await world.events()) if e.event_type is EventType.RECOVERY]


async def create(world: World, **config: Any) -> None:
    await world.create("ab", **{"recoveryAction": WEBHOOK, "recoveryBackoffSeconds": 10, **config})


async def kill(world: World, name: str) -> None:
    """Let an instance fail until it is called for the first time."""
    world.fails(name)
    before = len(calls(world))

    async def called() -> bool:
        await world.settle(0.5)
        return len(calls(world)) > before

    await eventually(called)


async def test_a_failed_instance_is_called_for_and_recovers(world: World) -> None:
    async with world.running():
        await create(world, recoveryBackoffSeconds=100)
        await world.service.rotate_recovery_secret("web")
        await kill(world, "a")

        (call,) = hook(world).calls
        assert (call.instance_name, call.attempt, call.most_attempts) == ("a", 1, 3)
        assert call.secrets == (A_SECRET,)
        assert world.active() == "b"
        world.passes("a")
        await world.settle(30)

        (event,) = await recoveries(world)
        assert (event.status.value, world.name(event.target_instance_id)) == ("completed", "a")
        (attempt,) = attempts_of(event)
        assert (attempt.number, attempt.accepted, attempt.detail) == (1, True, "status 202")
        audit = await world.bench.store.audit("web", 100)
        actions = [entry.action for entry in audit if entry.action.startswith("recovery")]
        assert actions == ["recovery.end", "recovery.begin", "recovery.rotate_secret"]


async def test_attempts_follow_their_pauses_and_then_the_recovery_has_failed(world: World) -> None:
    async with world.running():
        await create(world)
        hook(world).script(REFUSES)
        await kill(world, "b")
        await world.settle(200)

        assert calls(world) == [("b", 1), ("b", 2), ("b", 3)]
        (event,) = await recoveries(world)
        began = [attempt.started_at for attempt in attempts_of(event)]
        pauses = [later - earlier for earlier, later in pairwise(began)]
        assert pauses == [timedelta(seconds=10), timedelta(seconds=20)]
        assert event.status.value == "failed"
        assert event.error_message == "not healthy after 3 of 3 attempts; the last: status 503"
        assert event.completed_at == attempts_of(event)[-1].next_at == began[-1] + timedelta(seconds=40)


async def test_a_recovery_holds_no_move_up_and_is_no_open_move(world: World) -> None:
    async with world.running():
        await create(world)
        hook(world).hold()
        await kill(world, "a")

        assert world.active() == "b"
        await world.settle(100)
        assert calls(world) == [("a", 1)], "one call at a time"
        hook(world).release()
        await world.settle(1)
        (event,) = await recoveries(world)
        assert attempts_of(event)[0].accepted


async def test_an_answer_that_comes_after_the_instance_is_well_is_still_on_record(world: World) -> None:
    async with world.running():
        await create(world, recoveryBackoffSeconds=100)
        hook(world).hold()
        await kill(world, "a")
        world.passes("a")
        await world.settle(30)
        (event,) = await recoveries(world)
        assert (event.status.value, attempts_of(event)[0].ended_at) == ("completed", None)

        hook(world).release()
        await world.settle(1)

        (event,) = await recoveries(world)
        assert (event.status.value, attempts_of(event)[0].detail) == ("completed", "status 202")
        assert calls(world) == [("a", 1)]


async def test_a_restart_goes_on_where_the_attempts_stood(world: World) -> None:
    async with world.running():
        await create(world)
        await kill(world, "a")
    async with world.running():
        await world.settle(3)
        assert calls(world) == [("a", 1)]
        await world.settle(20)
        assert calls(world) == [("a", 1), ("a", 2)]
        assert len(await recoveries(world)) == 1
    async with world.running():
        await world.settle(200)
        assert calls(world) == [("a", 1), ("a", 2), ("a", 3)]
        (event,) = await recoveries(world)
        assert event.status.value == "failed"
    async with world.running():
        await world.settle(500)
        assert len(calls(world)) == 3, "a run that was in vain is not begun again by a restart"


async def test_a_call_whose_answer_was_never_recorded_is_repeated_with_its_key(world: World) -> None:
    async with world.running():
        await create(world)
        hook(world).hold()
        await kill(world, "a")
    hook(world).release()
    async with world.running():
        await eventually(lambda: len(hook(world).calls) == 2)
        await world.settle(1)

        first, again = hook(world).calls
        assert first.key == again.key
        (event,) = await recoveries(world)
        assert [attempt.number for attempt in attempts_of(event)] == [1]
        assert attempts_of(event)[0].accepted


async def test_nothing_is_called_while_the_store_is_away(world: World) -> None:
    store = world.bench.store
    assert isinstance(store, MemoryStore)
    async with world.running():
        await create(world)
        await world.settle(1)
        store.unavailable = True
        world.fails("a")
        await world.settle(120)
        assert calls(world) == []

        store.unavailable = False
        await world.settle(60)
        assert calls(world)[0] == ("a", 1)


async def test_an_answer_is_recorded_once_the_store_is_back_and_not_asked_for_again(world: World) -> None:
    store = world.bench.store
    assert isinstance(store, MemoryStore)
    async with world.running():
        await create(world)
        hook(world).hold()
        await kill(world, "a")
        store.unavailable = True
        hook(world).release()
        await world.settle(5)
        store.unavailable = False
        await world.settle(5)

        assert calls(world) == [("a", 1)]
        (event,) = await recoveries(world)
        assert attempts_of(event)[0].detail == "status 202"


async def test_maintenance_and_deletion_end_a_recovery(world: World) -> None:
    async with world.running():
        await create(world)
        await kill(world, "a")
        await world.service.set_admin_state(world.ids["a"], "maintenance")
        await world.settle(1)
        await kill(world, "b")
        await world.service.delete_instance(world.ids["b"])
        await world.settle(300)

        assert calls(world) == [("a", 1), ("b", 1)]
        first, second = await recoveries(world)
        assert (first.status.value, first.error_message) == (
            "failed",
            "the instance was ordered into maintenance",
        )
        assert (second.status.value, second.error_message) == ("failed", "the instance was deleted")


async def test_nothing_is_called_without_an_action_or_with_auto_recovery_off(world: World) -> None:
    async with world.running():
        await create(world, enableAutoRecovery=False)
        world.fails("a")
        await world.settle(60)
        assert calls(world) == []
        assert await recoveries(world) == []
        with pytest.raises(Conflict, match="is healthy"):
            await world.service.recover_instance(world.ids["b"])

        event = await world.service.recover_instance(world.ids["a"], "The disk was replaced", actor=ANN)
        await world.settle(1)

        assert calls(world) == [("a", 1)]
        assert (event.trigger.value, event.actor, event.reason) == (
            "manual",
            "alice",
            "The disk was replaced",
        )


async def test_an_operator_makes_the_next_attempt_now(world: World) -> None:
    async with world.running():
        await create(world)
        await kill(world, "a")
        await world.service.recover_instance(world.ids["a"])
        await world.settle(0)
        await eventually(lambda: len(calls(world)) == 2)

        await world.service.recover_instance(world.ids["a"])
        await eventually(lambda: len(calls(world)) == 3)
        await world.settle(1)
        with pytest.raises(Conflict, match="has had every attempt"):
            await world.service.recover_instance(world.ids["a"])
        assert len(await recoveries(world)) == 1
        with pytest.raises(NotFound):
            await world.service.recover_instance(world.ids["a"], actor=person("eve"))


async def test_how_a_recovery_stands_is_shown(world: World) -> None:
    async with world.running():
        await create(world)
        await kill(world, "a")
        await world.settle(1)

        shown = {
            state.instance.name: state.recovery for state in await world.service.get_proxy_instances("web")
        }

        assert shown["b"] is None
        recovery = shown["a"]
        assert recovery is not None
        assert (recovery.attempt, recovery.most_attempts, recovery.is_under_way) == (1, 3, False)
        assert recovery.next_at is not None
        assert recovery.next_at > world.bench.clock.now()


async def test_with_the_action_callback_each_attempt_calls_it(world: World) -> None:
    called: list[Any] = []
    async with world.running():
        world.service.set_recovery_callback(called.append)
        await world.create("ab", recoveryAction={"type": "callback"}, maxRecoveryAttempts=2)
        world.fails("a")

        async def twice() -> bool:
            await world.settle(0.5)
            return len(called) == 2

        await eventually(twice)

        assert [(c["instanceName"], c["attempt"]) for c in called] == [("a", 1), ("a", 2)]


async def test_a_secret_is_never_logged_listed_or_in_the_audit(world: World) -> None:
    given = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    with capture_logs() as logs:
        async with world.running():
            await create(world)
            made = await world.service.rotate_recovery_secret("web")
            rotated = await world.service.rotate_recovery_secret("web", given)
            assert rotated.all == (given, made.secret)
            await kill(world, "a")
            await world.settle(1)
            (call,) = hook(world).calls
            with pytest.raises(InvalidInput) as refused:
                await world.service.rotate_recovery_secret("web", "whsec_!" + given)
            seen = [
                *logs,
                call,
                call.as_json(),
                rotated,
                await world.service.get_proxy("web"),
                await world.events(),
                await world.bench.store.audit("web", 100),
                await world.bench.store.pending_messages(100),
                refused.value,
            ]
    assert call.secrets == rotated.all
    for thing in seen:
        assert given not in repr(thing)
        assert given not in str(thing)
        assert made.secret not in repr(thing)


async def test_only_an_admin_names_a_command_and_only_one_that_there_is(world: World) -> None:
    restart = {"recoveryAction": {"type": "command", "command": "restart"}}
    async with world.running():
        await create(world)
        with pytest.raises(InvalidInput, match="only an admin may name a command"):
            await world.service.create_failover_configuration("web", "alice", restart, actor=ANN)
        with pytest.raises(InvalidInput, match=r"there is no such command; allowed are restart"):
            await world.service.create_failover_configuration(
                "web", "alice", {"recoveryAction": {"command": "rm"}}, actor=person("root", admin=True)
            )
        await world.service.create_failover_configuration("web", "alice", restart)
        saved = await world.service.create_failover_configuration(
            "web", "alice", {**restart, "maxRecoveryAttempts": 5}, actor=ANN
        )
        assert saved.proxy.policy.recovery_action.command == "restart"


async def test_a_recovery_is_not_completed_by_hand(world: World) -> None:
    async with world.running():
        await create(world)
        await kill(world, "a")
        (event,) = await recoveries(world)
        with pytest.raises(Conflict, match="the health of its instance completes it"):
            await world.service.complete_failover_event(event.event_id, "completed")


async def test_many_at_once_are_called_for_a_few_at_a_time() -> None:
    class Crowd(FakeRecoverer):
        def __init__(self) -> None:
            super().__init__()
            self.inside = self.most = 0

        async def recover(self, call: RecoveryCall) -> Any:
            self.inside += 1
            self.most = max(self.most, self.inside)
            await world.bench.clock.sleep(5)
            self.inside -= 1
            return await super().recover(call)

    crowd = Crowd()
    world = World(Workbench(recoverers={RecoveryActionType.WEBHOOK: crowd}))
    names = [f"i{number}" for number in range(40)]
    async with AsyncExitStack() as ending:
        await ending.enter_async_context(world.running())
        await world.create("", recoveryAction=WEBHOOK, maxRecoveryAttempts=1)
        for number, name in enumerate(names):
            await world.register(name, address=f"127.0.0.1:{9000 + number}")
        await world.settle(5)
        for name in names:
            world.fails(name)
        await world.settle(60)
        await eventually(lambda: len(crowd.calls) == 40)
    assert crowd.most == 16
