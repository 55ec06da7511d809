"""What people order for later: admin orders with an end, scheduled moves, drills."""

from dataclasses import replace

import pytest
from tests.record_values import (
    NOW,
    a_drill,
    a_move,
    a_pass,
    a_proxy,
    a_scheduled_move,
    a_trail,
    after,
    an_event,
    done,
    failed,
    new_id,
    proxy_with,
    stored_in,
    trail_of,
)

from switchover.model.admin import AdminOrder, AdminState
from switchover.model.drills import DrillOutcome, DrillStatus
from switchover.model.errors import Conflict, NotFound
from switchover.model.events import EventStatus, FailoverEvent, Stages
from switchover.record.store import Move, Store, StoredProxy


def _made(stored: StoredProxy, scheduled: FailoverEvent, superseded: FailoverEvent | None = None) -> Move:
    target = next(i for i in stored.instances if i.instance_id == scheduled.target_instance_id)
    move = a_move(stored, target, at=after(3600))
    event = replace(
        move.event, event_id=scheduled.event_id, scheduled_at=scheduled.scheduled_at, created_at=NOW
    )
    return replace(move, event=event, scheduled=True, superseded=superseded)


async def test_an_order_comes_back_as_it_was_with_those_below_it(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    below = AdminOrder(
        state=AdminState.DRAIN, actor="ann", ordered_at=NOW, epoch=3, left_open=2, drained_at=NOW
    )
    order = AdminOrder(
        state=AdminState.MAINTENANCE,
        actor="bob",
        reason="Kernel update",
        ordered_at=after(1),
        expires_at=after(60),
        drain_timeout_seconds=0.5,
        epoch=3,
        before=below,
    )
    ordered = one.ordered(order, after(1))
    await store.save_instance(ordered)

    assert (await stored_in(store)).instances == (ordered,)

    reverted = ordered.ordered(below, after(60))
    await store.save_instance(reverted)

    assert (await stored_in(store)).instances == (reverted,)


async def test_a_scheduled_move_is_no_open_move(store: Store) -> None:
    _, two = await proxy_with(store, "one", "two")
    scheduled = a_scheduled_move(target_instance_id=two.instance_id)
    await store.schedule_move(scheduled, a_trail())

    stored = await stored_in(store)

    assert (stored.scheduled_move, stored.open_move, stored.moves) == (scheduled, None, ())
    assert await store.event(scheduled.event_id) == scheduled
    assert len((await trail_of(store)).audit) == 1


async def test_a_scheduled_move_neither_holds_up_a_move_nor_is_closed_by_one(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    scheduled = a_scheduled_move(target_instance_id=two.instance_id)
    await store.schedule_move(scheduled)

    first = a_move(await stored_in(store), one)
    await store.commit_pass(a_pass(move=first))
    second = a_move(await stored_in(store), two, superseded=failed(first.event))
    await store.commit_pass(a_pass(move=second))

    stored = await stored_in(store)
    assert (stored.scheduled_move, stored.open_move) == (scheduled, second.event)


async def test_there_is_one_scheduled_move_per_proxy(store: Store) -> None:
    await proxy_with(store, "one")
    await proxy_with(store, "two", proxy_id="shop")
    await store.schedule_move(a_scheduled_move())
    await store.schedule_move(a_scheduled_move("shop"))

    with pytest.raises(Conflict, match="has a scheduled switchover already"):
        await store.schedule_move(a_scheduled_move(), a_trail())

    assert (await trail_of(store)).audit == ()


async def test_scheduling_needs_a_proxy_and_the_target_that_it_names(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.schedule_move(a_scheduled_move())
    await store.create_proxy(a_proxy())
    with pytest.raises(NotFound):
        await store.schedule_move(a_scheduled_move(target_instance_id=new_id()))


async def test_a_scheduled_move_becomes_the_move(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    await store.commit_pass(a_pass(move=(former := a_move(await stored_in(store), one))))
    scheduled = a_scheduled_move(target_instance_id=two.instance_id)
    await store.schedule_move(scheduled)

    move = _made(await stored_in(store), scheduled, superseded=failed(former.event))
    await store.commit_pass(a_pass(move=move))

    stored = await stored_in(store)
    assert (stored.scheduled_move, stored.open_move) == (None, move.event)
    assert stored.proxy.active_instance_id == two.instance_id
    assert len(await store.events("web", 10)) == 2


async def test_a_scheduled_move_that_was_cancelled_is_not_made(store: Store) -> None:
    _, two = await proxy_with(store, "one", "two")
    scheduled = a_scheduled_move(target_instance_id=two.instance_id)
    await store.schedule_move(scheduled)
    before = await stored_in(store)
    cancelled = failed(scheduled, "cancelled by ann")
    assert await store.close_event(cancelled)

    with pytest.raises(Conflict, match="cancelled or made meanwhile"):
        await store.commit_pass(a_pass(move=_made(before, scheduled)))

    stored = await stored_in(store)
    assert (stored.scheduled_move, stored.proxy.epoch) == (None, 0)
    assert await store.event(scheduled.event_id) == cancelled
    assert cancelled.duration_ms is None


async def test_how_the_last_move_ended_is_told_by_what_was_committed_last(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    scheduled = a_scheduled_move(target_instance_id=two.instance_id, created_at=after(-60))
    await store.schedule_move(scheduled)
    first = a_move(await stored_in(store), one)
    await store.commit_pass(a_pass(move=first))
    await store.close_event(failed(first.event))

    assert (await stored_in(store)).last_move_failed

    move = _made(await stored_in(store), scheduled)
    await store.commit_pass(a_pass(move=move))
    await store.close_event(done(move.event))
    await store.schedule_move(late := a_scheduled_move())
    await store.close_event(failed(late, "cancelled"))

    assert not (await stored_in(store)).last_move_failed


async def test_deleting_the_proxy_ends_what_was_ordered(store: Store) -> None:
    await proxy_with(store, "one")
    scheduled, drill = a_scheduled_move(), a_drill()
    await store.schedule_move(scheduled)
    await store.save_drill(drill)

    await store.delete_proxy("web", after(5))

    event = await store.event(scheduled.event_id)
    assert event is not None
    assert event.status is EventStatus.FAILED
    (ended,) = await store.drills("web", 5)
    assert (ended.status, ended.outcome, ended.finished_at) == (
        DrillStatus.FAILED,
        DrillOutcome.CANCELLED,
        after(5),
    )


async def test_a_drill_comes_back_as_it_was_at_each_step(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    drill = a_drill(reason="Quarterly")
    await store.save_drill(drill, a_trail())
    assert (await stored_in(store)).open_drill == drill

    moving = replace(
        drill,
        status=DrillStatus.MOVING,
        home_instance_id=one.instance_id,
        target_instance_id=two.instance_id,
        out_event_id=new_id(),
        started_at=after(1),
    )
    await store.save_drill(moving)
    assert (await stored_in(store)).open_drill == moving

    ended = replace(
        moving,
        status=DrillStatus.COMPLETED,
        back_event_id=new_id(),
        moved_at=after(2),
        finished_at=after(3),
        outcome=DrillOutcome.SUCCEEDED,
        message="There and back",
    )
    await store.save_drill(ended)
    assert (await stored_in(store)).open_drill is None
    assert await store.drills("web", 5) == [ended]
    assert len((await trail_of(store)).audit) == 1


async def test_there_is_one_open_drill_per_proxy(store: Store) -> None:
    await proxy_with(store, "one")
    await store.save_drill(a_drill())

    with pytest.raises(Conflict, match="has a drill already"):
        await store.save_drill(a_drill())
    with pytest.raises(NotFound):
        await store.save_drill(a_drill("shop"))


async def test_drills_are_listed_newest_first_and_pruned_with_events(store: Store) -> None:
    await proxy_with(store, "one")
    drills = [
        a_drill(status=DrillStatus.COMPLETED, created_at=after(n), finished_at=after(n)) for n in range(3)
    ]
    for drill in drills:
        await store.save_drill(drill)

    assert await store.drills("web", 2) == [drills[2], drills[1]]
    assert (
        await store.prune(
            events_before=after(1), metrics_before=NOW, messages_before=NOW, transitions_before=NOW
        )
        == 1
    )
    assert await store.drills("web", 5) == [drills[2], drills[1]]


async def test_an_event_keeps_the_drill_that_it_is_part_of(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    move = a_move(await stored_in(store), one)
    event = replace(move.event, drill_id=new_id(), stages=Stages(committed_at=NOW))
    await store.commit_pass(a_pass(move=replace(move, event=event)))

    assert await store.event(event.event_id) == event
    assert an_event().drill_id is None
