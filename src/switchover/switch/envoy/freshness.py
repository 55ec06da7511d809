"""Whether we know everything that a node may have been told by another replica."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from switchover.model.clock import Clock
from switchover.model.errors import StoreUnavailable

_log = structlog.get_logger(__name__)

LOOK_SECONDS = 3.0
"""How long a node waits for our look into the store before we speak from what we know."""

CatchUp = Callable[[], Awaitable[None]]
"""Brings this replica to what is stored; may raise `StoreUnavailable`."""


class Freshness:
    """Looks into the store for whoever asks, one look at a time. All who ask while one is under way share the next.

    `look` works only while `run` does.

    Args:
        catch_up: None when there are no other replicas: then nobody can know more than we do.
        clock: For the deadline.
    """

    def __init__(self, catch_up: CatchUp | None, clock: Clock) -> None:
        self._catch_up = catch_up
        self._clock = clock
        self._asked = asyncio.Event()
        self._waiting: list[asyncio.Future[bool]] = []

    async def run(self) -> None:
        """Look whenever somebody asks, until cancelled. A look is never cut off: it would leave us half-way."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            waiting, self._waiting = self._waiting, []
            fresh = await self._look()
            for answer in waiting:
                if not answer.done():
                    answer.set_result(fresh)

    async def look(self) -> bool:
        """Whether we have come to know, within `LOOK_SECONDS`, all that was stored when this was called."""
        if self._catch_up is None:
            return True
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self._asked.set()
        try:
            async with asyncio.TaskGroup() as group:
                alarm = group.create_task(self._give_up(answer))
                fresh = await answer
                alarm.cancel()
        finally:
            if answer in self._waiting:
                self._waiting.remove(answer)
        return fresh

    async def _give_up(self, answer: asyncio.Future[bool]) -> None:
        await self._clock.sleep(LOOK_SECONDS)
        if not answer.done():
            answer.set_result(False)

    async def _look(self) -> bool:
        try:
            if self._catch_up is not None:
                await self._catch_up()
        except StoreUnavailable as error:
            _log.warning("could not look into the store for a node", error=str(error), fault="ours")
            return False
        return True
