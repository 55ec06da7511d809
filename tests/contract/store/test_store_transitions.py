from dataclasses import replace

import pytest
from tests.record_values import (
    LONG_AGO,
    NOW,
    a_move,
    a_pass,
    a_transition,
    after,
    an_instance,
    done,
    proxy_with,
    stored_in,
)

from switchover.model.errors import Conflict
from switchover.model.events import Closing, EventStatus, NodeAnswer, close
from switchover.model.observation import Health
from switchover.record.store import Store


async def test_transitions_are_the_newest_of_their_proxy_between_two_times_both_included(
    store: Store,
) -> None:
    one, two = await proxy_with(store, "one", "two")
    (other,) = await proxy_with(store, "one", proxy_id="shop")
    turned = [a_transition(instance, after(n)) for n, instance in enumerate((one, two, one, two, one))]
    await store.commit_pass(a_pass(transitions=tuple(turned[:3])))
    await store.commit_pass(a_pass(transitions=tuple(turned[3:])))
    await store.commit_pass(a_pass("shop", transitions=(a_transition(other, after(2)),)))

    assert await store.health_transitions("web", after(1), after(3), 100) == turned[3:0:-1]
    assert await store.health_transitions("web", LONG_AGO, after(9), 2) == [turned[4], turned[3]]
    assert await store.health_transitions("never", LONG_AGO, after(9), 2) == []


async def test_transitions_of_one_moment_are_ordered_by_id(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    turned = [
        a_transition(one),
        a_transition(one, before=Health.UNHEALTHY, after=Health.HEALTHY, code=None, first_failed_at=None),
        a_transition(one, reason="reported_unhealthy", consecutive_failures=2**40),
    ]
    await store.commit_pass(a_pass(transitions=(turned[1], turned[0], turned[2])))

    assert await store.health_transitions("web", NOW, NOW, 5) == turned[::-1]


async def test_a_transition_outlives_its_instance(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    turned = a_transition(one)
    await store.commit_pass(a_pass(transitions=(turned,)))
    await store.delete_instance(one.instance_id, after(1))

    assert await store.health_transitions("web", NOW, NOW, 5) == [turned]


async def test_a_transition_of_an_instance_that_is_not_stored_holds_nothing_up(store: Store) -> None:
    await proxy_with(store)
    turned = a_transition(an_instance("of a lost store"))

    await store.commit_pass(a_pass(transitions=(turned,)))

    assert await store.health_transitions("web", NOW, NOW, 5) == [turned]


async def test_a_refused_pass_stores_no_transition(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    move = a_move(await stored_in(store), one, seen_epoch=7)

    with pytest.raises(Conflict):
        await store.commit_pass(a_pass(move=move, transitions=(a_transition(one),)))

    assert await store.health_transitions("web", LONG_AGO, after(9), 5) == []


async def test_transitions_are_pruned_by_their_own_age(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    old, young = a_transition(one, after(-10)), a_transition(one, after(10))
    await store.commit_pass(a_pass(transitions=(old, young)))

    gone = await store.prune(
        events_before=LONG_AGO, metrics_before=LONG_AGO, messages_before=LONG_AGO, transitions_before=NOW
    )

    assert gone == 1
    assert await store.health_transitions("web", LONG_AGO, after(99), 5) == [young]


async def test_an_event_keeps_what_each_node_answered(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    move = a_move(await stored_in(store), one)
    await store.commit_pass(a_pass(move=move))
    answers = (
        NodeAnswer(node_id="edge-1", kind="applied", at=after(0.25)),
        NodeAnswer(node_id="edge-2", kind="rejected", detail="cannot bind", at=after(1)),
        NodeAnswer(node_id="edge-3", kind="timed_out"),
    )
    closing = Closing(status=EventStatus.FAILED, at=after(2), error_message="not applied", answers=answers)
    before = await store.event(move.event.event_id)
    assert before is not None
    assert before.answers is None

    await store.close_event(close(before, closing))

    stored = await store.event(move.event.event_id)
    assert stored is not None
    assert stored.answers == answers
    assert replace(stored, answers=None) == close(before, replace(closing, answers=None))


async def test_an_event_that_no_node_carries_has_no_answers(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    move = a_move(await stored_in(store), one)
    await store.commit_pass(a_pass(move=move))

    await store.close_event(done(move.event))

    stored = await store.event(move.event.event_id)
    assert stored is not None
    assert stored.answers is None
