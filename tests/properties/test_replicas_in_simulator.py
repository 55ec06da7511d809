"""What several replicas promise holds in every simulated schedule; `make soak` tries more of them."""

import hashlib
import os
import subprocess
import sys

import pytest

from switchover.testing.simulator import simulate

SCHEDULES = 10_000
CHUNK = 250

FOUND = (
    26184,  # a node made elsewhere; that it had broken was told to nobody, and the owner's node waited for it for ever
    1008958,  # what was loaded of a proxy that its owner was creating was put over a change that came meanwhile
)
"""Seeds beyond those above in which a soak found a defect that was mended."""

_DIGEST = """
import hashlib
from switchover.testing.simulator import simulate
for seed in range(8):
    print(hashlib.sha256("\\n".join(simulate(seed).trace).encode()).hexdigest())
"""


@pytest.mark.parametrize("first", range(0, SCHEDULES, CHUNK))
def test_every_promise_holds(first: int) -> None:
    moves = blocked = 0
    for seed in range(first, first + CHUNK):
        simulated = simulate(seed)
        moves, blocked = moves + simulated.moves, blocked + simulated.blocked
        assert not simulated.violations, str(simulated)
    assert moves > CHUNK, "schedules in which hardly anything moves show nothing"
    assert blocked > CHUNK // 25, (
        "schedules in which nothing is in the way of a move show nothing of pauses and rules"
    )


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_once_stays_mended(seed: int) -> None:
    simulated = simulate(seed)
    assert not simulated.violations, str(simulated)


def test_a_seed_is_one_schedule_with_one_trace() -> None:
    for seed in range(20):
        assert simulate(seed) == simulate(seed)


def test_a_trace_is_the_same_in_every_process() -> None:
    # Sets of strings are iterated in another order with every hash seed.
    printed = [
        subprocess.run(
            [sys.executable, "-c", _DIGEST],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        for hash_seed in ("1", "2")
    ]
    here = [hashlib.sha256("\n".join(simulate(seed).trace).encode()).hexdigest() for seed in range(8)]
    assert printed == [here, here]


def test_seeds_differ() -> None:
    assert len({simulate(seed).trace for seed in range(20)}) == 20
