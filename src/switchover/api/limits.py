"""The rate limit of one caller: a token bucket."""

import math
from collections import OrderedDict
from dataclasses import dataclass

from switchover.api.errors import TooManyRequests
from switchover.model.clock import Clock

MOST_CALLERS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """How fast one caller may ask.

    Attributes:
        per_second: Requests per second in the long run, above 0.
        burst: Requests at once after a pause, at least 1.
    """

    per_second: float = 100.0
    burst: int = 500


class RateLimiter:
    """Counts the requests of every caller against one limit; remembers at most `MOST_CALLERS` of them."""

    def __init__(self, limit: RateLimit, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> None:
        """Count one request of `caller`.

        Raises:
            TooManyRequests: The bucket is empty; with the whole seconds (1 or more) until it is not.
        """
        now = self._clock.monotonic()
        tokens, seen = self._buckets.pop(caller, (float(self._limit.burst), now))
        tokens = min(float(self._limit.burst), tokens + (now - seen) * self._limit.per_second)
        allowed = tokens >= 1
        self._buckets[caller] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > MOST_CALLERS:
            # Whoever was not seen for the longest time has a full bucket again, or nearly so.
            self._buckets.popitem(last=False)
        if not allowed:
            raise TooManyRequests(max(1, math.ceil((1 - tokens) / self._limit.per_second)))
