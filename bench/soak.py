"""Simulates replicas with ever new seeds, on every core, until one finds what should not be or the time is over.

    python bench/soak.py [--hours 8] [--from SEED] [--processes N]
    python bench/soak.py --seed SEED

The first prints where it begins, its progress every minute, and for a seed that fails the command that replays it; it ends
with 1 then. The second replays one seed and prints its whole trace.
"""

import argparse
import os
import secrets
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import count

from switchover.testing.simulator import Simulated, simulate

CHUNK = 100
PROGRESS_SECONDS = 60.0


def main() -> int:
    """Soak or replay; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument(
        "--from", type=int, dest="first", default=None, help="the first seed; by default a new one"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=None, help="replay this one alone")
    options = parser.parse_args()
    if options.seed is not None:
        simulated = simulate(options.seed)
        print(simulated if simulated.violations else "\n".join((*simulated.trace, "All is well.")))
        return 1 if simulated.violations else 0
    first = options.first if options.first is not None else secrets.randbelow(1 << 48)
    return soak(first, options.hours * 3600, options.processes)


def soak(first: int, seconds: float, processes: int) -> int:
    """Run chunks of seeds from `first` on; 1 once one fails, 0 when the time is over."""
    print(f"Seeds from {first} on, {processes} processes, for {seconds / 3600:g} h.", flush=True)
    began = told = time.monotonic()
    schedules = moves = 0
    chunks = count(first, CHUNK)
    with ProcessPoolExecutor(processes) as pool:
        running: set[Future[list[Simulated]]] = {pool.submit(run, next(chunks)) for _ in range(2 * processes)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            now = time.monotonic()
            for chunk in done:
                for simulated in chunk.result():
                    schedules, moves = schedules + 1, moves + simulated.moves
                    if simulated.violations:
                        print(simulated)
                        pool.shutdown(cancel_futures=True)
                        return 1
                if now - began < seconds:
                    running.add(pool.submit(run, next(chunks)))
            if now - told >= PROGRESS_SECONDS or not running:
                told = now
                print(
                    f"{now - began:7.0f} s  {schedules:9d} schedules  {moves:9d} moves  all is well",
                    flush=True,
                )
    return 0


def run(first: int) -> list[Simulated]:
    """One chunk; traces stay only with what failed, they are long."""
    return [_slim(simulate(seed)) for seed in range(first, first + CHUNK)]


def _slim(simulated: Simulated) -> Simulated:
    if simulated.violations:
        return simulated
    return Simulated(
        seed=simulated.seed,
        violations=(),
        trace=(),
        moves=simulated.moves,
        blocked=simulated.blocked,
        seconds=simulated.seconds,
    )


if __name__ == "__main__":
    sys.exit(main())
