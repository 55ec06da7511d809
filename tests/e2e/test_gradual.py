"""Moves in steps with the real Envoy: the answers follow the shares, and a target that answers 500 is left again."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.load import Load, load
from tests.machine import Machine, run
from tests.waiting import eventually

from switchover.model.events import EventStatus, EventType

RATE = 100.0
FEWEST = 60
"""Requests within a step that its share is judged by."""


@dataclass(slots=True)
class Shares:
    """Which share was in force when: what the API said at two moments holds for the time between them."""

    spans: list[tuple[float, float, int]] = field(default_factory=list)

    async def watch(self, web: Machine) -> None:
        """Look until cancelled."""
        since, former = time.monotonic(), None
        while True:
            event = (await web.proxy()).open_event
            at, share = time.monotonic(), None if event is None else event.share
            if share is not None and share == former:
                self.spans.append((since, at, share))
            since, former = at, share
            await asyncio.sleep(0.1)

    def answers(self, running: Load) -> dict[int, Counter[str]]:
        """Who answered how many of the requests of each share; the first moment of a step is nobody's."""
        found: dict[int, Counter[str]] = {}
        settled = {share: min(end for _, end, s in self.spans if s == share) for _, _, share in self.spans}
        for request in running.requests:
            for begin, end, share in self.spans:
                if begin <= request.started < end and request.started > settled[share]:
                    found.setdefault(share, Counter())[request.instance] += 1
        return found


async def test_a_failback_follows_in_steps_and_costs_no_request(web: Machine) -> None:
    await web.serve(gradual={"steps": [10, 50, 100], "dwellSeconds": 4})
    shares = Shares()

    async with load(web.listener, rate=RATE) as running:
        await eventually(lambda: running.answered_by()["web-1"] > RATE / 2)
        web.instances["web-1"].kill()
        await web.settled("web-2", healthy=("web-2", "web-3"))
        await web.instances.start("web-1")
        watching = asyncio.create_task(shares.watch(web))
        back = await web.settled("web-1")
        watching.cancel()
        begin = time.monotonic()
        await eventually(lambda: running.answered_by(begin).total() > RATE / 2)

    assert running.failures == []
    assert (back.event_type, back.status, back.share) == (EventType.FAILBACK, EventStatus.COMPLETED, 100)
    found = shares.answers(running)
    assert found.keys() >= {10, 50}
    for share, least, most in ((10, 0.02, 0.25), (50, 0.35, 0.65)):
        answers = found[share]
        assert answers.keys() <= {"web-1", "web-2"}
        assert answers.total() >= FEWEST
        assert least <= answers["web-1"] / answers.total() <= most, answers
    assert running.answered_by(begin).keys() == {"web-1"}
    told = await run("explain", back.event_id, "--data-dir", str(web.data))
    assert "In steps of 10, 50, 100 %: the target had come to 100 % since" in told.out, told


async def test_a_target_that_answers_500_is_left_again_and_damped(web: Machine) -> None:
    await web.serve(gradual={"steps": [10, 100], "dwellSeconds": 60, "minRequests": 10}, maxFailbacks=1)

    async with load(web.listener, rate=RATE) as running:
        web.instances["web-1"].kill()
        await web.settled("web-2", healthy=("web-2", "web-3"))
        assert running.failures == []
        await web.instances.start("web-1")
        web.instances["web-1"].sicken()

        async def taken_back() -> bool:
            return (await web.events())[0].reason.startswith(
                "Taken back at 10 % of the traffic: web-1 answered"
            )

        await eventually(taken_back)
        rolled_back = await web.settled("web-2")
        begin = time.monotonic()
        await eventually(lambda: running.answered_by(begin).total() > RATE)

    moves = [(event.event_type, event.status) for event in (await web.events())[:3]]
    assert moves == [
        (EventType.FAILOVER, EventStatus.COMPLETED),
        (EventType.FAILBACK, EventStatus.FAILED),
        (EventType.FAILOVER, EventStatus.COMPLETED),
    ]
    left = (await web.events())[1]
    assert (left.error_message or "").endswith(
        f"rolled back by event {rolled_back.event_id} (epoch {rolled_back.epoch})"
    )
    assert running.answered_by(begin).keys() == {"web-2"}
    assert set(running.failures) == {"status 500"}
    assert len(running.failures) < len(running.requests) / 3
    flapper = (await web.proxy()).instance("web-1")
    assert flapper is not None
    assert flapper.is_damped
    assert flapper.health == "healthy"
