import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from tests.record_values import (
    LONG_AGO,
    NOW,
    a_move,
    a_pass,
    a_proxy,
    a_status,
    a_trail,
    after,
    an_event,
    an_instance,
    done,
    failed,
    proxy_with,
    stored_in,
    trail_of,
)

from switchover.model.errors import Conflict, NotFound
from switchover.model.events import EventStatus, EventType, FailoverEvent, PastMove, Stages, Trigger
from switchover.model.instance import Instance, Usage
from switchover.model.proxy import Pin
from switchover.record.store import Move, Pass, Store, StoredProxy


async def full_pass(store: Store, target: Instance, **changes: Any) -> Pass:
    """A pass that changes everything a pass can."""
    move = a_move(await stored_in(store), target, **changes)
    measured = replace(target, usage=Usage(total_requests=5), resolved_host="127.0.0.9")
    return a_pass(move=move, instances=(measured,), redundancy=a_status(epoch=1), trail=a_trail())


async def everything(store: Store) -> tuple[object, ...]:
    return await stored_in(store), await trail_of(store), await store.events("web", 100)


async def test_a_pass_stores_all_of_it(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    change = await full_pass(store, one, pin=two.instance_id)
    assert change.move is not None

    await store.commit_pass(change)

    event = change.move.event
    stored = await stored_in(store)
    assert stored == StoredProxy(
        proxy=a_proxy(active_instance_id=one.instance_id, epoch=1, pinned_instance_id=two.instance_id),
        instances=(change.instances[0], two),
        moves=(
            PastMove(
                event_type=EventType.FAILOVER,
                source_instance_id=None,
                target_instance_id=one.instance_id,
                committed_at=NOW,
            ),
        ),
        open_move=event,
        redundancy=change.redundancy,
        change_number=stored.change_number,
    )
    assert await trail_of(store) == change.trail
    assert await store.event(event.event_id) == event


async def test_a_move_stores_the_pin_it_leaves_and_who_started_it(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    pin = Pin(instance_id=one.instance_id, by="root", reason="Kernel update", at=NOW, until=after(3600))
    move = a_move(await stored_in(store), one, pin=one.instance_id, pin_note=pin)
    move = replace(move, event=replace(move.event, trigger=Trigger.MANUAL))

    await store.commit_pass(a_pass(move=move))

    stored = await stored_in(store)
    assert stored.proxy.pin == pin
    assert [past.trigger for past in stored.moves] == [Trigger.MANUAL]


async def test_a_pass_without_a_move_leaves_active_and_epoch_alone(store: Store) -> None:
    one, _ = await proxy_with(store, "one", "two")
    await store.commit_pass(a_pass(move=a_move(await stored_in(store), one)))
    before = await stored_in(store)

    await store.commit_pass(a_pass(redundancy=a_status(epoch=1), trail=a_trail()))

    after = await stored_in(store)
    assert after == replace(before, redundancy=a_status(epoch=1), change_number=after.change_number)


async def test_a_pass_skips_instances_that_are_gone(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    await store.delete_instance(one.instance_id, NOW)
    used = Usage(total_requests=1)

    await store.commit_pass(a_pass(instances=tuple(replace(i, usage=used) for i in (one, two))))

    assert (await stored_in(store)).instances == (replace(two, usage=used),)


@pytest.mark.parametrize("wrong", ["active", "epoch", "both"])
async def test_a_move_that_saw_something_else_is_refused_and_leaves_nothing(store: Store, wrong: str) -> None:
    one, two = await proxy_with(store, "one", "two")
    first = a_move(await stored_in(store), one)
    await store.commit_pass(a_pass(move=first))
    await store.close_event(done(first.event))
    seen: dict[str, UUID | int | None] = {}
    if wrong in {"active", "both"}:
        seen["seen_active_instance_id"] = two.instance_id
    if wrong in {"epoch", "both"}:
        seen["seen_epoch"] = 0
    stale = await full_pass(store, two, **seen)
    before = await everything(store)

    with pytest.raises(Conflict, match="was changed meanwhile") as refused:
        await store.commit_pass(stale)

    assert refused.value.state == {"activeInstanceId": str(one.instance_id), "epoch": 1}
    assert await everything(store) == before


async def test_the_state_of_a_refusal_says_that_nothing_is_active(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    stale = await full_pass(store, two, seen_active_instance_id=one.instance_id)

    with pytest.raises(Conflict) as refused:
        await store.commit_pass(stale)

    assert refused.value.state == {"activeInstanceId": None, "epoch": 0}


async def test_of_many_moves_at_once_exactly_one_wins(store: Store) -> None:
    instances = await proxy_with(store, *(f"i{n}" for n in range(8)))
    stored = await stored_in(store)
    passes = [a_pass(move=a_move(stored, instance), trail=a_trail()) for instance in instances]

    outcomes = await asyncio.gather(*map(store.commit_pass, passes), return_exceptions=True)

    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 7
    winner = passes[outcomes.index(None)]
    assert winner.move is not None
    after_all = await stored_in(store)
    assert (after_all.proxy.epoch, after_all.open_move) == (1, winner.move.event)
    assert after_all.proxy.active_instance_id == winner.move.event.target_instance_id
    assert await trail_of(store) == winner.trail


async def test_a_newer_move_closes_the_open_one_in_its_own_transaction(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    first = a_move(await stored_in(store), one)
    await store.commit_pass(a_pass(move=first))
    superseded = failed(first.event, "superseded by a newer move", after(1))
    second = a_move(await stored_in(store), two, at=after(1), superseded=superseded)

    await store.commit_pass(a_pass(move=second, at=after(1)))

    assert await store.events("web", 5) == [second.event, superseded]
    assert (await stored_in(store)).open_move == second.event


async def test_an_outcome_that_came_first_is_not_overwritten_by_superseding(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    first = a_move(await stored_in(store), one)
    await store.commit_pass(a_pass(move=first))
    await store.close_event(done(first.event))

    await store.commit_pass(a_pass(move=a_move(await stored_in(store), two, superseded=failed(first.event))))

    assert await store.event(first.event.event_id) == done(first.event)


@pytest.mark.parametrize("superseding", ["nothing", "another event"])
async def test_an_open_move_must_be_superseded_by_name(store: Store, superseding: str) -> None:
    one, two = await proxy_with(store, "one", "two")
    first = a_move(await stored_in(store), one)
    await store.commit_pass(a_pass(move=first))
    other = None if superseding == "nothing" else failed(an_event())
    change = await full_pass(store, two, superseded=other)
    before = await everything(store)

    with pytest.raises(Conflict, match="proxy web has an open move") as refused:
        await store.commit_pass(change)

    assert refused.value.state == {"activeInstanceId": str(one.instance_id), "epoch": 1}
    assert await everything(store) == before


async def test_an_open_recovery_does_not_stand_in_the_way_of_a_move(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    recovery = an_event(event_type=EventType.RECOVERY, target_instance_id=one.instance_id)
    await store.add_recovery_event(recovery)

    await store.commit_pass(await full_pass(store, one))

    assert (await stored_in(store)).proxy.epoch == 1


async def test_a_move_without_its_own_commit_time_gets_the_passes(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    move = a_move(await stored_in(store), one)
    bare = replace(move.event, stages=Stages(decided_at=NOW))

    await store.commit_pass(a_pass(move=replace(move, event=bare), at=after(3)))

    stored = await stored_in(store)
    assert stored.open_move == replace(bare, stages=Stages(decided_at=NOW, committed_at=after(3)))
    assert [past.committed_at for past in stored.moves] == [after(3)]


async def test_a_move_to_nobody_empties_the_active(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    first = a_move(await stored_in(store), one)
    await store.commit_pass(a_pass(move=first))

    await store.commit_pass(a_pass(move=a_move(await stored_in(store), None, superseded=failed(first.event))))

    assert (await stored_in(store)).proxy == a_proxy(epoch=2)


@pytest.mark.parametrize("target", ["unknown", "deleted"])
async def test_a_move_to_an_instance_that_is_gone_is_not_found_and_leaves_nothing(
    store: Store, target: str
) -> None:
    (one,) = await proxy_with(store, "one")
    if target == "deleted":
        await store.delete_instance(one.instance_id, NOW)
    else:
        one = an_instance()
    change = await full_pass(store, one)
    before = await everything(store)

    with pytest.raises(NotFound, match=f"instance {one.instance_id} not found"):
        await store.commit_pass(change)

    assert await everything(store) == before


@pytest.mark.parametrize("with_move", [False, True])
@pytest.mark.parametrize("deleted_before", [False, True])
async def test_a_pass_of_no_proxy_is_not_found(
    store: Store, *, deleted_before: bool, with_move: bool
) -> None:
    move: Move | None = None
    if deleted_before:
        (one,) = await proxy_with(store, "one")
        move = a_move(await stored_in(store), one)
        await store.delete_proxy("web", NOW)
    elif with_move:
        never = an_instance()
        move = Move(
            seen_active_instance_id=None,
            seen_epoch=0,
            event=an_event(target_instance_id=never.instance_id),
            pin=None,
        )

    with pytest.raises(NotFound, match="proxy web not found"):
        await store.commit_pass(a_pass(move=move if with_move else None, trail=a_trail()))

    assert (await trail_of(store)).messages == ()


async def test_moves_are_loaded_since_a_time_oldest_first_and_without_recoveries(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    open_move: FailoverEvent | None = None
    for second, target in enumerate((one, two, one, two)):
        superseded = failed(open_move) if open_move else None
        move = a_move(await stored_in(store), target, at=after(second), superseded=superseded)
        await store.commit_pass(a_pass(move=move))
        open_move = move.event
    await store.add_recovery_event(
        an_event(event_type=EventType.RECOVERY, target_instance_id=one.instance_id, created_at=after(9))
    )

    stored = await store.load_proxy("web", after(1))

    assert stored is not None
    assert [past.committed_at for past in stored.moves] == [after(1), after(2), after(3)]
    assert [past.target_instance_id for past in stored.moves] == [
        target.instance_id for target in (two, one, two)
    ]
    assert stored.open_move is not None
    assert stored.open_move.status is EventStatus.IN_PROGRESS
    assert list(await store.load(after(1))) == [stored]
    assert len((await store.load(LONG_AGO))[0].moves) == 4
