"""Draining with requests open, and drills, under load: real processes, a real Envoy, the real command line."""

import asyncio
import time

from tests.load import Load, load
from tests.machine import Done, Machine, run
from tests.waiting import eventually

from switchover.model.events import EventStatus, EventType

RATE = 100.0
LONG = "/?bytes=80&pause=0.1"
"""An answer that takes eight seconds: longer than a drain needs to count."""


async def test_a_drain_lets_open_requests_finish_and_then_says_idle(web: Machine) -> None:
    await web.serve()
    slow = Load(host="127.0.0.1", port=web.listener, target=LONG)

    async with load(web.listener, rate=RATE, target="/?delay=0.02") as running:
        await eventually(lambda: running.answered_by()["web-1"] > RATE)
        async with asyncio.TaskGroup() as group:
            for _ in range(10):
                group.create_task(slow.one())
            await eventually(lambda: _open_requests(web, 10))
            drain = group.create_task(
                _client(web, "drain", "web", "web-1", "--reason", "Kernel update", "--for", "1h", "--wait")
            )
            event = await web.settled("web-2", healthy=("web-2", "web-3"))
            since = time.monotonic()
            assert not drain.done()
        await eventually(lambda: running.answered_by(since)["web-2"] > RATE)

    done = drain.result()
    assert (done.code, done.err) == (0, "")
    assert "web-1 drains: 10 requests open, for at most" in done.out
    assert done.out.splitlines()[-1] == "web-1 is idle."
    assert slow.failures == running.failures == []
    assert slow.answered_by() == {"web-1": 10}
    assert set(running.answered_by(since)) == {"web-2"}
    assert (event.event_type, event.status) == (EventType.SWITCHOVER, EventStatus.COMPLETED)
    told = " ".join((await _client(web, "status", "web")).out.split())
    assert ": Kernel update (idle)" in told


async def test_a_drill_goes_there_and_back_and_costs_no_request(web: Machine) -> None:
    await web.serve()

    async with load(web.listener, rate=RATE, target="/?delay=0.02") as running:
        await eventually(lambda: running.answered_by()["web-1"] > RATE)
        done = await _client(web, "drill", "web", "--hold", "2s", "--reason", "Quarterly")
        since = time.monotonic()
        await eventually(lambda: running.answered_by(since)["web-1"] > RATE)

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1].startswith("The drill succeeded: web-1 → web-2 → web-1 in ")
    assert running.failures == []
    assert running.answered_by()["web-2"] > RATE
    assert set(running.answered_by(since)) == {"web-1"}
    back, there, _ = await web.events()
    assert [(e.event_type, e.status) for e in (there, back)] == [
        (EventType.SWITCHOVER, EventStatus.COMPLETED)
    ] * 2
    listed = await _client(web, "drill", "web", "--list")
    assert "succeeded" in listed.out


async def _client(web: Machine, *arguments: str) -> Done:
    return await run(*arguments, "--data-dir", str(web.data))


async def _open_requests(web: Machine, count: int) -> bool:
    instances = await web.data_of("GET", "/proxy/web/instances")
    return any(i["instanceName"] == "web-1" and (i["openRequests"] or 0) >= count for i in instances)
