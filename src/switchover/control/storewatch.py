"""Knows how the store answers, by every call that is made to it."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

import structlog

from switchover.control.alarm import Alarm
from switchover.control.outage import StoreStanding
from switchover.model.clock import Clock
from switchover.model.errors import StoreUnavailable

_log = structlog.get_logger(__name__)

ASK_SECONDS = 0.5
"""How often we ask by ourselves while the store is away: so soon is its return noticed, be there work or not."""

T = TypeVar("T")


class StoreWatch:
    """Holds the standing of one store, and lets decisions know of it.

    Args:
        clock: Its monotonic clock measures outages.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._standing = StoreStanding(answered_at=clock.monotonic())
        self._alarm = Alarm(clock)

    def watched(self, store: T) -> T:
        """`store`, with every call noted here."""
        return cast(T, _Watched(store, self))  # noqa: TC006 - a type variable has no name to quote

    def rests_until(self, cycle_seconds: float, now: datetime) -> datetime | None:
        """Until when automatic moves of a proxy with this check cycle rest; None when they do not."""
        left = self._standing.rest_left(self._clock.monotonic(), cycle_seconds)
        return now + timedelta(seconds=left) if left else None

    @property
    def away_since(self) -> datetime | None:
        """Since when the store does not answer, on the wall clock; None while it does."""
        since = self._standing.away_since
        if since is None:
            return None
        return self._clock.now() - timedelta(seconds=self._clock.monotonic() - since)

    @property
    def is_out(self) -> bool:
        """Whether the store has been away for so long that nothing is decided."""
        return self._standing.is_out(self._clock.monotonic())

    async def run(self, ask: Callable[[], Awaitable[object]]) -> None:
        """While the store is away, `ask` it something through a watched store; until cancelled."""
        while True:
            await self._alarm.wait(None)
            while self._standing.away_since is not None:
                await self._clock.sleep(ASK_SECONDS)
                try:
                    await ask()
                except StoreUnavailable:
                    continue

    def failed(self, began: float) -> None:
        """Take note that a call failed, which was made at `began` (monotonic)."""
        self._standing = self._standing.failed(began)
        self._alarm.ring()

    def answered(self) -> None:
        """Take note that a call was answered."""
        former, at = self._standing, self._clock.monotonic()
        self._standing = former.answered(at)
        if former.away_since is not None and former.is_out(at):
            _log.warning("store answers again", seconds=round(at - former.away_since, 1))


class _Watched:
    """Passes every call on."""

    def __init__(self, store: object, watch: StoreWatch) -> None:
        self._store = store
        self._watch = watch

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method: Callable[..., Awaitable[Any]] = getattr(self._store, name)

        async def called(*arguments: Any, **named: Any) -> Any:
            began = self._watch._clock.monotonic()  # noqa: SLF001 - one thing in two classes
            try:
                answer = await method(*arguments, **named)
            except StoreUnavailable:
                self._watch.failed(began)
                raise
            self._watch.answered()
            return answer

        return called
