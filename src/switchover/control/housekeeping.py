"""Slow work: counters are flushed in batches, history past its retention is pruned."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from switchover.control.fleet import Fleet
from switchover.control.ownership import Ownership
from switchover.model.clock import Clock
from switchover.model.errors import StoreUnavailable
from switchover.record.store import Store

_log = structlog.get_logger(__name__)

FLUSH_SECONDS = 5.0
PRUNE_SECONDS = 3600.0
_NO_MESSAGE = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long history is kept.

    Attributes:
        events: Closed failover events.
        metrics: Samples of instances.
        messages: Outbox messages that were handed over.
        transitions: Changes of what was believed of instances' health; simulations reach back as far.
    """

    events: timedelta = timedelta(days=365)
    metrics: timedelta = timedelta(days=14)
    messages: timedelta = timedelta(days=7)
    transitions: timedelta = timedelta(days=90)


class Housekeeping:
    """Flushes and prunes."""

    def __init__(
        self, *, fleet: Fleet, store: Store, ownership: Ownership, clock: Clock, retention: Retention
    ) -> None:
        self._fleet = fleet
        self._ownership = ownership
        self._store = store
        self._clock = clock
        self._retention = retention

    async def run(self) -> None:
        """Work until cancelled; what is not flushed then is flushed by `flush`."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._flush_often(), name="flush")
            tasks.create_task(self._prune_seldom(), name="prune")

    async def flush(self, *instance_ids: UUID) -> None:
        """Store every counter that is newer in memory, of these instances alone if any are named; what the store does
        not take stays due.
        """
        instances, fences = self._fleet.take_unflushed(*instance_ids)
        if not instances:
            return
        try:
            await self._store.flush_instances(instances, None if self._ownership.replica is None else fences)
        except StoreUnavailable as error:
            for instance in instances:
                self._fleet.mark_unflushed(instance.proxy_id, instance.instance_id)
            _log.error("could not flush counters", instances=len(instances), error=str(error), fault="ours")

    async def ask(self) -> None:
        """Make a write that changes nothing, to learn whether the store takes writes.

        Raises:
            StoreUnavailable: It does not.
        """
        await self._store.mark_delivered((_NO_MESSAGE,), self._clock.now())

    async def _flush_often(self) -> None:
        while True:
            await self._clock.sleep(FLUSH_SECONDS)
            await self.flush()

    async def _prune_seldom(self) -> None:
        while True:
            now = self._clock.now()
            try:
                await self._store.prune(
                    events_before=now - self._retention.events,
                    metrics_before=now - self._retention.metrics,
                    messages_before=now - self._retention.messages,
                    transitions_before=now - self._retention.transitions,
                )
            except StoreUnavailable as error:
                _log.error("could not prune", error=str(error), fault="ours")
            await self._clock.sleep(PRUNE_SECONDS)
