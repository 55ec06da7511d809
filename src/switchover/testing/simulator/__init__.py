"""Several replicas of the real control plane in one process, over a network, a store and clocks that misbehave.

`simulate(seed)` runs one schedule; the same seed is the same schedule with the same trace, on every machine. After each
step the promises of the design are checked against what was stored and what nodes were told (`witness.py`).

What belongs here: what stands in for the world around the replicas. What must not: a second version of anything
that `switchover.control` does.
"""

from switchover.testing.simulator.simulation import Simulated, simulate

__all__ = ["Simulated", "simulate"]
