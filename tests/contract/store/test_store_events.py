import asyncio
from dataclasses import replace

import pytest
from tests.record_values import (
    LONG_AGO,
    NOW,
    a_move,
    a_pass,
    a_proxy,
    a_trail,
    after,
    an_event,
    an_instance,
    done,
    failed,
    new_id,
    proxy_with,
    stored_in,
    trail_of,
)

from switchover.model.errors import NotFound
from switchover.model.events import EventType, FailoverEvent
from switchover.model.instance import Instance
from switchover.record.store import Store


async def an_open_move(store: Store) -> FailoverEvent:
    (one,) = await proxy_with(store, "one")
    move = a_move(await stored_in(store), one)
    await store.commit_pass(a_pass(move=move))
    return move.event


def a_recovery(instance: Instance, proxy_id: str = "web") -> FailoverEvent:
    return an_event(proxy_id, event_type=EventType.RECOVERY, target_instance_id=instance.instance_id)


async def test_closing_stores_the_outcome_and_leaves_no_open_move(store: Store) -> None:
    event = await an_open_move(store)
    closed, trail = done(event, after(2)), a_trail()

    assert await store.close_event(closed, trail)

    assert await store.event(event.event_id) == closed
    assert (await stored_in(store)).open_move is None
    assert await trail_of(store) == trail


async def test_a_failed_last_move_is_known_until_the_next_move(store: Store) -> None:
    event = await an_open_move(store)
    assert not (await stored_in(store)).last_move_failed

    await store.close_event(failed(event, "node edge did not answer", after(2)))
    (stored,) = await store.load(LONG_AGO)
    assert stored.last_move_failed

    two = an_instance("two")
    await store.add_instance(two)
    await store.commit_pass(a_pass(move=a_move(await stored_in(store), two)))
    assert not (await stored_in(store)).last_move_failed


async def test_moves_are_in_the_order_of_their_epochs_whatever_the_clocks_said(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    for target, at in ((one, after(60)), (two, after(30))):
        stored = await stored_in(store)
        superseded = None if stored.open_move is None else failed(stored.open_move)
        await store.commit_pass(a_pass(move=a_move(stored, target, at=at, superseded=superseded)))

    moves = (await stored_in(store)).moves
    assert [move.target_instance_id for move in moves] == [one.instance_id, two.instance_id]


async def test_closing_writes_the_outcome_alone(store: Store) -> None:
    event = await an_open_move(store)
    await store.note_verified(event.event_id, after(1))

    await store.close_event(replace(done(event, after(2)), reason="other", epoch=9, actor="other"))

    expected = done(replace(event, stages=replace(event.stages, verified_at=after(1))), after(2))
    assert await store.event(event.event_id) == expected


async def test_a_closed_event_is_not_closed_again(store: Store) -> None:
    event = await an_open_move(store)
    await store.close_event(failed(event, "timed out"))

    assert not await store.close_event(done(event), a_trail())

    assert await store.event(event.event_id) == failed(event, "timed out")
    assert (await trail_of(store)).audit == ()


async def test_a_late_outcome_replaces_the_stored_one_when_asked_to(store: Store) -> None:
    event = await an_open_move(store)
    await store.close_event(failed(event, "timed out"))
    trail = a_trail()

    assert await store.close_event(done(event, after(5)), trail, was_open=False)

    assert await store.event(event.event_id) == done(event, after(5))
    assert await trail_of(store) == trail


async def test_of_two_who_close_at_once_one_does(store: Store) -> None:
    event = await an_open_move(store)

    closed = await asyncio.gather(store.close_event(done(event)), store.close_event(failed(event)))

    assert sorted(closed) == [False, True]
    assert await store.event(event.event_id) == (done(event) if closed[0] else failed(event))


@pytest.mark.parametrize("was_open", [False, True])
async def test_closing_no_event_is_not_found(store: Store, *, was_open: bool) -> None:
    event = an_event()

    with pytest.raises(NotFound, match=f"event {event.event_id} not found"):
        await store.close_event(done(event), a_trail(), was_open=was_open)

    assert (await trail_of(store)).audit == ()


async def test_the_first_verification_counts(store: Store) -> None:
    event = await an_open_move(store)

    await store.note_verified(event.event_id, after(1))
    await store.note_verified(event.event_id, after(2))
    await store.note_verified(new_id(), after(3))

    stored = await store.event(event.event_id)
    assert stored == replace(event, stages=replace(event.stages, verified_at=after(1)))


async def test_an_unknown_event_is_none(store: Store) -> None:
    assert await store.event(new_id()) is None


async def test_an_instance_has_one_open_recovery(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    first, again, other = a_recovery(one), a_recovery(one), a_recovery(two)
    trail = a_trail()

    assert await store.add_recovery_event(first, trail)
    assert not await store.add_recovery_event(again, a_trail())
    assert await store.add_recovery_event(other)
    assert await trail_of(store) == trail

    await store.close_event(failed(first))
    assert await store.add_recovery_event(again)
    assert {event.event_id for event in await store.events("web", 9)} == {
        event.event_id for event in (first, again, other)
    }


async def test_of_two_recoveries_at_once_one_is_stored(store: Store) -> None:
    (one,) = await proxy_with(store, "one")

    stored = await asyncio.gather(*(store.add_recovery_event(a_recovery(one)) for _ in range(3)))

    assert sorted(stored) == [False, False, True]


async def test_a_recovery_is_no_move(store: Store) -> None:
    (one,) = await proxy_with(store, "one")

    await store.add_recovery_event(a_recovery(one))

    stored = await stored_in(store)
    assert (stored.open_move, stored.moves, stored.proxy.epoch) == (None, (), 0)


async def test_a_recovery_needs_its_proxy_and_its_instance(store: Store) -> None:
    never = an_instance()
    with pytest.raises(NotFound, match="proxy web not found"):
        await store.add_recovery_event(a_recovery(never))
    await store.create_proxy(a_proxy())
    with pytest.raises(NotFound, match=f"instance {never.instance_id} not found"):
        await store.add_recovery_event(a_recovery(never))


async def test_events_are_the_newest_of_their_proxy_newest_first(store: Store) -> None:
    expected = []
    for proxy_id in ("web", "shop"):
        one, two = await proxy_with(store, "one", "two", proxy_id=proxy_id)
        open_move: FailoverEvent | None = None
        for second in range(5):
            # The last two are of the same moment: the id decides.
            at = after(min(second, 3))
            superseded = failed(open_move) if open_move else None
            move = a_move(
                await stored_in(store, proxy_id), (one, two)[second % 2], at=at, superseded=superseded
            )
            await store.commit_pass(a_pass(proxy_id, move=move))
            open_move = move.event
            if proxy_id == "web":
                expected.append(move.event.event_id)

    expected.reverse()
    assert [event.event_id for event in await store.events("web", 3)] == expected[:3]
    assert [event.event_id for event in await store.events("web", 500)] == expected
    assert await store.events("never", 5) == []


async def test_events_of_a_deleted_proxy_can_still_be_read(store: Store) -> None:
    event = await an_open_move(store)
    await store.delete_proxy("web", NOW)

    assert [e.event_id for e in await store.events("web", 5)] == [event.event_id]
    assert await store.event(event.event_id) is not None
