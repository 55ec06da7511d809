"""Probes every instance in its rhythm and hands what was observed to the dispatcher."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, replace
from uuid import UUID

from switchover.control.agenda import Agenda
from switchover.control.alarm import Alarm
from switchover.control.beliefs import Evidence
from switchover.control.dispatcher import Dispatcher
from switchover.control.fleet import Fleet, ProxyState
from switchover.control.ownership import Ownership
from switchover.control.schedule import Timing, next_deadline, next_due, phase_of
from switchover.control.selfwatch import REFERENCE_SECONDS, SelfWatch
from switchover.control.vantages import Vantages
from switchover.decision.quorum import asks_observers
from switchover.health.belief import taken_in
from switchover.model.address import Address
from switchover.model.clock import Clock
from switchover.model.instance import Instance
from switchover.model.observation import Observation
from switchover.model.policy import CheckType, FailoverPolicy, HealthCheck
from switchover.model.proxy import Proxy
from switchover.probe.prober import DueProbe, Prober

BATCH = 500
"""How many due probes are handed over at once."""


@dataclass(slots=True, kw_only=True)
class _Rhythm:
    """Where one instance stands in its rhythm; seconds on the monotonic clock."""

    asks: tuple[Address | None, HealthCheck]
    timing: Timing
    heard: float
    missed: float | None = None
    started: float | None = None
    in_flight: bool = False
    stale: bool = False


class Collector:
    """Keeps the agenda of probes.

    Args:
        fleet: Whose instances are probed.
        ownership: Says which of them are ours to probe.
        vantages: Takes what is observed of others' proxies.
        ourselves: Is shown everything that is observed, and has reference targets of its own.
        prober: Who probes them.
        dispatcher: Who is given the observations.
        clock: Its monotonic clock drives the rhythm.
    """

    def __init__(
        self,
        *,
        fleet: Fleet,
        ownership: Ownership,
        vantages: Vantages,
        ourselves: SelfWatch,
        prober: Prober,
        dispatcher: Dispatcher,
        clock: Clock,
    ) -> None:
        self._fleet = fleet
        self._ownership = ownership
        self._vantages = vantages
        self._ourselves = ourselves
        self._prober = prober
        self._dispatcher = dispatcher
        self._clock = clock
        self._agenda: Agenda[UUID] = Agenda()
        self._rhythms: dict[UUID, _Rhythm] = {}
        self._instances_of: dict[str, frozenset[UUID]] = {}
        self._alarm = Alarm(clock)

    def refresh(self, proxy_id: str) -> None:
        """Take note of what changed about a proxy: new instances and new questions are asked at once."""
        state = self._fleet.state(proxy_id) if self._is_probed(proxy_id) else None
        instances = state.instances if state else {}
        gone = self._instances_of.pop(proxy_id, frozenset()) - instances.keys()
        for instance_id in gone:
            self._rhythms.pop(instance_id, None)
            self._agenda.drop(instance_id)
        self._ourselves.forget(gone)
        observed = state is not None and not self._ownership.holds(proxy_id)
        self._vantages.forget(gone if observed else (*gone, *instances))
        if state is not None:
            self._instances_of[proxy_id] = frozenset(instances)
            for instance in instances.values():
                self._follow(instance, state.proxy)
        self._alarm.ring()

    def refresh_observed(self) -> None:
        """Take note that other replicas came or went, or own other proxies: who observes what may have changed."""
        for state in self._fleet:
            if asks_observers(state.proxy.policy):
                self.refresh(state.proxy.proxy_id)

    def hurry(self, instance_id: UUID) -> None:
        """Probe an instance at once, because the data plane reports errors on it."""
        rhythm = self._rhythms.get(instance_id)
        if rhythm is not None and not rhythm.in_flight and not _is_heartbeat(rhythm):
            self._agenda.put_earlier(instance_id, self._clock.monotonic())
            self._alarm.ring()

    def heard(self, instance_id: UUID) -> None:
        """Note that somebody reported about an instance: its heartbeat's deadline starts anew."""
        rhythm = self._rhythms.get(instance_id)
        if rhythm is not None:
            rhythm.heard, rhythm.missed = self._clock.monotonic(), None
            if _is_heartbeat(rhythm) and not rhythm.in_flight:
                self._agenda.put(instance_id, _deadline(rhythm))
                self._alarm.ring()

    async def run(self) -> None:
        """Probe until cancelled."""
        for state in self._fleet:
            self.refresh(state.proxy.proxy_id)
        for target in self._ourselves.references:
            self._agenda.put(target, self._clock.monotonic())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._prober.run(), name="prober")
            tasks.create_task(self._submit(), name="due probes")
            tasks.create_task(self._collect(), name="observations")

    def _follow(self, instance: Instance, proxy: Proxy) -> None:
        instance_id, policy = instance.instance_id, proxy.policy
        if not _is_asked(instance, policy):
            self._rhythms.pop(instance_id, None)
            self._agenda.drop(instance_id)
            return
        now, timing = self._clock.monotonic(), _timing(instance_id, policy)
        asks = (instance.address, policy.health_check)
        former = self._rhythms.get(instance_id)
        if former is not None and former.asks == asks:
            if former.timing != timing:
                former.timing = timing
                if not former.in_flight:
                    self._agenda.put_earlier(instance_id, self._due(former, instance, now))
            return
        rhythm = _Rhythm(asks=asks, timing=timing, heard=now)
        if former is not None and former.in_flight:
            # Its answer will be about the old question; it is dropped, and then the new one is asked.
            rhythm.in_flight = rhythm.stale = True
        else:
            self._agenda.put(instance_id, self._due(rhythm, instance, now))
        self._rhythms[instance_id] = rhythm

    def _due(self, rhythm: _Rhythm, instance: Instance, now: float) -> float:
        in_transition = instance.health.in_transition
        if _is_heartbeat(rhythm):
            return _deadline(rhythm, in_transition=in_transition)
        if rhythm.started is None:
            return now
        return next_due(rhythm.timing, started=rhythm.started, ended=now, in_transition=in_transition)

    async def _submit(self) -> None:
        while True:
            earliest = self._agenda.earliest()
            await self._alarm.wait(None if earliest is None else earliest - self._clock.monotonic())
            now = self._clock.monotonic()
            due = [
                probe for key in self._agenda.take(now, BATCH) if (probe := self._probe(key, now)) is not None
            ]
            if due:
                await self._prober.submit(due)

    def _probe(self, instance_id: UUID, now: float) -> DueProbe | None:
        if instance_id in self._ourselves.references:
            return self._ourselves.references[instance_id]
        rhythm = self._rhythms.get(instance_id)
        if rhythm is None:
            return None
        state = self._watched(instance_id)
        if state is None:
            # Its proxy is another replica's now, or it is gone; whoever makes it ours again refreshes it.
            del self._rhythms[instance_id]
            return None
        address, check = rhythm.asks
        rhythm.in_flight, rhythm.started = True, now
        policy = state.proxy.policy
        return DueProbe(
            instance_id=instance_id,
            address=address,
            check=check,
            timeout_seconds=policy.health_check_timeout_seconds,
        )

    async def _collect(self) -> None:
        while True:
            seen: dict[str, list[Observation]] = defaultdict(list)
            for observation in await self._prober.observations():
                proxy_id = self._take_in(observation)
                if proxy_id is not None:
                    seen[proxy_id].append(observation)
            for proxy_id, observations in seen.items():
                self._dispatcher.take(proxy_id, Evidence(observations=tuple(observations)))

    def _is_probed(self, proxy_id: str) -> bool:
        if proxy_id not in self._fleet:
            return False
        return self._ownership.holds(proxy_id) or self._ownership.observes(proxy_id)

    def _watched(self, instance_id: UUID) -> ProxyState | None:
        proxy_id = self._fleet.home_of(instance_id)
        return None if proxy_id is None or not self._is_probed(proxy_id) else self._fleet.state(proxy_id)

    def _take_in(self, observation: Observation) -> str | None:
        """Put the instance's next probe on the agenda; the proxy to tell, None when the answer is of no use."""
        instance_id, now = observation.instance_id, self._clock.monotonic()
        if instance_id in self._ourselves.references:
            self._ourselves.saw_reference(observation)
            self._agenda.put(instance_id, now + REFERENCE_SECONDS)
            self._alarm.ring()
            return None
        rhythm = self._rhythms.get(instance_id)
        if rhythm is None:
            return None
        state = self._watched(instance_id)
        if state is None:
            del self._rhythms[instance_id]
            return None
        rhythm.in_flight = False
        self._alarm.ring()
        if rhythm.stale:
            rhythm.stale, rhythm.started = False, None
            self._agenda.put(instance_id, now)
            return None
        if _is_heartbeat(rhythm):
            if rhythm.started is not None and rhythm.heard >= rhythm.started:
                self._agenda.put(instance_id, _deadline(rhythm))
                return None
            rhythm.missed = now
        instance, ours = state.instances[instance_id], self._ownership.holds(state.proxy.proxy_id)
        if ours:
            instance = _after(instance, observation, state.proxy.policy)
        else:
            # What its owner believes is in the state; what we see is for the owner to hear.
            instance = replace(instance, health=self._vantages.saw(state, observation))
        self._agenda.put(instance_id, self._due(rhythm, instance, now))
        self._ourselves.saw(observation, instance.health)
        for other in self._ourselves.second_looks():
            self.hurry(other)
        return state.proxy.proxy_id if ours else None


def _after(instance: Instance, observation: Observation, policy: FailoverPolicy) -> Instance:
    # The pass that takes the observation in may have to wait for the store; the rhythm must not.
    return replace(instance, health=taken_in(instance.health, observation, policy).after)


def _deadline(rhythm: _Rhythm, *, in_transition: bool = True) -> float:
    return next_deadline(rhythm.timing, heard=rhythm.heard, missed=rhythm.missed, in_transition=in_transition)


def _is_asked(instance: Instance, policy: FailoverPolicy) -> bool:
    match policy.health_check.type:
        case CheckType.NONE:
            return False
        case CheckType.HEARTBEAT:
            return True
        case _:
            return instance.address is not None


def _is_heartbeat(rhythm: _Rhythm) -> bool:
    return rhythm.asks[1].type is CheckType.HEARTBEAT


def _timing(instance_id: UUID, policy: FailoverPolicy) -> Timing:
    return Timing(
        interval_seconds=policy.health_check_interval_seconds,
        fast_interval_seconds=policy.fast_interval_seconds,
        phase=phase_of(instance_id),
    )
