"""The clocks of one replica's machine."""

import asyncio
from datetime import UTC, datetime, timedelta

from switchover.testing.simulator.time import SimulatedTime

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class SimulatedClock:
    """A wall clock that is wrong and jumps, and a monotonic one that is a little too fast or too slow.

    Args:
        time: What time it really is.
        rate: How fast the monotonic clock goes; 1 is right.
        ahead: By how many seconds the wall clock is ahead.
    """

    def __init__(self, time: SimulatedTime, *, rate: float = 1.0, ahead: float = 0.0) -> None:
        self._time = time
        self._rate = rate
        self._ahead = ahead

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self._time.now + self._ahead)

    def monotonic(self) -> float:
        return 1000.0 + self._time.now * self._rate

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._rate)

    def jump(self, seconds: float) -> None:
        """Set the wall clock on, or back if negative."""
        self._ahead += seconds
