"""The real clocks, ids and chance: the only place that names them."""

import asyncio
import random
import time
from datetime import UTC, datetime
from uuid import UUID

import uuid_utils.compat


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds on the machine's monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await asyncio.sleep(seconds)


class SystemChance:
    """Chance for jitter; not for secrets."""

    def uniform(self, low: float, high: float) -> float:
        """A number between `low` and `high`, both included."""
        return random.uniform(low, high)  # noqa: S311 - jitter needs no cryptography


def uuid7() -> UUID:
    """A new UUIDv7 (RFC 9562, section 5.7)."""
    return uuid_utils.compat.uuid7()
