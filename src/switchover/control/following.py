"""What we believe of proxies that other replicas own: brought to what is stored."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from switchover.control.collector import Collector
from switchover.control.fleet import MOVE_WINDOW, Fleet, state_of
from switchover.control.ownership import Ownership
from switchover.control.switching import Switching
from switchover.model.clock import Clock
from switchover.record.store import Store, StoredProxy

BATCH = 200
"""How many proxies change hands, or are looked at, in one step."""

T = TypeVar("T")


class Following:
    """Loads what others have stored, and leaves alone what is ours."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        store: Store,
        ownership: Ownership,
        switching: Switching,
        collector: Collector,
        clock: Clock,
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._ownership = ownership
        self._switching = switching
        self._collector = collector
        self._clock = clock

    async def follow(self, proxy_ids: Iterable[str]) -> None:
        """Bring what we believe of others' proxies to what is stored.

        Raises:
            StoreUnavailable: The store did not answer; we know what we knew.
        """
        for batch in batches(tuple(p for p in proxy_ids if not self._ownership.holds(p))):
            now = self._clock.now()
            found = {s.proxy.proxy_id: s for s in await self._store.load(now - MOVE_WINDOW, batch)}
            for proxy_id in batch:
                async with self._fleet.lock(proxy_id):
                    # It may have become ours while we waited; then we know better than what was loaded.
                    if self._ownership.holds(proxy_id):
                        continue
                    stored = found.get(proxy_id)
                    # Two looks at once may end in the other order than they began.
                    if stored is not None and self._is_outrun(stored):
                        continue
                    if stored is not None:
                        state = state_of(stored, now)
                        self._fleet.put(state)
                        self._fleet.settle(proxy_id)
                        await self._switching.want(state)
                        self._collector.refresh(proxy_id)
                    elif proxy_id in self._fleet:
                        self._fleet.remove(proxy_id)
                        await self._switching.forget(proxy_id)
                        self._collector.refresh(proxy_id)

    def is_behind(self, proxy_id: str, number: int) -> bool:
        """Whether what we know of a proxy is older than its change of that number."""
        return proxy_id not in self._fleet or self._fleet.state(proxy_id).change_number < number

    def _is_outrun(self, stored: StoredProxy) -> bool:
        """Whether somebody else who looked has put in what is newer than what we loaded."""
        if stored.proxy.proxy_id not in self._fleet:
            return False
        known = self._fleet.state(stored.proxy.proxy_id)
        return known.change_number > stored.change_number or known.proxy.epoch > stored.proxy.epoch


def batches(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """`things` in parts of `BATCH` at the most."""
    return (things[start : start + BATCH] for start in range(0, len(things), BATCH))
