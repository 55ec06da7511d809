"""The listener's port is taken by somebody else: the node refuses, says so, and applies as soon as it can."""

from tests.envoy_node import answered_by, occupied
from tests.machine import Machine, run
from tests.waiting import eventually

from switchover.cli.event_views import EventView
from switchover.model.events import EventStatus, EventType


async def closed(web: Machine) -> EventView | None:
    events = await web.events()
    return events[0] if events and events[0].status is not EventStatus.IN_PROGRESS else None


async def test_a_refusal_is_shown_in_envoys_words_and_mends_itself(web: Machine) -> None:
    web.declare(switchTimeoutSeconds=1.5)
    await web.instances.start(*web.instances.ports)

    with occupied(web.listener):
        await web.up(declared=True)
        event = await eventually(lambda: closed(web))
        assert event is not None
        assert (event.event_type, event.status) == (EventType.ACTIVATION, EventStatus.FAILED)
        assert event.error_message is not None
        assert event.error_message.startswith("not applied within 1.5 s: node embedded rejected it: ")
        assert "Address already in use" in event.error_message
        shown = await run("status", "--data-dir", str(web.data))
        assert (shown.code, shown.err) == (0, "")
        words = " ".join(shown.out.split())
        assert "Node embedded refuses web:" in words
        assert "Address already in use" in words
        assert "Address already in use" in (await web.proxy()).rejections["embedded"]

    await answered_by(web.listener, "web-1")
    await eventually(lambda: nothing_is_refused(web))
    # What became of the event stays as it was: history is not rewritten.
    assert [(e.event_id, e.status) for e in await web.events()] == [(event.event_id, EventStatus.FAILED)]


async def nothing_is_refused(web: Machine) -> bool:
    return not (await web.proxy()).rejections
