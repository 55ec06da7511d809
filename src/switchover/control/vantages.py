"""What several replicas see of the same instances: ours for the owners of others' proxies, theirs for ours."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

import structlog

from switchover.control.alarm import Alarm
from switchover.control.fleet import Fleet, ProxyState
from switchover.control.ownership import Ownership
from switchover.control.selfwatch import SelfWatch
from switchover.decision.quorum import asks_observers
from switchover.health.machine import observe
from switchover.model.clock import Clock
from switchover.model.errors import StoreUnavailable
from switchover.model.observation import UNSEEN, Health, InstanceHealth, Observation
from switchover.model.vantage import Vantage, VantageReport
from switchover.record.exchange import Exchange

_log = structlog.get_logger(__name__)

REFRESH_SECONDS = 30.0
"""How often an observer repeats itself when nothing changed."""
FRESH_SECONDS = 3 * REFRESH_SECONDS
"""How long what an observer told counts."""
AGAIN_SECONDS = 0.5
BATCH = 500
"""How many reports are told at once."""

_NOBODY: Mapping[UUID, tuple[Vantage, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Heard:
    report: VantageReport
    at: float


class Vantages:
    """Observes for the owners of other proxies, and hears the observers of ours.

    What we see of another's instance never becomes part of the proxy's state: that is its owner's word. Told are
    changes of our belief at once, and all of it every `REFRESH_SECONDS`.

    Args:
        fleet: Whose policies ask for a quorum.
        ownership: Says who observes what.
        ourselves: While we doubt ourselves, what we see down is not told.
        exchange: By which replicas tell each other; None when we are alone.
        clock: Measures ages.
    """

    def __init__(
        self,
        *,
        fleet: Fleet,
        ownership: Ownership,
        ourselves: SelfWatch,
        exchange: Exchange | None,
        clock: Clock,
    ) -> None:
        self._fleet = fleet
        self._ownership = ownership
        self._ourselves = ourselves
        self._exchange = exchange
        self._clock = clock
        self._seen: dict[UUID, InstanceHealth] = {}
        self._unsent: set[UUID] = set()
        self._heard: dict[str, dict[tuple[UUID, UUID], _Heard]] = {}
        self._bell = Alarm(clock)

    def observers(self, state: ProxyState) -> int:
        """How many replicas look at this proxy's instances, we among them."""
        count = state.proxy.policy.quorum.observers
        # Alone there is nobody to ask but us.
        return max(1, len(self._ownership.observers(state.proxy.proxy_id, count))) if count > 1 else 1

    def of(self, state: ProxyState, now: datetime) -> Mapping[UUID, tuple[Vantage, ...]]:
        """How the other observers see the instances of a proxy of ours: what is fresh, of those who live and are asked."""
        proxy_id, quorum = state.proxy.proxy_id, state.proxy.policy.quorum
        if not quorum.is_on or proxy_id not in self._heard:
            return _NOBODY
        observers = self._ownership.observers(proxy_id, quorum.observers)
        found: dict[UUID, list[Vantage]] = {}
        for heard in self._heard[proxy_id].values():
            report, ago = heard.report, self._age(heard)
            name = self._ownership.name_of(report.replica_id)
            if report.replica_id not in observers or name is None or ago > FRESH_SECONDS:
                continue
            found.setdefault(report.instance_id, []).append(
                Vantage(
                    observer=name,
                    health=report.health,
                    consecutive_failures=report.consecutive_failures,
                    at=now - timedelta(seconds=ago),
                )
            )
        return {i: tuple(sorted(each, key=lambda vantage: vantage.observer)) for i, each in found.items()}

    def believed(self, instance_id: UUID) -> InstanceHealth:
        """What we see of another's instance."""
        return self._seen.get(instance_id, UNSEEN)

    def saw(self, state: ProxyState, observation: Observation) -> InstanceHealth:
        """Take note of what a probe of another's instance found; what we believe of it since."""
        policy, before = state.proxy.policy, self.believed(observation.instance_id)
        change = observe(before, observation, rise=policy.healthy_threshold, fall=policy.unhealthy_threshold)
        self._seen[observation.instance_id] = change.after
        if change.changed:
            self._tell(observation.instance_id)
        return change.after

    def forget(self, instance_ids: Iterable[UUID]) -> None:
        """Observe these instances no more."""
        for instance_id in instance_ids:
            self._seen.pop(instance_id, None)
            self._unsent.discard(instance_id)

    def repeat(self) -> None:
        """Tell everything again, because we began or ceased to doubt ourselves."""
        for instance_id in self._seen:
            self._tell(instance_id)

    async def heed(self, proxy_ids: Iterable[str] | None = None) -> Sequence[str]:
        """Look at what observers told about these proxies, or about all of ours; those of ours of which it changed.

        Raises:
            StoreUnavailable: The store did not answer; we know what we knew.
        """
        if proxy_ids is None:
            proxy_ids = [s.proxy.proxy_id for s in self._fleet if asks_observers(s.proxy.policy)]
            for gone in self._heard.keys() - set(proxy_ids):
                del self._heard[gone]
        ours = [proxy_id for proxy_id in sorted(proxy_ids) if self._is_asked_about(proxy_id)]
        if self._exchange is None or not ours:
            return ()
        at = self._clock.monotonic()
        reports = await self._exchange.vantages(ours)
        before = {proxy_id: _opinions(self._heard.get(proxy_id, {})) for proxy_id in ours}
        for proxy_id in ours:
            self._heard[proxy_id] = {}
        for report in reports:
            if report.replica_id != self._ownership.replica_id:
                key = report.instance_id, report.replica_id
                self._heard[report.proxy_id][key] = _Heard(report, at)
        return [p for p in ours if _opinions(self._heard[p]) != before[p]]

    async def run(self) -> None:
        """Tell what we see, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat_often(), name="repeated vantages")
            tasks.create_task(self._send(), name="vantages")

    def _is_asked_about(self, proxy_id: str) -> bool:
        if proxy_id not in self._fleet or not self._ownership.holds(proxy_id):
            return False
        return asks_observers(self._fleet.state(proxy_id).proxy.policy)

    def _age(self, heard: _Heard) -> float:
        return heard.report.age_seconds + self._clock.monotonic() - heard.at

    def _tell(self, instance_id: UUID) -> None:
        self._unsent.add(instance_id)
        self._bell.ring()

    async def _repeat_often(self) -> None:
        while True:
            await self._clock.sleep(REFRESH_SECONDS)
            self.repeat()

    async def _send(self) -> None:
        while True:
            await self._bell.wait(None)
            while self._unsent:
                # Not the whole set: what changes while it is sent must be sent again.
                batch = sorted(self._unsent)[:BATCH]
                self._unsent.difference_update(batch)
                try:
                    await self._send_these(batch)
                except StoreUnavailable as error:
                    _log.error("could not tell what we see", error=str(error), fault="ours")
                    self._unsent.update(i for i in batch if i in self._seen)
                    await self._clock.sleep(AGAIN_SECONDS)

    async def _send_these(self, instance_ids: Sequence[UUID]) -> None:
        replica_id = self._ownership.replica_id
        if self._exchange is None or replica_id is None:
            return
        reports = [report for i in instance_ids if (report := self._report(i, replica_id)) is not None]
        if reports:
            await self._exchange.note_vantages(reports)

    def _report(self, instance_id: UUID, replica_id: UUID) -> VantageReport | None:
        seen, proxy_id = self._seen.get(instance_id), self._fleet.home_of(instance_id)
        if seen is None or proxy_id is None:
            return None
        doubted = seen.state is Health.UNHEALTHY and self._ourselves.doubt is not None
        return VantageReport(
            proxy_id=proxy_id,
            instance_id=instance_id,
            replica_id=replica_id,
            health=Health.UNKNOWN if doubted else seen.state,
            consecutive_failures=seen.consecutive_failures,
        )


def _opinions(heard: Mapping[tuple[UUID, UUID], _Heard]) -> Mapping[tuple[UUID, UUID], Health]:
    return {key: each.report.health for key, each in heard.items()}
