"""A sink of functions: what a program that uses the library wants to be called for."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from switchover.model.trail import OutboxMessage, Topic

Callback = Callable[[Mapping[str, Any]], Awaitable[None] | None]
"""A function or coroutine function of the message's payload. What it returns is ignored."""


class Callbacks:
    """At most one callback per topic. None takes it off.

    A plain function runs in a thread of its own, so that a slow one stalls nobody.
    """

    def __init__(self) -> None:
        self._callbacks: dict[Topic, Callback] = {}

    def set(self, topic: Topic, callback: Callback | None) -> None:
        """Call `callback` for messages of `topic`, in place of the former one."""
        if callback is None:
            self._callbacks.pop(topic, None)
        else:
            self._callbacks[topic] = callback

    async def hand_over(self, message: OutboxMessage) -> None:
        """Call whoever wants this message. An unhealthy instance concerns recovery only while that is on, and not where
        each attempt calls by itself.
        """
        if message.topic is Topic.INSTANCE_UNHEALTHY and (
            not message.payload.get("autoRecovery") or message.payload.get("recoveryAction") == "callback"
        ):
            return
        await self.call(message.topic, message.payload)

    async def call(self, topic: Topic, payload: Mapping[str, Any]) -> bool:
        """Call whoever wants messages of `topic`; whether there is anybody. What it raises is raised."""
        callback = self._callbacks.get(topic)
        if callback is None:
            return False
        if inspect.iscoroutinefunction(callback):
            await callback(payload)
            return True
        answer = await asyncio.to_thread(callback, payload)
        if inspect.isawaitable(answer):
            await answer
        return True
