import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.envoy_node import background

from switchover.model.errors import StoreUnavailable
from switchover.switch.envoy.freshness import LOOK_SECONDS, Freshness
from switchover.testing.clock import ManualClock


class Looks:
    """The looks into a store that answers when it is let."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.freshness = Freshness(self._catch_up, self.clock)
        self.begun = 0
        self.fails = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def _catch_up(self) -> None:
        self.begun += 1
        await self.answers.wait()
        if self.fails:
            raise StoreUnavailable("away")

    def ask(self) -> asyncio.Task[bool]:
        return asyncio.ensure_future(self.freshness.look())


@pytest.fixture
async def looks() -> AsyncIterator[Looks]:
    made = Looks()
    async with background(made.freshness.run()):
        yield made


async def test_a_look_that_succeeds_makes_us_fresh_and_one_that_fails_does_not(looks: Looks) -> None:
    assert await looks.ask()
    looks.fails = True
    assert not await looks.ask()


async def test_who_asks_while_a_look_is_under_way_gets_one_that_began_after_asking(looks: Looks) -> None:
    looks.answers.clear()
    first = looks.ask()
    await looks.clock.advance(0)
    later = [looks.ask() for _ in range(50)]
    await looks.clock.advance(0)
    assert looks.begun == 1
    looks.answers.set()

    assert await asyncio.gather(first, *later) == [True] * 51
    assert looks.begun == 2


async def test_nobody_waits_longer_than_the_deadline_and_the_look_is_not_cut_off(looks: Looks) -> None:
    looks.answers.clear()
    asked = looks.ask()
    await looks.clock.advance(LOOK_SECONDS)
    assert not await asked

    again = looks.ask()
    looks.answers.set()
    assert await again
    assert looks.begun == 2


async def test_alone_nobody_can_know_more() -> None:
    assert await Freshness(None, ManualClock()).look()
