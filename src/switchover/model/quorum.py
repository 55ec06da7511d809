"""How many replicas must see an instance down before that counts."""

from dataclasses import dataclass

MOST_OBSERVERS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """How many replicas probe each instance of a proxy, and how many of them must agree that it is down.

    Attributes:
        observers: How many probe it, the proxy's owner among them, 1 to `MOST_OBSERVERS`; 1 is its owner alone.
        agree: How many must see it down, 1 to `observers`.
    """

    observers: int = 1
    agree: int = 1

    @property
    def is_on(self) -> bool:
        """Whether anybody but the owner is asked."""
        return self.observers > 1
