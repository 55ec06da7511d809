"""A proxy without a listener: no node carries it, so whoever switches it tells us the outcome."""

import pytest
from tests.machine import Machine
from tests.waiting import eventually

from switchover.cli.event_views import EventView
from switchover.model.events import EventStatus, EventType

LONG, SHORT = 300, 0.5


@pytest.fixture
async def job(web: Machine) -> Machine:
    """A machine with the proxy `job`: two instances that live by reports, both healthy, job-1 active."""
    await web.up()
    await configure(web, healthCheck={"type": "none"}, switchTimeoutSeconds=LONG)
    for number, name in enumerate(("job-1", "job-2"), start=1):
        data = {"instanceName": name, "priority": number}
        made = await web.data_of("POST", "/proxy/instances", {"proxyId": "job", "instanceData": data})
        await web.data_of("PUT", f"/proxy/instances/{made['id']}/health", {"healthStatus": "healthy"})
    activation = await eventually(lambda: newest(web, EventStatus.COMPLETED))
    assert activation is not None
    assert activation.event_type is EventType.ACTIVATION
    return web


async def configure(web: Machine, **config: object) -> None:
    await web.data_of("POST", "/proxy/failover/config", {"proxyId": "job", "config": config})


async def newest(web: Machine, status: EventStatus) -> EventView | None:
    events = await web.events("job")
    return events[0] if events and events[0].status is status else None


async def order(web: Machine, target: str) -> str:
    """Order the move; the event's id."""
    body = {"proxyId": "job", "targetInstanceId": await web.id_of(target, "job")}
    event = await web.data_of("POST", "/proxy/failover/switchover", body)
    assert event["status"] == "in_progress"
    return str(event["id"])


async def complete(web: Machine, event_id: str, status: str) -> int:
    return (
        await web.ask("PUT", f"/proxy/failover/events/{event_id}/complete", {"status": status})
    ).status_code


async def test_a_move_waits_until_its_owner_completes_it(job: Machine) -> None:
    event_id = await order(job, "job-2")
    view = await job.proxy("job")
    assert view.open_event is not None
    assert (view.name_of(view.active_id), view.open_event.event_id) == ("job-2", event_id)

    assert await complete(job, event_id, "completed") == 200

    event = (await job.events("job"))[0]
    assert (event.event_id, event.status) == (event_id, EventStatus.COMPLETED)
    assert event.duration_ms is not None
    assert (await job.proxy("job")).open_event is None
    assert await complete(job, event_id, "completed") == 200
    assert await complete(job, event_id, "failed") == 409


async def test_a_move_that_nobody_completes_times_out_and_a_late_word_still_counts(job: Machine) -> None:
    await configure(job, switchTimeoutSeconds=SHORT)
    event_id = await order(job, "job-2")

    event = await eventually(lambda: newest(job, EventStatus.FAILED))
    assert event is not None
    assert event.event_id == event_id
    assert event.error_message is not None
    assert "nobody completed it within 0.5 s" in event.error_message
    assert await complete(job, event_id, "completed") == 200

    late = (await job.events("job"))[0]
    assert (late.event_id, late.status, late.error_message) == (event_id, EventStatus.COMPLETED, None)


async def test_an_open_move_outlives_our_death(job: Machine) -> None:
    event_id = await order(job, "job-2")

    await job.kill()
    await job.up()

    view = await job.proxy("job")
    assert view.open_event is not None
    assert (view.name_of(view.active_id), view.epoch, view.open_event.event_id) == ("job-2", 2, event_id)
    assert await complete(job, event_id, "completed") == 200
