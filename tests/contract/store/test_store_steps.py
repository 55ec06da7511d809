"""Steps of an open move: all of it or nothing, against what was seen."""

from dataclasses import replace
from uuid import UUID

import pytest
from tests.record_values import (
    a_move,
    a_pass,
    a_status,
    a_trail,
    after,
    done,
    proxy_with,
    stored_in,
    trail_of,
)

from switchover.model.errors import Conflict, NotFound
from switchover.model.events import FailoverEvent
from switchover.model.gradual import GradualMove
from switchover.model.instance import Instance
from switchover.record.store import Stepped, Store


async def moving(store: Store) -> tuple[Instance, Instance, FailoverEvent]:
    """A proxy whose move from one to two stands at its first step, in epoch 2."""
    one, two = await proxy_with(store, "one", "two")
    first = a_move(await stored_in(store), one)
    await store.commit_pass(a_pass(move=first))
    await store.close_event(done(first.event))
    move = a_move(await stored_in(store), two)
    gradual = GradualMove(
        source_instance_id=one.instance_id,
        target_instance_id=two.instance_id,
        steps=(5, 25, 100),
        since=after(1),
        requests=7,
        failures=3,
    )
    move = replace(move, event=replace(move.event, gradual=gradual))
    await store.commit_pass(a_pass(move=move))
    return one, two, move.event


def stepped(event: FailoverEvent, epoch: int = 2, active: UUID | None = None) -> Stepped:
    assert event.gradual is not None
    gradual = replace(event.gradual, step=1, since=after(31), requests=40, failures=4)
    return Stepped(
        seen_active_instance_id=active or event.target_instance_id,
        seen_epoch=epoch,
        event=replace(event, gradual=gradual),
    )


async def test_a_move_is_stored_with_its_first_step(store: Store) -> None:
    _, _, event = await moving(store)
    stored = await stored_in(store)
    assert stored.open_move == event
    assert await store.event(event.event_id) == event


async def test_a_step_raises_the_epoch_and_keeps_the_active(store: Store) -> None:
    _, two, event = await moving(store)
    before = await stored_in(store)
    trail = a_trail()
    step = stepped(event)

    await store.commit_pass(a_pass(step=step, redundancy=a_status(epoch=3), trail=trail))

    stored = await stored_in(store)
    assert (stored.proxy.active_instance_id, stored.proxy.epoch) == (two.instance_id, 3)
    assert stored.open_move == step.event
    assert (stored.moves, stored.redundancy) == (before.moves, a_status(epoch=3))
    assert stored.change_number > before.change_number
    assert await trail_of(store) == trail


@pytest.mark.parametrize("wrong", ["active", "epoch", "closed"])
async def test_a_step_of_what_is_over_is_refused_and_leaves_nothing(store: Store, wrong: str) -> None:
    one, _, event = await moving(store)
    match wrong:
        case "active":
            step, words = stepped(event, active=one.instance_id), "was changed meanwhile"
        case "epoch":
            step, words = stepped(event, epoch=1), "was changed meanwhile"
        case _:
            await store.close_event(done(event))
            step, words = stepped(event), "takes no further step"
    before = await stored_in(store)

    with pytest.raises(Conflict, match=words) as refused:
        await store.commit_pass(a_pass(step=step, redundancy=a_status(epoch=3), trail=a_trail()))

    assert refused.value.state == {"activeInstanceId": str(event.target_instance_id), "epoch": 2}
    assert await stored_in(store) == before
    assert (await trail_of(store)).audit == ()


async def test_a_step_taken_twice_is_refused_the_second_time(store: Store) -> None:
    _, _, event = await moving(store)
    await store.commit_pass(a_pass(step=stepped(event)))
    with pytest.raises(Conflict, match="was changed meanwhile") as refused:
        await store.commit_pass(a_pass(step=stepped(event)))
    assert refused.value.state["epoch"] == 3


async def test_a_step_of_a_proxy_that_is_gone_is_refused(store: Store) -> None:
    _, _, event = await moving(store)
    await store.delete_proxy("web", after(5))
    with pytest.raises(NotFound):
        await store.commit_pass(a_pass(step=stepped(event)))


async def test_a_closed_event_keeps_where_it_stood(store: Store) -> None:
    _, _, event = await moving(store)
    step = stepped(event)
    await store.commit_pass(a_pass(step=step))
    await store.close_event(done(step.event))
    closed = await store.event(event.event_id)
    assert closed is not None
    assert closed.gradual == step.event.gradual
