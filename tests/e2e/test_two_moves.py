"""The target of a move dies too: the second move follows at once, also while the node is silent."""

from tests.load import Load, load
from tests.machine import Machine
from tests.waiting import eventually

from switchover.cli.event_views import EventView
from switchover.model.events import EventStatus, EventType

RATE = 200.0


async def moves(web: Machine) -> list[EventView]:
    """The failovers, oldest first."""
    return [e for e in reversed(await web.events()) if e.event_type is EventType.FAILOVER]


async def moved(web: Machine, count: int) -> list[EventView]:
    """Wait until so many failovers are committed; all of them."""

    async def so() -> list[EventView]:
        found = await moves(web)
        return found if len(found) >= count else []

    return await eventually(so)


async def test_a_second_death_right_after_the_first_costs_no_request(web: Machine) -> None:
    await web.serve()

    async with load(web.listener, rate=RATE) as running:
        await eventually(lambda: running.answered_by()["web-1"] > RATE)
        web.instances["web-1"].kill()
        await moved(web, 1)
        web.instances["web-2"].kill()
        await web.settled("web-3", healthy=("web-3",))
        await eventually(lambda: running.answered_by()["web-3"] > RATE)

    assert running.failures == []
    found = await moves(web)
    assert [(e.epoch, e.status) for e in found] == [(2, EventStatus.COMPLETED), (3, EventStatus.COMPLETED)]


async def test_a_silent_node_delays_no_move_and_gets_the_last_one(web: Machine) -> None:
    # So long that only being superseded can close the first move.
    await web.serve(switchTimeoutSeconds=300)

    web.freeze_envoy()
    web.instances["web-1"].kill()
    (first,) = await moved(web, 1)
    assert first.status is EventStatus.IN_PROGRESS
    web.instances["web-2"].kill()
    former, second = await moved(web, 2)

    assert (former.event_id, former.status) == (first.event_id, EventStatus.FAILED)
    assert former.error_message is not None
    assert former.error_message.startswith(f"superseded by event {second.event_id}")
    assert (second.status, second.epoch) == (EventStatus.IN_PROGRESS, 3)
    view = await web.proxy()
    assert (view.name_of(view.active_id), view.epoch) == ("web-3", 3)

    web.thaw_envoy()
    event = await web.settled("web-3", healthy=("web-3",))
    assert (event.event_id, event.status) == (second.event_id, EventStatus.COMPLETED)
    request = await Load(host="127.0.0.1", port=web.listener).one()
    assert (request.instance, request.failure) == ("web-3", None)
