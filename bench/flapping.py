"""A flapping instance behind the real Envoy, with and without what keeps a proxy from moving too often.

    python bench/flapping.py [--seconds 60] [--turn-seconds 1] [--rate 100]

The preferred instance of three is killed and started again, each for a turn, while GETs and POSTs arrive at the rate. Told are
the moves, the failed requests and the slowest one: with flap damping, dwell and failed failbacks off, and with the defaults.
Everything runs on loopback and is ended by pid.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.load import load
from tests.machine import Machine, machine

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "nothing": {"flapDamping": {"enabled": False}, "minDwellSeconds": 0, "maxFailbacks": 100},
    "defaults": {},
}
QUICK: Mapping[str, Any] = {
    "healthCheckIntervalSeconds": 0.2,
    "healthCheckTimeoutSeconds": 0.2,
    "unhealthyThreshold": 1,
    "healthyThreshold": 1,
    "failbackHoldDownSeconds": 0.05,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One variant's outcome."""

    flaps: int
    moves: int
    requests: int
    failed_gets: int
    failed_posts: int
    slowest: float

    def __str__(self) -> str:
        return (
            f"{self.flaps} flaps, {self.moves} moves, {self.failed_gets} GETs and {self.failed_posts} POSTs failed "
            f"of {self.requests}, slowest {self.slowest * 1000:.0f} ms"
        )


async def flapping(web: Machine, seconds: float, turn: float) -> int:
    """Flap for so long; how often."""
    ends_at, flaps = time.monotonic() + seconds, 0
    while time.monotonic() < ends_at:
        web.instances["web-1"].kill()
        flaps += 1
        await asyncio.sleep(turn)
        await web.instances.start("web-1")
        await asyncio.sleep(turn)
    return flaps


async def measure(config: Mapping[str, Any], seconds: float, turn: float, rate: float) -> Measured:
    """Flap under one policy."""
    async with machine() as web:
        await web.serve(**QUICK, **config)
        async with (
            load(web.listener, rate=rate / 2) as gets,
            load(web.listener, rate=rate / 2, method="POST") as posts,
        ):
            flaps = await flapping(web, seconds, turn)
        moves = len(await web.events()) - 1
        return Measured(
            flaps=flaps,
            moves=moves,
            requests=len(gets.requests) + len(posts.requests),
            failed_gets=len(gets.failures),
            failed_posts=len(posts.failures),
            slowest=max(gets.slowest, posts.slowest),
        )


async def main(seconds: float, turn: float, rate: float) -> None:
    """Measure every variant and tell it."""
    told = {name: str(await measure(config, seconds, turn, rate)) for name, config in VARIANTS.items()}
    for name, words in told.items():
        print(f"{name:<9} {words}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--turn-seconds", type=float, default=1)
    parser.add_argument("--rate", type=float, default=100)
    given = parser.parse_args()
    asyncio.run(main(given.seconds, given.turn_seconds, given.rate))
