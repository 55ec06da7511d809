"""Protocols of time, chance and ids. `app/clock.py` holds the only real ones."""

from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """Two clocks: one for records, one for durations."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC. For records and for rules that outlive the process."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps. For deadlines and durations."""

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` (0 or more) of this clock's time."""


class IdFactory(Protocol):
    """Makes the ids of rows: UUIDv7 (RFC 9562), so that they sort by time."""

    def __call__(self) -> UUID:
        """A new id."""


class Chance(Protocol):
    """Chance, for jitter alone."""

    def uniform(self, low: float, high: float) -> float:
        """A number between `low` and `high`, both included."""
