"""One replica's way to the store: slow, cut, or silent after the work was done."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar, cast
from uuid import UUID

from switchover.model.errors import OutcomeUnknown, StoreUnavailable, SwitchoverError
from switchover.testing.simulator.dice import Dice
from switchover.testing.simulator.time import SimulatedTime

T = TypeVar("T")

_AT_ONCE, _SOON = 0.75, 0.95
_SOON_SECONDS, _LATE_SECONDS = 0.05, 1.5
_PATIENCE_SECONDS = 2.0

_READS = frozenset(
    {
        "load",
        "load_proxy",
        "event",
        "events",
        "metrics",
        "audit",
        "pending_messages",
        "holdings",
        "changes",
        "receipts",
        "refusals",
        "nodes",
        "vantages",
    }
)

Stored = Callable[[UUID, str, tuple[Any, ...], dict[str, Any]], None]
"""Told of each call that the store has carried out: whose, which, and with what."""


class Wire:
    """Carries calls to the store and answers back. What was sent arrives, whatever becomes of who sent it.

    Attributes:
        cut: While True nothing comes or goes.
        calm: While True nothing is slow and nothing is lost.
        losses: How likely an answer is lost, and a call.
    """

    def __init__(
        self, *, time: SimulatedTime, dice: Dice, replica_id: UUID, losses: float, stored: Stored
    ) -> None:
        self.cut = False
        self.calm = False
        self.losses = losses
        self._time = time
        self._dice = dice
        self._replica_id = replica_id
        self._stored = stored

    def to(self, target: T, *, here: tuple[str, ...] = ()) -> T:
        """`target` as it is seen from this end: its asynchronous methods go over the wire, but for those `here`."""
        return cast("T", _Remote(target, self, here))

    async def call(self, method: Callable[..., Coroutine[Any, Any, T]], *args: Any, **kwargs: Any) -> T:
        """Have `method` carried out at the other end.

        Raises:
            StoreUnavailable: It was not carried out, or nothing is known of what it would read.
            OutcomeUnknown: No answer came; it may have been carried out.
        """
        if self.cut:
            await asyncio.sleep(self._dice.uniform(0, _PATIENCE_SECONDS))
            raise StoreUnavailable("the way to the store is cut: the schedule says so")
        there, back = self._delay(), self._delay()
        lost = not self.calm and self._dice.happens(self.losses)
        if there == 0 == back and not lost:
            # Others get their turn before, as they would.
            await asyncio.sleep(0)
            if not self.cut:
                return cast("T", self._carry_out(method, args, kwargs))
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if not (lost and self._dice.happens(0.3)):
            arrive = partial(self._arrive, answer, method, args, kwargs, back=back, lost=lost)
            self._time.later(there, arrive)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await answer
        except TimeoutError:
            words = "the store did not answer in time: the schedule says so"
            raise (StoreUnavailable if method.__name__ in _READS else OutcomeUnknown)(words) from None

    def _delay(self) -> float:
        if self.calm:
            return 0
        luck = self._dice.uniform(0, 1)
        if luck < _AT_ONCE:
            return 0
        return self._dice.uniform(0, _SOON_SECONDS if luck < _SOON else _LATE_SECONDS)

    def _arrive(
        self,
        answer: asyncio.Future[Any],
        method: Callable[..., Coroutine[Any, Any, Any]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        back: float,
        lost: bool,
    ) -> None:
        if self.cut:
            return
        try:
            result, error = self._carry_out(method, args, kwargs), None
        except SwitchoverError as refused:
            result, error = None, refused
        if not lost:
            self._time.later(back, self._answer, answer, result, error)

    def _answer(self, answer: asyncio.Future[Any], result: object, error: SwitchoverError | None) -> None:
        if answer.done() or self.cut:
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    def _carry_out(
        self,
        method: Callable[..., Coroutine[Any, Any, Any]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> object:
        result: object = at_once(method(*args, **kwargs))
        self._stored(self._replica_id, method.__name__, args, kwargs)
        return result


class _Remote:
    def __init__(self, target: object, wire: Wire, here: tuple[str, ...]) -> None:
        self._target = target
        self._wire = wire
        self._here = here

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._target, name)
        called = method if name in self._here else partial(self._wire.call, method)
        setattr(self, name, called)
        return called


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of something that waits for nothing but its turn."""
    try:
        while True:
            work.send(None)
    except StopIteration as end:
        return cast("T", end.value)
