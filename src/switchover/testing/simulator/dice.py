"""Chance from a seed, the same with every version of Python."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")

_MASK = (1 << 64) - 1


class Dice:
    """SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014)."""

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def bits(self) -> int:
        """64 random bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = ((self._state ^ (self._state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)

    def uniform(self, low: float, high: float) -> float:
        """A number from `low` up to `high`."""
        return low + (high - low) * (self.bits() >> 11) / (1 << 53)

    def happens(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return self.uniform(0, 1) < probability

    def pick(self, things: Sequence[T]) -> T:
        """One of `things`, of which there is one or more."""
        return things[self.bits() % len(things)]

    def weighted(self, things: Sequence[tuple[float, T]]) -> T:
        """One of `things`, each as likely as its weight says."""
        left = self.uniform(0, sum(weight for weight, _ in things))
        for weight, thing in things:
            left -= weight
            if left < 0:
                return thing
        return things[-1][1]

    def uuid(self) -> UUID:
        """A random id."""
        return UUID(int=self.bits() << 64 | self.bits())
