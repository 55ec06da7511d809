import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

import pytest
from tests.record_values import (
    LONG_AGO,
    NOW,
    a_drill,
    a_message,
    a_move,
    a_pass,
    a_proxy,
    a_sample,
    a_status,
    an_entry,
    an_event,
    an_instance,
    done,
    new_id,
    proxy_with,
    stored_in,
)

from switchover.model.errors import StoreUnavailable
from switchover.model.recovery import RecoverySecrets
from switchover.model.rules import FLEET, Gate, Pause, SafetyRules
from switchover.record.store import Store
from switchover.testing.memory_store import MemoryStore

EVERY_CALL: dict[str, Callable[[Store], Awaitable[object]]] = {
    "load": lambda store: store.load(LONG_AGO),
    "load_proxy": lambda store: store.load_proxy("web", LONG_AGO),
    "create_proxy": lambda store: store.create_proxy(a_proxy()),
    "save_policy": lambda store: store.save_policy(a_proxy(generation=2)),
    "delete_proxy": lambda store: store.delete_proxy("web", NOW),
    "add_instance": lambda store: store.add_instance(an_instance()),
    "save_instance": lambda store: store.save_instance(an_instance()),
    "delete_instance": lambda store: store.delete_instance(new_id(), NOW),
    "commit_pass": lambda store: store.commit_pass(a_pass()),
    "flush_instances": lambda store: store.flush_instances([an_instance()]),
    "close_event": lambda store: store.close_event(done(an_event())),
    "schedule_move": lambda store: store.schedule_move(an_event(status="pending", scheduled_at=NOW)),
    "save_drill": lambda store: store.save_drill(a_drill()),
    "drills": lambda store: store.drills("web", 5),
    "note_verified": lambda store: store.note_verified(new_id(), NOW),
    "add_recovery_event": lambda store: store.add_recovery_event(an_event(event_type="recovery")),
    "note_attempts": lambda store: store.note_attempts(an_event(event_type="recovery")),
    "recovery_secrets": lambda store: store.recovery_secrets("web"),
    "save_recovery_secrets": lambda store: store.save_recovery_secrets(
        RecoverySecrets(proxy_id="web", secret="whsec_", rotated_at=NOW)
    ),
    "save_redundancy": lambda store: store.save_redundancy(a_status()),
    "raise_epoch": lambda store: store.raise_epoch("web", 3),
    "standings": lambda store: store.standings(),
    "save_pause": lambda store: store.save_pause(FLEET, Pause(by="root", reason="network", since=NOW)),
    "save_rules": lambda store: store.save_rules(FLEET, SafetyRules(min_serving=2)),
    "save_gate": lambda store: store.save_gate(FLEET, "go", Gate(name="go", is_on=True, by="root", at=NOW)),
    "blocked_moves": lambda store: store.blocked_moves("web", 5),
    "event": lambda store: store.event(new_id()),
    "events": lambda store: store.events("web", 5),
    "record_metrics": lambda store: store.record_metrics(a_sample(an_instance())),
    "metrics": lambda store: store.metrics(new_id(), LONG_AGO, NOW, 5),
    "append_audit": lambda store: store.append_audit(an_entry()),
    "audit": lambda store: store.audit("web", 5),
    "pending_messages": lambda store: store.pending_messages(5),
    "mark_delivered": lambda store: store.mark_delivered([new_id()], NOW),
    "prune": lambda store: store.prune(
        events_before=NOW, metrics_before=NOW, messages_before=NOW, transitions_before=NOW
    ),
    "health_transitions": lambda store: store.health_transitions("web", LONG_AGO, NOW, 5),
}


def test_every_method_of_the_protocol_is_called_here() -> None:
    methods = {name for name in vars(Store) if not name.startswith("_")}

    assert methods - {"close"} == EVERY_CALL.keys()


@pytest.mark.parametrize("name", EVERY_CALL)
async def test_a_closed_store_is_unavailable(store: Store, name: str) -> None:
    await store.close()

    with pytest.raises(StoreUnavailable) as refused:
        await EVERY_CALL[name](store)

    assert refused.value.retry_after_seconds > 0


async def test_closing_twice_is_harmless(store: Store) -> None:
    await store.close()
    await store.close()


@pytest.mark.parametrize("name", EVERY_CALL)
async def test_a_memory_store_in_an_outage_changes_nothing_and_comes_back(name: str) -> None:
    store = MemoryStore()
    await store.create_proxy(a_proxy())
    before = await stored_in(store)
    store.unavailable = True

    with pytest.raises(StoreUnavailable):
        await EVERY_CALL[name](store)

    store.unavailable = False
    assert await stored_in(store) == before


async def test_a_time_without_a_zone_is_refused_and_nothing_is_stored(store: Store) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the point of this test
    (one,) = await proxy_with(store, "one")
    move = a_move(await stored_in(store), one)

    with pytest.raises(ValueError, match="needs a time zone"):
        await store.commit_pass(a_pass(move=replace(move, event=replace(move.event, created_at=naive))))
    with pytest.raises(ValueError, match="needs a time zone"):
        await store.delete_instance(one.instance_id, naive)

    stored = await stored_in(store)
    assert (stored.proxy.epoch, stored.instances) == (0, (one,))


async def test_a_cancelled_write_holds_nobody_up(store: Store) -> None:
    instances = await proxy_with(store, *(f"i{n}" for n in range(3)))
    for turns in range(12):
        task = asyncio.create_task(store.flush_instances(instances))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    await store.raise_epoch("web", 3)

    assert (await stored_in(store)).proxy.epoch == 3


async def test_readers_and_writers_at_once_all_finish(store: Store) -> None:
    await store.create_proxy(a_proxy())

    async def write(number: int) -> None:
        await store.append_audit(an_entry(detail={"number": number}))
        await store.raise_epoch("web", number)

    async with asyncio.TaskGroup() as tasks:
        for number in range(1, 31):
            tasks.create_task(write(number))
            tasks.create_task(stored_in(store))

    assert (await stored_in(store)).proxy.epoch == 30
    assert len(await store.audit("web", 100)) == 30


async def test_what_is_stored_does_not_change_with_the_value_it_came_from(store: Store) -> None:
    payload = {"list": [1]}
    message = a_message(payload=payload)
    await store.create_proxy(a_proxy())
    await store.commit_pass(a_pass(trail=replace(a_pass().trail, messages=(message,))))

    payload["list"].append(2)

    assert (await store.pending_messages(1))[0].payload == {"list": [1]}
