import asyncio

import pytest

from switchover.probe.loop_lag import BEAT_SECONDS, TOLERATED_SECONDS, LoopLag
from switchover.testing.clock import ManualClock


async def test_a_loop_in_time_owes_nothing() -> None:
    clock = ManualClock()
    lag = LoopLag(clock)
    beating = asyncio.create_task(lag.run())
    with lag.watch() as watch:
        await clock.advance(10.0)
        assert watch.lost_seconds() == 0
    beating.cancel()


async def test_a_stall_counts_before_the_overdue_beat_has_run() -> None:
    clock = ManualClock()
    with LoopLag(clock).watch() as watch:
        await clock.advance(1.0)  # nobody beats: the loop does not get to it
        assert watch.lost_seconds() == pytest.approx(1.0 - BEAT_SECONDS)


async def test_stalls_add_up_and_only_while_one_watches() -> None:
    clock = ManualClock()
    lag = LoopLag(clock)
    with lag.watch() as first:
        await clock.advance(1.0)
        beating = asyncio.create_task(lag.run())
        await clock.advance(5.0)  # the overdue beat runs now, and the following are in time
        with lag.watch() as second:
            beating.cancel()
            await clock.advance(0.5)
            stalled = first.lost_seconds() - second.lost_seconds()
            assert stalled == pytest.approx(1.0 - BEAT_SECONDS)
            assert 0.5 - BEAT_SECONDS <= second.lost_seconds() <= 0.5


async def test_an_idle_time_between_two_watches_is_no_stall() -> None:
    clock = ManualClock()
    lag = LoopLag(clock)
    with lag.watch():
        pass
    await clock.advance(100.0)
    with lag.watch() as watch:
        assert watch.lost_seconds() == 0


async def test_the_lateness_of_an_ordinary_timer_does_not_count() -> None:
    clock = ManualClock()
    with LoopLag(clock).watch() as watch:
        await clock.advance(BEAT_SECONDS + TOLERATED_SECONDS * 0.9)
        assert watch.lost_seconds() == 0
