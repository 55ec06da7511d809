"""Exponential backoff as arithmetic: everything that waits longer each time asks here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Delays that double from `first_seconds` up to `most_seconds`.

    Attributes:
        first_seconds: The delay before the first repetition, above 0.
        most_seconds: The ceiling of every delay, at least `first_seconds`.
    """

    first_seconds: float
    most_seconds: float

    def delay(self, repetition: int) -> float:
        """Seconds to wait before `repetition` (0 is the first); never above `most_seconds`."""
        # 2**64 seconds is past any ceiling, and a float shift beyond 1023 would overflow.
        return min(self.most_seconds, self.first_seconds * 2.0 ** min(repetition, 64))
