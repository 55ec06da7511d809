"""200 requests/s of GETs, half on new connections, while the active instance dies, hangs, and comes back."""

import time

from tests.load import Load, load
from tests.machine import Machine, run
from tests.waiting import eventually

from switchover.cli.event_views import STAGES, EventView
from switchover.model.events import EventStatus, EventType

RATE = 200.0
TRY_IDLE_SECONDS = 1.0
EJECTION_SECONDS = 0.25
"""Envoy ejects at such intervals: what it sends to the hung instance until then is late too."""


async def verified(web: Machine, event: EventView) -> EventView:
    """Wait until a request through the listener has shown the move; the event with that time."""

    async def so() -> EventView | None:
        found = next(e for e in await web.events() if e.event_id == event.event_id)
        return found if "verified" in found.stages else None

    shown = await eventually(so)
    assert shown is not None
    return shown


async def failed_over(web: Machine, running: Load) -> None:
    """The move from web-1 to web-2 is completed and verified, and from then on web-2 alone answers."""
    event = await web.settled("web-2", healthy=("web-2", "web-3"))
    since, before = time.monotonic(), len(running.requests)
    assert (event.event_type, event.status, event.trigger) == (
        EventType.FAILOVER,
        EventStatus.COMPLETED,
        "automatic",
    )
    assert event.duration_ms is not None
    await eventually(lambda: len(running.requests) > before + RATE)
    assert set(running.answered_by(since)) == {"web-2"}
    shown = await verified(web, event)
    assert tuple(shown.stages) == STAGES
    *switched, seen = shown.stages.values()
    assert switched == sorted(switched)
    # A node's account of its traffic may overtake its receipt.
    assert seen >= shown.stages["committed"]


async def failed_back(web: Machine, running: Load) -> None:
    """Traffic returns to web-1 and the move is on record."""
    event = await web.settled("web-1")
    since = time.monotonic()
    assert (event.event_type, event.status) == (EventType.FAILBACK, EventStatus.COMPLETED)
    await eventually(lambda: running.answered_by(since)["web-1"] > RATE)
    assert set(running.answered_by(since)) == {"web-1"}
    assert "verified" in (await verified(web, event)).stages


async def explained(web: Machine, failback: EventView, failover: EventView, activation: EventView) -> None:
    """Each move replays to itself, and the failover tells what was seen, considered and done."""
    for event in (failback, failover, activation):
        replayed = await run("replay", event.event_id, "--data-dir", str(web.data))
        assert (replayed.code, replayed.err) == (0, "")
        assert replayed.out.startswith("The same decision: ")
    told = (await run("explain", failover.event_id, "--data-dir", str(web.data))).out
    assert told.startswith("Failover of web from web-1 to web-2, completed in ")
    assert "Why: Active instance unhealthy (3 failures); decided by switchover itself at " in told
    assert "fail (" in told
    assert "Could take over, best first: web-2 (priority 20, weight 100, chosen), web-3 " in told
    assert "Nodes: embedded applied it after " in told
    turns = await web.data_of("GET", "/proxy/web/health-transitions")
    assert ("healthy", "unhealthy") in {(turn["fromStatus"], turn["toStatus"]) for turn in turns}


async def test_a_killed_active_and_its_return_cost_no_request(web: Machine) -> None:
    await web.serve()

    async with load(web.listener, rate=RATE) as running:
        await eventually(lambda: running.answered_by()["web-1"] > RATE)
        web.instances["web-1"].kill()
        await failed_over(web, running)
        await web.instances.start("web-1")
        await failed_back(web, running)

    assert running.failures == []
    assert [event.event_type for event in await web.events()] == [
        EventType.FAILBACK,
        EventType.FAILOVER,
        EventType.ACTIVATION,
    ]
    await explained(web, *await web.events())


async def test_a_hung_active_costs_no_request_and_delays_few(web: Machine) -> None:
    await web.serve(traffic={"tryIdleTimeoutSeconds": TRY_IDLE_SECONDS})

    async with load(web.listener, rate=RATE) as running:
        await eventually(lambda: running.answered_by()["web-1"] > RATE)
        web.instances["web-1"].freeze()
        await failed_over(web, running)
        # Every late request is one try or more that fell silent; counting those does not depend on this machine's speed.
        silent = sum((await web.counters(r"^cluster\.web\.upstream_rq_per_try_idle_timeout$")).values())
        web.instances["web-1"].thaw()
        await failed_back(web, running)

    assert running.failures == []
    assert 0 < silent <= RATE * (TRY_IDLE_SECONDS + EJECTION_SECONDS)
