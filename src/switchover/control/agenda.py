"""What is due when: one time per key, the earliest first."""

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Agenda(Generic[K]):
    """A heap whose entries may be moved and dropped: what was moved is skipped when its old time comes."""

    def __init__(self) -> None:
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0

    def __contains__(self, key: K) -> bool:
        return key in self._due

    def put(self, key: K, due: float) -> None:
        """Make `key` due at `due`, whatever it was before."""
        self._due[key] = due
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, key))

    def put_earlier(self, key: K, due: float) -> None:
        """Make `key` due at `due` unless it is due before that."""
        if due < self._due.get(key, float("inf")):
            self.put(key, due)

    def drop(self, key: K) -> None:
        """Forget `key`."""
        self._due.pop(key, None)

    def take(self, now: float, most: int) -> list[K]:
        """Remove and return at most `most` keys that are due, the earliest first."""
        taken: list[K] = []
        while len(taken) < most and (earliest := self.earliest()) is not None and earliest <= now:
            _, _, key = heapq.heappop(self._heap)
            del self._due[key]
            taken.append(key)
        return taken

    def earliest(self) -> float | None:
        """When the next key is due; None when there is none."""
        while self._heap:
            due, _, key = self._heap[0]
            if self._due.get(key) == due:
                return due
            heapq.heappop(self._heap)
        return None
