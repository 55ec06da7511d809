"""PURE: evidence about a proxy's instances becomes the state that a decision looks at."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from switchover.control.fleet import ProxyState, Turn
from switchover.control.sightings import sighted, sighting_of
from switchover.health.belief import taken_in
from switchover.health.machine import HealthChange
from switchover.model.instance import Instance, Usage
from switchover.model.observation import InstanceHealth, Observation, Outcome, Report
from switchover.model.plan import EndpointTraffic

OpenRequests = Mapping[tuple[str, UUID, int], int]

LATENCY_SMOOTHING = 0.3
"""How much one probe counts in the moving average of an instance's latency."""

MOST_TURNS = 1000
"""How many transitions of a proxy wait for the store while it is away; the oldest go first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What has come in about one proxy since its last pass.

    Attributes:
        observations: Of its probes, in the order they ended.
        reports: Verdicts, in the order they arrived.
        traffic: What nodes carried to its instances.
    """

    observations: tuple[Observation, ...] = ()
    reports: tuple[Report, ...] = ()
    traffic: tuple[EndpointTraffic, ...] = ()

    def and_then(self, later: "Evidence") -> "Evidence":
        """This evidence and what came after it."""
        return Evidence(
            observations=self.observations + later.observations,
            reports=self.reports + later.reports,
            traffic=self.traffic + later.traffic,
        )

    @property
    def instance_ids(self) -> frozenset[UUID]:
        """The instances that it is about."""
        return frozenset(
            [observation.instance_id for observation in self.observations]
            + [report.instance_id for report in self.reports]
            + [account.instance_id for account in self.traffic]
        )


NO_EVIDENCE = Evidence()


def believe(state: ProxyState, evidence: Evidence, vantage: str | None = None) -> ProxyState:
    """The state once `evidence`, seen from `vantage`, is taken in. What is about an instance that is gone is dropped."""
    policy = state.proxy.policy
    instances = dict(state.instances)
    turns, seen = list(state.turns), []
    for observation in evidence.observations:
        instance = instances.get(observation.instance_id)
        if instance is not None:
            reported = observation.instance_id in state.reporting
            change = taken_in(instance.health, observation, policy)
            instances[instance.instance_id] = _observed(
                instance, observation, change.after, reported=reported
            )
            turns += _turned(instance, change)
            seen.append(sighting_of(observation, vantage))
    for verdict in evidence.reports:
        instance = instances.get(verdict.instance_id)
        if instance is not None:
            change = taken_in(instance.health, verdict, policy)
            instances[instance.instance_id] = replace(instance, health=change.after)
            turns += _turned(instance, change)
            seen.append(sighting_of(verdict, vantage))
    for account in evidence.traffic:
        instance = instances.get(account.instance_id)
        if instance is not None:
            reported = account.instance_id in state.reporting
            usage = _carried(instance.usage, account, reported=reported)
            instances[instance.instance_id] = replace(instance, usage=usage)
    open_requests, connections = state.open_requests, state.connections
    if evidence.traffic:
        open_requests = _open_requests(open_requests, evidence.traffic)
        connections = _connections(connections, open_requests, evidence.traffic)
    return replace(
        state,
        instances=instances,
        connections=connections,
        open_requests=open_requests,
        unseen=state.unseen - _seen(evidence),
        turns=tuple(turns[-MOST_TURNS:]),
        sightings=sighted(state.sightings, seen),
    )


def _turned(instance: Instance, change: HealthChange) -> tuple[Turn, ...]:
    return (Turn(instance_id=instance.instance_id, change=change),) if change.changed else ()


def _seen(evidence: Evidence) -> frozenset[UUID]:
    told = (o.instance_id for o in evidence.observations if o.outcome is not Outcome.INCONCLUSIVE)
    return frozenset((*told, *(verdict.instance_id for verdict in evidence.reports)))


def _observed(
    instance: Instance, observation: Observation, health: InstanceHealth, *, reported: bool
) -> Instance:
    passed = observation.outcome is Outcome.PASS
    # A failing probe says nothing about where the name should lead; nodes keep the address that worked.
    resolved = observation.resolved_host if passed or instance.resolved_host is None else None
    usage = instance.usage
    if passed and observation.latency_ms is not None and not reported:
        usage = replace(usage, average_latency_ms=_smoothed(usage.average_latency_ms, observation.latency_ms))
    return replace(instance, health=health, resolved_host=resolved or instance.resolved_host, usage=usage)


def _smoothed(average: float | None, latest: float) -> float:
    if average is None:
        return latest
    return average + LATENCY_SMOOTHING * (latest - average)


def _carried(usage: Usage, account: EndpointTraffic, *, reported: bool) -> Usage:
    total = usage.total_requests + account.successes + account.errors
    failed = usage.failed_requests + account.errors
    return replace(
        usage,
        total_requests=total,
        successful_requests=usage.successful_requests + account.successes,
        failed_requests=failed,
        error_rate=usage.error_rate if reported or total == 0 else failed / total,
    )


def _open_requests(before: OpenRequests, traffic: tuple[EndpointTraffic, ...]) -> OpenRequests:
    """What is open where; what a node said last of an instance in an epoch is the truth about that."""
    told = {(a.node_id, a.instance_id, a.epoch): a.in_progress for a in traffic}
    return {key: count for key, count in {**before, **told}.items() if count}


def _connections(
    before: Mapping[UUID, int], open_requests: OpenRequests, traffic: tuple[EndpointTraffic, ...]
) -> Mapping[UUID, int]:
    told = {account.instance_id: 0 for account in traffic}
    for (_, instance_id, _), count in open_requests.items():
        if instance_id in told:
            told[instance_id] += count
    return {**before, **told}
