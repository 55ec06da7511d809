"""A clock that a test moves by hand, ids that count, chance that does not."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID


class ManualClock:
    """Both clocks stand still until `advance`; sleepers wake in the order of their deadlines."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._monotonic = 1000.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        sleeper = (self._monotonic + seconds, woken)
        self._sleepers.append(sleeper)
        try:
            await woken.wait()
        finally:
            if sleeper in self._sleepers:
                self._sleepers.remove(sleeper)

    async def advance(self, seconds: float) -> None:
        """Move both clocks on; every sleeper whose time comes wakes at exactly its time and runs until it waits again."""
        end = self._monotonic + seconds
        while True:
            await _settle()
            due = min((s for s in self._sleepers if s[0] <= end), key=lambda s: s[0], default=None)
            if due is None:
                break
            self._move_to(due[0])
            self._sleepers.remove(due)
            due[1].set()
        self._move_to(end)
        await _settle()

    def jump(self, seconds: float) -> None:
        """Set the wall clock on or back, as an operator or NTP would; the monotonic clock does not notice."""
        self._now += timedelta(seconds=seconds)

    def _move_to(self, monotonic: float) -> None:
        self._now += timedelta(seconds=monotonic - self._monotonic)
        self._monotonic = monotonic


async def _settle() -> None:
    # Enough turns of the loop for chains of awaits that need no real I/O.
    for _ in range(50):
        await asyncio.sleep(0)


class CountingIds:
    """Ids 00000000-0000-7000-8000-00000000000N with N = 1, 2, …: sortable and readable in a failing test."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self) -> UUID:
        self._count += 1
        return UUID(f"00000000-0000-7000-8000-{self._count:012x}")


class NoJitter:
    """Chance that always answers the middle."""

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2
