from datetime import timedelta

import pytest
from tests.record_values import (
    LONG_AGO,
    NOW,
    a_message,
    a_move,
    a_pass,
    a_proxy,
    a_sample,
    after,
    an_entry,
    an_instance,
    done,
    failed,
    new_id,
    proxy_with,
    stored_in,
)

from switchover.model.actor import person
from switchover.model.errors import NotFound
from switchover.model.events import FailoverEvent
from switchover.model.instance import Instance
from switchover.model.trail import Topic, Trail
from switchover.record.store import Store

FAR_AHEAD = NOW + timedelta(days=365)


async def moves_at(store: Store, instances: list[Instance], *seconds: float) -> list[FailoverEvent]:
    """Moves of `web`, completed at these times; returned oldest first."""
    events = []
    for number, second in enumerate(seconds):
        target = instances[number % len(instances)]
        move = a_move(await stored_in(store), target, at=after(second))
        await store.commit_pass(a_pass(move=move))
        events.append(done(move.event, after(second)))
        await store.close_event(events[-1])
    return events


async def prune_all(store: Store, before_seconds: float) -> int:
    before = after(before_seconds)
    return await store.prune(
        events_before=before,
        metrics_before=before,
        messages_before=before,
        transitions_before=before,
    )


async def test_samples_are_the_newest_between_two_times_both_included(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    samples = [a_sample(one, after(second), cpu_percent=float(second)) for second in range(6)]
    for sample in (*samples, a_sample(two, after(2))):
        await store.record_metrics(sample)

    assert await store.metrics(one.instance_id, after(1), after(4), 100) == samples[4:0:-1]
    assert await store.metrics(one.instance_id, after(1), after(4), 2) == [samples[4], samples[3]]
    assert await store.metrics(one.instance_id, after(7), after(9), 2) == []
    assert await store.metrics(new_id(), LONG_AGO, FAR_AHEAD, 2) == []


async def test_samples_of_the_same_moment_are_ordered_by_id(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    samples = [a_sample(one) for _ in range(3)]
    for sample in (samples[1], samples[2], samples[0]):
        await store.record_metrics(sample)

    assert await store.metrics(one.instance_id, NOW, NOW, 3) == samples[::-1]


@pytest.mark.parametrize("deleted_before", [False, True])
async def test_a_sample_of_no_instance_is_not_found(store: Store, *, deleted_before: bool) -> None:
    (one,) = await proxy_with(store, "one")
    if deleted_before:
        await store.delete_instance(one.instance_id, NOW)
    else:
        one = an_instance()

    with pytest.raises(NotFound, match=f"instance {one.instance_id} not found"):
        await store.record_metrics(a_sample(one))

    assert await store.metrics(one.instance_id, LONG_AGO, FAR_AHEAD, 5) == []


async def test_an_audit_entry_may_stand_alone_and_name_a_proxy_that_never_was(store: Store) -> None:
    entry = an_entry(
        "never", actor=person("bob"), action="refused", subject_id=new_id(), detail={"why": ["not", "yours"]}
    )

    await store.append_audit(entry)

    assert await store.audit("never", 5) == [entry]


async def test_audit_entries_are_the_newest_of_their_proxy_newest_first(store: Store) -> None:
    entries = [an_entry(at=after(min(second, 3))) for second in range(5)]
    for entry in (*entries, an_entry("shop")):
        await store.append_audit(entry)

    assert await store.audit("web", 3) == entries[:1:-1]
    assert await store.audit("web", 50) == entries[::-1]


async def test_pending_messages_are_the_oldest_by_id_until_they_are_delivered(store: Store) -> None:
    messages = tuple(a_message(topic=topic, payload={"n": [1, {"m": None}]}) for topic in Topic)
    await store.create_proxy(a_proxy(), Trail(messages=messages[::-1]))

    assert await store.pending_messages(3) == list(messages[:3])
    await store.mark_delivered([messages[0].message_id, messages[2].message_id, new_id()], NOW)
    assert await store.pending_messages(50) == [messages[1], *messages[3:]]
    await store.mark_delivered([], NOW)
    await store.mark_delivered([message.message_id for message in messages], NOW)
    assert await store.pending_messages(50) == []


async def test_the_first_delivery_counts(store: Store) -> None:
    message = a_message()
    await store.create_proxy(a_proxy(), Trail(messages=(message,)))

    await store.mark_delivered([message.message_id], after(1))
    await store.mark_delivered([message.message_id], after(9))

    assert await prune_all(store, 5) == 1


async def test_pruning_deletes_what_is_older_and_counts_it(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    events = await moves_at(store, [one, two], 0, 1, 2, 3)
    samples = [a_sample(one, after(second)) for second in range(4)]
    for sample in samples:
        await store.record_metrics(sample)
    messages = [a_message() for _ in range(4)]
    await store.save_policy(a_proxy(generation=2), Trail(messages=tuple(messages)))
    for second in range(3):
        await store.mark_delivered([messages[second].message_id], after(second))

    assert await prune_all(store, 2) == 6

    assert await store.events("web", 9) == events[:1:-1]
    assert await store.metrics(one.instance_id, LONG_AGO, FAR_AHEAD, 9) == samples[:1:-1]
    assert await store.pending_messages(9) == [messages[3]]
    assert await prune_all(store, 2) == 0


async def test_pruning_keeps_the_newest_event_and_what_is_not_delivered(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    events = await moves_at(store, [one, two], 0, 1, 1)
    message = a_message()
    await store.save_policy(a_proxy(generation=2), Trail(messages=(message,)))

    assert await prune_all(store, 1000) == 2

    assert await store.events("web", 9) == [events[-1]]
    assert await store.pending_messages(9) == [message]


async def test_pruning_keeps_open_events_however_old(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    first = a_move(await stored_in(store), one)
    await store.commit_pass(a_pass(move=first))
    second = a_move(await stored_in(store), two, at=after(1), superseded=failed(first.event))
    await store.commit_pass(a_pass(move=second))
    old_clock = a_move(
        await stored_in(store), one, at=after(-9), superseded=failed(second.event, at=after(1))
    )
    await store.commit_pass(a_pass(move=old_clock))

    assert await prune_all(store, 1000) == 1

    # The clock went back: the open event is not the newest by its time, and stays all the same.
    assert [e.event_id for e in await store.events("web", 9)] == [
        second.event.event_id,
        old_clock.event.event_id,
    ]


async def test_pruning_more_than_a_batch_deletes_it_all(store: Store) -> None:
    messages = tuple(a_message() for _ in range(1201))
    await store.create_proxy(a_proxy(), Trail(messages=messages))
    await store.mark_delivered([message.message_id for message in messages], NOW)

    assert await prune_all(store, 1) == 1201
