"""The rate limit of one caller."""

import pytest

from switchover.api.errors import TooManyRequests
from switchover.api.limits import MOST_CALLERS, RateLimit, RateLimiter
from switchover.testing.clock import ManualClock


async def test_a_burst_is_allowed_and_then_the_rate() -> None:
    clock = ManualClock()
    limiter = RateLimiter(RateLimit(per_second=2, burst=3), clock)
    for _ in range(3):
        limiter.take("ann")
    with pytest.raises(TooManyRequests) as caught:
        limiter.take("ann")
    assert caught.value.headers == {"Retry-After": "1"}
    await clock.advance(0.5)
    limiter.take("ann")
    with pytest.raises(TooManyRequests):
        limiter.take("ann")


async def test_a_pause_fills_the_bucket_and_not_more() -> None:
    clock = ManualClock()
    limiter = RateLimiter(RateLimit(per_second=1, burst=2), clock)
    limiter.take("ann")
    await clock.advance(1000)
    limiter.take("ann")
    limiter.take("ann")
    with pytest.raises(TooManyRequests):
        limiter.take("ann")


def test_a_slow_limit_says_how_long_to_wait() -> None:
    limiter = RateLimiter(RateLimit(per_second=0.1, burst=1), ManualClock())
    limiter.take("ann")
    with pytest.raises(TooManyRequests) as caught:
        limiter.take("ann")
    assert caught.value.headers == {"Retry-After": "10"}


def test_callers_do_not_share_a_bucket_and_a_flood_of_them_is_bounded() -> None:
    limiter = RateLimiter(RateLimit(per_second=1, burst=1), ManualClock())
    for number in range(MOST_CALLERS + 5):
        limiter.take(f"user-{number}")
    assert len(limiter._buckets) == MOST_CALLERS
    with pytest.raises(TooManyRequests):
        limiter.take(f"user-{MOST_CALLERS}")
