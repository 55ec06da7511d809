"""Evidence in, passes out: one pass per proxy at a time, and whatever came meanwhile in the next one."""

import asyncio
from datetime import datetime

import structlog

from switchover.control.agenda import Agenda
from switchover.control.alarm import Alarm
from switchover.control.beliefs import NO_EVIDENCE, Evidence
from switchover.control.cycle import Cycle, PassResult
from switchover.control.fleet import Fleet
from switchover.control.ownership import Ownership
from switchover.model.clock import Clock
from switchover.model.errors import Conflict, LostLease, NotFound, OwnedElsewhere, StoreUnavailable

_log = structlog.get_logger(__name__)

TICK_SECONDS = 15.0
"""The slow safety tick: every proxy gets a pass at least this often, evidence or not."""

AGAIN_SECONDS = 1.0
"""When a pass that could not be recorded is tried again."""

MOST_PASSES_AT_ONCE = 64


class Dispatcher:
    """Runs a pass for a proxy as soon as there is a reason to.

    The inbox is bounded by what feeds it: one probe per instance in flight, one account per node.
    """

    def __init__(
        self,
        *,
        fleet: Fleet,
        ownership: Ownership,
        cycle: Cycle,
        clock: Clock,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self._fleet = fleet
        self._ownership = ownership
        self._cycle = cycle
        self._clock = clock
        self._tick_seconds = tick_seconds
        self._inbox: dict[str, Evidence] = {}
        self._busy: set[str] = set()
        self._rechecks: Agenda[str] = Agenda()
        self._alarm = Alarm(clock)
        self._room = asyncio.Semaphore(MOST_PASSES_AT_ONCE)
        self._tasks: asyncio.TaskGroup | None = None

    def take(self, proxy_id: str, evidence: Evidence = NO_EVIDENCE) -> None:
        """Give evidence about a proxy to its next pass, which starts at once; another replica's proxy gets none."""
        if not self._ownership.holds(proxy_id):
            return
        self._inbox[proxy_id] = self._inbox.get(proxy_id, NO_EVIDENCE).and_then(evidence)
        if self._tasks is not None and proxy_id not in self._busy:
            self._busy.add(proxy_id)
            self._tasks.create_task(self._drain(proxy_id), name=f"passes of {proxy_id}")

    def recheck(self, proxy_id: str, at: datetime) -> None:
        """Run a pass at `at`, when time alone may change the decision."""
        delay = max(0.0, (at - self._clock.now()).total_seconds())
        self._rechecks.put_earlier(proxy_id, self._clock.monotonic() + delay)
        self._alarm.ring()

    def heed(self, result: PassResult) -> None:
        """Take note of a pass's wish to be looked at again."""
        if result.decision.recheck_at is not None:
            self.recheck(result.state.proxy.proxy_id, result.decision.recheck_at)

    async def run(self) -> None:
        """Run passes until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for proxy_id in tuple(self._inbox):
                self.take(proxy_id)
            tasks.create_task(self._watch_rechecks(), name="rechecks")
            try:
                await self._tick()
            finally:
                self._tasks = None

    async def _drain(self, proxy_id: str) -> None:
        try:
            while proxy_id in self._inbox:
                evidence = self._inbox.pop(proxy_id)
                async with self._room:
                    await self._pass(proxy_id, evidence)
        finally:
            self._busy.discard(proxy_id)

    async def _pass(self, proxy_id: str, evidence: Evidence) -> None:
        if proxy_id not in self._fleet:
            return
        try:
            await self._cycle.run(proxy_id, evidence)
        except NotFound:
            _log.info("proxy is gone, its evidence is dropped", proxy_id=proxy_id)
        except Conflict as conflict:
            _log.warning("somebody else moved the proxy first", proxy_id=proxy_id, state=dict(conflict.state))
        except (OwnedElsewhere, LostLease):
            # Its owner decides. If our session is over and nobody takes it, the recheck finds it renewed.
            if self._ownership.holds(proxy_id):
                self._again_soon(proxy_id)
        except StoreUnavailable:
            # The cycle has told. What was believed is kept; the recheck decides again.
            self._again_soon(proxy_id)
        except Exception:  # noqa: BLE001 - see below
            # One proxy's bug must not stop the passes of the others; the tick tries again.
            _log.exception("pass failed", proxy_id=proxy_id, fault="ours")

    def _again_soon(self, proxy_id: str) -> None:
        self._rechecks.put_earlier(proxy_id, self._clock.monotonic() + AGAIN_SECONDS)
        self._alarm.ring()

    async def _watch_rechecks(self) -> None:
        while True:
            earliest = self._rechecks.earliest()
            await self._alarm.wait(None if earliest is None else earliest - self._clock.monotonic())
            for proxy_id in self._rechecks.take(self._clock.monotonic(), MOST_PASSES_AT_ONCE):
                self.take(proxy_id)

    async def _tick(self) -> None:
        while True:
            proxy_ids = [p for p in (s.proxy.proxy_id for s in self._fleet) if self._ownership.holds(p)]
            # Spread over the interval, so that a thousand passes do not come at once.
            pause = self._tick_seconds / max(1, len(proxy_ids))
            for proxy_id in proxy_ids:
                await self._clock.sleep(pause)
                self.take(proxy_id)
            if not proxy_ids:
                await self._clock.sleep(self._tick_seconds)
