"""Waiting for a condition with a generous deadline, so that no test depends on the machine's speed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

DEADLINE_SECONDS = 60.0


@overload
async def eventually(
    condition: Callable[[], Awaitable[T]], *, within: float = ..., every: float = ...
) -> T: ...


@overload
async def eventually(condition: Callable[[], T], *, within: float = ..., every: float = ...) -> T: ...


async def eventually(
    condition: Callable[[], T | Awaitable[T]], *, within: float = DEADLINE_SECONDS, every: float = 0.02
) -> T:
    """Wait until `condition` gives something true and return that; fail with its last answer after `within`."""
    deadline = time.monotonic() + within
    while True:
        answer = condition()
        value: T = await answer if isinstance(answer, Awaitable) else answer
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s; the last answer was {value!r}")
        await asyncio.sleep(every)
