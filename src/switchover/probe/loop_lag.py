"""How late the event loop is: a replica that does not get to run must not blame the instances for it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from switchover.model.clock import Clock

BEAT_SECONDS = 0.02
"""A stall shorter than this can hide between two beats."""
TOLERATED_SECONDS = 0.005
"""What timers and a healthy loop are late by; it does not count."""


class LoopLag:
    """Counts the time that the event loop owes us, by a heartbeat of its own that runs while somebody watches.

    Args:
        clock: Its monotonic clock measures, its `sleep` waits.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watchers = 0
        self._watched = asyncio.Event()
        self._due = 0.0
        self._lost = 0.0

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            await self._watched.wait()
            await self._clock.sleep(max(0.0, self._due - self._clock.monotonic()))
            self._lost += self._overdue()
            self._due = self._clock.monotonic() + BEAT_SECONDS

    @contextmanager
    def watch(self) -> Iterator["LagWatch"]:
        """Watch the loop while the block runs."""
        if not self._watchers:
            self._due = self._clock.monotonic() + BEAT_SECONDS
            self._watched.set()
        self._watchers += 1
        try:
            yield LagWatch(lag=self, lost_before=self._lost_seconds())
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._watched.clear()

    def _lost_seconds(self) -> float:
        # A loop that wakes from a stall may run the probe's deadline before the beat that is overdue.
        return self._lost + self._overdue()

    def _overdue(self) -> float:
        late = self._clock.monotonic() - self._due
        return late if late > TOLERATED_SECONDS else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LagWatch:
    """One watcher's view of the loop."""

    lag: LoopLag
    lost_before: float

    def lost_seconds(self) -> float:
        """Seconds that the loop was late since this watch began, 0 or more; ask inside the block."""
        return max(0.0, self.lag._lost_seconds() - self.lost_before)  # noqa: SLF001 - its other half
