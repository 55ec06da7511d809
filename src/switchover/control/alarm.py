"""Waiting for whichever comes first: a time, or somebody who rings."""

import asyncio

from switchover.model.clock import Clock


class Alarm:
    """One waiter, any number of ringers. A ring while nobody waits is kept for the next wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = False
        self._waiter: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wake the waiter."""
        self._rung = True
        if self._waiter is not None:
            _wake(self._waiter)

    async def wait(self, seconds: float | None) -> None:
        """Wait until somebody rings, `seconds` at the most; None waits for the ring alone."""
        if not self._rung and (seconds is None or seconds > 0):
            waiter = self._waiter = asyncio.get_running_loop().create_future()
            sleeper = None if seconds is None else asyncio.ensure_future(self._clock.sleep(seconds))
            if sleeper is not None:
                sleeper.add_done_callback(lambda _: _wake(waiter))
            try:
                await waiter
            finally:
                self._waiter = None
                if sleeper is not None:
                    sleeper.cancel()
        self._rung = False


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
