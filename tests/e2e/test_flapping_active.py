"""A really flapping instance behind the real Envoy: it is left alone soon, and the moves stay few."""

import time

from tests.load import load
from tests.machine import Machine, run
from tests.waiting import eventually

from switchover.cli.views import InstanceView
from switchover.model.events import EventType

RATE = 50.0
FLAPS_WHILE_SUPPRESSED = 3
DAMPING = {"halfLifeSeconds": 300, "suppressLimit": 1.8, "reuseLimit": 1, "maxHoldSeconds": 900}
"""The second fall suppresses, however slow the machine, and for far longer than the test lasts."""


async def flapper(web: Machine) -> InstanceView:
    found = (await web.proxy()).instance("web-1")
    assert found is not None
    return found


async def believed(web: Machine, health: str) -> None:
    async def so() -> bool:
        return (await flapper(web)).health == health

    await eventually(so)


async def test_a_flapping_instance_is_suppressed_and_its_flaps_move_nothing_more(web: Machine) -> None:
    await web.serve(flapDamping=DAMPING, maxFailbacks=100)
    flaps = 0

    async with load(web.listener, rate=RATE) as running:
        await eventually(lambda: running.answered_by()["web-1"] > RATE)
        while not (await flapper(web)).is_damped:
            web.instances["web-1"].kill()
            await web.settled("web-2", healthy=("web-2", "web-3"))
            flaps += 1
            await web.instances.start("web-1")
            await believed(web, "healthy")
            if not (await flapper(web)).is_damped:
                await web.settled("web-1")
        suppressed = await web.settled("web-2")
        since = time.monotonic()
        for _ in range(FLAPS_WHILE_SUPPRESSED):
            web.instances["web-1"].kill()
            await believed(web, "unhealthy")
            await web.instances.start("web-1")
            await believed(web, "healthy")
        shown = await run("status", "web", "--data-dir", str(web.data))

    assert flaps == 2
    moves = [event.event_type for event in await web.events()]
    assert moves == [EventType.FAILOVER, EventType.FAILBACK, EventType.FAILOVER, EventType.ACTIVATION]
    assert (await web.events())[0].event_id == suppressed.event_id
    assert running.failures == []
    assert set(running.answered_by(since)) == {"web-2"}
    assert ", damped until " in shown.out

    undamped = await run("undamp", "web", "web-1", "--data-dir", str(web.data))
    assert (undamped.code, undamped.out) == (0, "web-1 is not damped.\n")
    assert (await web.settled("web-1")).event_type is EventType.FAILBACK
