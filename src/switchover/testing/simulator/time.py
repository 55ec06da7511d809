"""One simulated time, and the event loops that live in it. Nothing here ever waits.

Each replica has a loop of its own, so that one can stand still (SIGSTOP) or be gone (SIGKILL) while the others and the
network go on. Which of the loops that have something to do runs next is chance, as on a machine with one core.
"""

import asyncio
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, TypeVar, cast

from switchover.testing.simulator.dice import Dice

T = TypeVar("T")

MOST_TURNS = 20_000
"""How many turns loops may take before time has to go on."""


class BusyForEver(Exception):  # noqa: N818 - it names what was found
    """Somebody keeps a loop busy without waiting for anything."""


class Due:
    """A callback of a loop, or of nobody's (`loop` is None): the world's."""

    __slots__ = ("_when", "arguments", "callback", "cancelled_", "context", "loop")

    def __init__(
        self,
        loop: "ReplicaLoop | None",
        when: float,
        callback: Callable[..., object],
        arguments: tuple[Any, ...],
        context: Context | None,
    ) -> None:
        self.loop = loop
        self._when = when
        self.callback = callback
        self.arguments = arguments
        self.context = context
        self.cancelled_ = False

    def cancel(self) -> None:
        """Let it not be called."""
        self.cancelled_ = True

    def cancelled(self) -> bool:
        """Whether it is not to be called."""
        return self.cancelled_

    def when(self) -> float:
        """When it is due."""
        return self._when


class SimulatedTime:
    """What time it is everywhere, and what is due when.

    Attributes:
        now: Seconds since the beginning; the clock of the store's machine, and of nobody else.
        running: Whose turn it is; None between turns.
        others_wait: Whether another loop has something to do too.
    """

    def __init__(self, dice: Dice) -> None:
        self.now = 0.0
        self.running: ReplicaLoop | None = None
        self.others_wait = False
        self.loops: list[ReplicaLoop] = []
        self._dice = dice
        self._due: list[tuple[float, int, Due]] = []
        self._count = 0

    def later(self, seconds: float, callback: Callable[..., object], *arguments: Any) -> None:
        """Let the world do something in `seconds`, whoever stands still."""
        self.put(Due(None, self.now + seconds, callback, arguments, None))

    def at(self, when: float, callback: Callable[..., object], *arguments: Any) -> None:
        """Let the world do something at `when`; what is put on for the same moment happens in that order."""
        self.put(Due(None, when, callback, arguments, None))

    def put(self, due: Due) -> None:
        """Put on the agenda."""
        self._count += 1
        heapq.heappush(self._due, (due.when(), self._count, due))

    def advance(self, seconds: float) -> None:
        """Let everybody live for `seconds`.

        Raises:
            BusyForEver: Time could not go on.
        """
        end = self.now + seconds
        due = self._due
        self._run_ready()
        while due and due[0][0] <= end:
            self.now = max(self.now, due[0][0])
            while due and due[0][0] <= self.now:
                _, _, item = heapq.heappop(due)
                if item.cancelled_:
                    continue
                if item.loop is None:
                    item.callback(*item.arguments)
                else:
                    item.loop.ready.append(item)
            self._run_ready()
        self.now = end

    def _run_ready(self) -> None:
        turns = 0
        while ready := [loop for loop in self.loops if loop.ready and loop.runs]:
            alone = len(ready) == 1
            loop = self.running = ready[0] if alone else self._dice.pick(ready)
            self.others_wait = not alone
            events._set_running_loop(loop.for_asyncio)  # noqa: SLF001 - the way that asyncio gives to loops
            try:
                while loop.ready:
                    loop.turn()
                    turns += 1
                    if self.others_wait or turns > MOST_TURNS:
                        break
            finally:
                self.running = None
                events._set_running_loop(None)  # noqa: SLF001
            if turns > MOST_TURNS:
                raise BusyForEver(f"no rest after {turns} turns at {self.now:.3f} s")


class ReplicaLoop:
    """The event loop of one replica: what asyncio's locks, tasks and time-outs need, and no I/O.

    Attributes:
        runs: Whether it is given turns; False is a process that was stopped, or is gone.
        for_asyncio: This, as asyncio names what it asks of a loop.
    """

    def __init__(self, time: SimulatedTime) -> None:
        self.ready: deque[Due] = deque()
        self.runs = True
        self.troubles: list[str] = []
        self.for_asyncio = cast("asyncio.AbstractEventLoop", self)
        self._time = time
        self._tasks = 0
        time.loops.append(self)

    def turn(self) -> None:
        """Run what is ready now; what gets ready meanwhile is for the next turn."""
        ready = self.ready
        for _ in range(len(ready)):
            due = ready.popleft()
            if due.cancelled_:
                continue
            if due.context is None:
                due.callback(*due.arguments)
            else:
                due.context.run(due.callback, *due.arguments)

    def time(self) -> float:
        """Seconds, as timers count them."""
        return self._time.now

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Due:
        due = Due(self, self._time.now, callback, args, context)
        self.ready.append(due)
        if self._time.running is not self:
            self._time.others_wait = True
        return due

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Due:
        due = Due(self, when, callback, args, context)
        self._time.put(due)
        return due

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Due:
        return self.call_at(self._time.now + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self.for_asyncio)

    def create_task(
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[T]:
        self._tasks += 1
        return NumberedTask(
            coro, number=self._tasks, loop=self, name=name or "", context=context or copy_context()
        )

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.troubles.append(f"{context.get('message')}: {type(error).__name__}: {error}")


class NumberedTask(asyncio.Task[T]):
    """A task whose place in a set does not depend on where it lies in memory: a task group ends its tasks by it."""

    def __init__(self, coro: Coroutine[Any, Any, T], *, number: int, **options: Any) -> None:
        self._number = number
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._number
