"""Empties the outbox: every message goes to every sink, in order, at least once."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog

from switchover.model.backoff import Backoff
from switchover.model.clock import Clock
from switchover.model.errors import StoreUnavailable
from switchover.model.trail import OutboxMessage
from switchover.notify.outbox import Bell, Outbox, Sink

_log = structlog.get_logger(__name__)

BATCH = 100
POLL_SECONDS = 5.0
SINK_TIMEOUT_SECONDS = 30.0
RETRY = Backoff(first_seconds=0.5, most_seconds=30.0)


class Relay:
    """Hands messages over as soon as the bell says that there are some, and looks by itself every few seconds."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        sinks: Sequence[Sink],
        clock: Clock,
        bell: Bell,
        replica_id: UUID | None = None,
    ) -> None:
        self._outbox = outbox
        self._sinks = tuple(sinks)
        self._clock = clock
        self._bell = bell
        self._replica_id = replica_id

    async def run(self) -> None:
        """Hand over until cancelled."""
        failures = 0
        while True:
            try:
                handed_over = await self.hand_over_batch()
            except StoreUnavailable as error:
                _log.error("could not read the outbox", error=str(error), fault="ours")
                await self._clock.sleep(RETRY.delay(failures))
                failures += 1
                continue
            failures = 0
            if handed_over < BATCH:
                await self._bell.wait(POLL_SECONDS)

    async def hand_over_batch(self) -> int:
        """Hand over the oldest messages; how many.

        Raises:
            StoreUnavailable: The outbox did not answer; what was handed over without being noted comes again.
        """
        messages = await self._outbox.pending_messages(BATCH, self._replica_id)
        for message in messages:
            for sink in self._sinks:
                await self._hand_over(sink, message)
        if messages:
            await self._outbox.mark_delivered([m.message_id for m in messages], self._clock.now())
        return len(messages)

    async def _hand_over(self, sink: Sink, message: OutboxMessage) -> None:
        try:
            async with asyncio.timeout(SINK_TIMEOUT_SECONDS):
                await sink.hand_over(message)
        except Exception as error:  # noqa: BLE001 - a sink may raise anything; it must harm nobody else
            _log.error(
                "sink failed",
                sink=type(sink).__name__,
                message_id=str(message.message_id),
                topic=message.topic.value,
                error=f"{type(error).__name__}: {error}",
                fault="operator",
            )
