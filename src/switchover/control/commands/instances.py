"""Registering, changing, ordering, reporting about and deleting instances."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from switchover.control.beliefs import Evidence
from switchover.control.commands.words import checked_reason
from switchover.control.cycle import BY_POLICY
from switchover.control.desk import Desk
from switchover.control.documents import (
    InstanceData,
    MetricsData,
    parse_admin_order,
    parse_health,
    parse_instance,
    parse_instance_changes,
    parse_metrics,
)
from switchover.control.fleet import ProxyState
from switchover.control.intent import Order
from switchover.control.results import InstanceState
from switchover.control.states import instance_state
from switchover.control.telling import time_text
from switchover.decision.damping import cleared
from switchover.model.actor import Actor
from switchover.model.address import Address
from switchover.model.errors import Conflict, FieldProblem, InvalidInput
from switchover.model.instance import Instance
from switchover.model.metrics import InstanceMetrics
from switchover.model.observation import UNSEEN, Report
from switchover.probe.errors import AddressRefused, NameNotFound, ResolutionFailed

RESOLVE_SECONDS = 2.0


class InstanceCommands:
    """Changes what people say about single instances."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def register(self, proxy_id: str, data: Mapping[str, Any], actor: Actor) -> InstanceState:
        """Add an instance to a proxy; its first probe starts at once.

        Raises:
            InvalidInput: A field is wrong, or the address is one we never contact.
            NotFound: There is no such proxy for this actor.
            Conflict: The name is taken, or the proxy has as many instances as are allowed.
        """
        desk = self._desk
        desk.ours(proxy_id, actor)
        given = parse_instance(data)
        resolved_host = await self._resolve(given.address)
        async with desk.changing(proxy_id):
            state = desk.ours(proxy_id, actor)
            if len(state.instances) >= desk.limits.instances_per_proxy:
                raise Conflict(
                    f"instanceData: {given.name!r} would be one instance too many; "
                    f"allowed are {desk.limits.instances_per_proxy} per proxy",
                    {"instances": len(state.instances)},
                )
            instance = Instance(
                instance_id=desk.ids(),
                proxy_id=proxy_id,
                **_said(given),
                resolved_host=resolved_host,
                created_at=desk.clock.now(),
            )
            trail = desk.trail(
                actor,
                "instance.register",
                proxy_id,
                subject_id=instance.instance_id,
                detail=_described(given),
            )
            await desk.store.add_instance(instance, trail, fence=state.fence)
            desk.fleet.put(state.with_instance(instance))
        return await self._after(instance)

    async def change(self, instance_id: UUID, changes: Mapping[str, Any], actor: Actor) -> InstanceState:
        """Change what was registered. A new address is a new server: what was believed of the old one is forgotten.

        Raises:
            InvalidInput: A field is wrong, or the address is one we never contact.
            NotFound: There is no such instance for this actor.
            Conflict: The name is taken.
        """
        desk = self._desk
        state, stored = desk.our_home(instance_id, actor)
        given = parse_instance_changes(changes, stored)
        resolved_host = await self._resolve(given.address) if given.address != stored.address else None
        async with desk.changing(state.proxy.proxy_id):
            state, stored = desk.our_home(instance_id, actor)
            given = parse_instance_changes(changes, stored)
            instance = replace(stored, **_said(given))
            if instance == stored:
                return self._state(instance, state)
            if instance.address != stored.address:
                unseen = replace(UNSEEN, changed_at=desk.clock.now())
                instance = replace(instance, resolved_host=resolved_host, health=unseen)
            trail = desk.trail(
                actor,
                "instance.change",
                state.proxy.proxy_id,
                subject_id=instance_id,
                detail={"from": _described_instance(stored), "to": _described(given)},
            )
            await desk.store.save_instance(instance, trail, fence=state.fence)
            desk.fleet.put(state.with_instance(instance))
        return await self._after(instance)

    async def order(
        self,
        instance_id: UUID,
        admin_state: str,
        actor: Actor,
        *,
        reason: str | None = None,
        expires_in_seconds: float | None = None,
        drain_timeout_seconds: float | None = None,
    ) -> InstanceState:
        """Order an instance ready, to drain, or into maintenance. Draining the active moves it, if there is where to.

        Args:
            instance_id: The instance.
            admin_state: What it is to be.
            actor: Who orders it.
            reason: Why, for the record.
            expires_in_seconds: After which it reverts by itself to what it was before; None stands until the next order.
            drain_timeout_seconds: How long requests that are open there may take once its traffic has moved.

        Raises:
            InvalidInput: There is no such admin state, or a value is out of range.
            NotFound: There is no such instance for this actor.
            Conflict: Too many orders with an end lie on top of each other.
        """
        desk = self._desk
        ordered = parse_admin_order(admin_state, expires_in_seconds, drain_timeout_seconds)
        words = checked_reason(reason)
        state, _ = desk.our_home(instance_id, actor)
        async with desk.changing(state.proxy.proxy_id):
            state, stored = desk.our_home(instance_id, actor)
            if stored.admin_state is ordered.state and words is None and ordered.is_bare:
                standing = stored.admin_order
                if standing is None or standing.expires_at is None:
                    return self._state(stored, state)
            order = ordered.order(stored, state.proxy.epoch, actor.name, words, desk.clock.now())
            instance = stored.ordered(order, order.ordered_at)
            trail = desk.trail(
                actor,
                "instance.order",
                state.proxy.proxy_id,
                subject_id=instance_id,
                detail={
                    "from": stored.admin_state.value,
                    "to": order.state.value,
                    "reason": words,
                    "expiresAt": time_text(order.expires_at),
                },
            )
            await desk.store.save_instance(instance, trail, fence=state.fence)
            desk.fleet.put(state.with_instance(instance))
        return await self._after(
            instance, Order(actor=actor) if ordered.state.takes_traffic_away else BY_POLICY
        )

    async def undamp(self, instance_id: UUID, actor: Actor) -> InstanceState:
        """Clear an instance's damping: its flap score is 0, and its past moves count against it no more.

        Raises:
            NotFound: There is no such instance for this actor.
        """
        desk = self._desk
        state, _ = desk.our_home(instance_id, actor)
        async with desk.changing(state.proxy.proxy_id):
            state, stored = desk.our_home(instance_id, actor)
            now = desk.clock.now()
            damping = instance_state(stored, state, now).damping
            instance = cleared(stored, state.moves, now)
            detail = {
                "flapScore": round(damping.flap_score, 3),
                "dampedBy": [veto.value for veto in damping.vetoes],
                "dampedUntil": time_text(damping.until),
            }
            trail = desk.trail(
                actor, "instance.undamp", state.proxy.proxy_id, subject_id=instance_id, detail=detail
            )
            await desk.store.save_instance(instance, trail, fence=state.fence)
            desk.fleet.put(state.with_instance(instance))
        return await self._after(instance)

    async def delete(self, instance_id: UUID, actor: Actor) -> None:
        """Take an instance off its proxy; history keeps its name. Deleting the active is a failover.

        Raises:
            NotFound: There is no such instance for this actor.
        """
        desk = self._desk
        state, _ = desk.our_home(instance_id, actor)
        proxy_id = state.proxy.proxy_id
        async with desk.changing(proxy_id):
            state, stored = desk.our_home(instance_id, actor)
            trail = desk.trail(
                actor, "instance.delete", proxy_id, subject_id=instance_id, detail=_described_instance(stored)
            )
            await desk.store.delete_instance(instance_id, desk.clock.now(), trail, fence=state.fence)
            desk.fleet.put(state.without_instance(instance_id))
        await desk.pass_after(proxy_id)

    async def report(
        self, instance_id: UUID, health_status: str, metrics: Mapping[str, Any] | None, actor: Actor
    ) -> InstanceState:
        """Take a verdict about an instance's health at its word, with metrics if there are any.

        Raises:
            InvalidInput: The verdict or a metric is wrong; neither was taken.
            NotFound: There is no such instance for this actor.
            OwnedElsewhere, LostLease: The proxy has just changed hands; the verdict was not taken.
        """
        desk = self._desk
        verdict, sample = parse_health(health_status), parse_metrics(metrics)
        state, instance = desk.our_home(instance_id, actor)
        if not sample.is_empty:
            await self._sample(instance_id, sample, actor)
        desk.collector.heard(instance_id)
        reported = Report(instance_id=instance_id, verdict=verdict, reported_at=desk.clock.now())
        await desk.pass_after(state.proxy.proxy_id, Evidence(reports=(reported,)))
        if desk.ownership.replica is not None:
            # Whoever reads it may ask another replica, so it does not wait for the next batch.
            await desk.housekeeping.flush(instance_id)
        state, instance = desk.home(instance_id, actor)
        return self._state(instance, state)

    async def sample(self, instance_id: UUID, metrics: Mapping[str, Any], actor: Actor) -> InstanceMetrics:
        """Record a sample of metrics.

        Raises:
            InvalidInput: A metric is wrong, or there is none.
            NotFound: There is no such instance for this actor.
        """
        sample = parse_metrics(metrics)
        if sample.is_empty:
            raise InvalidInput(FieldProblem("metrics", dict(metrics), "allowed is at least one metric"))
        return await self._sample(instance_id, sample, actor)

    async def _sample(self, instance_id: UUID, sample: MetricsData, actor: Actor) -> InstanceMetrics:
        desk = self._desk
        state, _ = desk.our_home(instance_id, actor)
        recorded = InstanceMetrics(
            metrics_id=desk.ids(),
            instance_id=instance_id,
            recorded_at=desk.clock.now(),
            cpu_percent=sample.cpu_percent,
            memory_percent=sample.memory_percent,
            request_rate=sample.request_rate,
            average_latency_ms=sample.average_latency_ms,
            error_rate=sample.error_rate,
            connection_count=sample.connection_count,
            throughput_mbps=sample.throughput_mbps,
        )
        await desk.store.record_metrics(recorded)
        async with desk.fleet.lock(state.proxy.proxy_id):
            state, instance = desk.home(instance_id, actor)
            desk.fleet.put(_with_sample(state, instance, sample))
            desk.fleet.mark_unflushed(state.proxy.proxy_id, instance_id)
        return recorded

    async def _after(self, instance: Instance, order: Order = BY_POLICY) -> InstanceState:
        desk = self._desk
        await desk.pass_after(instance.proxy_id, order=order)
        state = desk.fleet.state(instance.proxy_id)
        return self._state(state.instances.get(instance.instance_id, instance), state)

    def _state(self, instance: Instance, state: ProxyState) -> InstanceState:
        return instance_state(instance, state, self._desk.clock.now())

    async def _resolve(self, address: Address | None) -> str | None:
        if address is None:
            return None
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                return await self._desk.resolver.resolve(address.host)
        except AddressRefused as error:
            raise InvalidInput(
                FieldProblem("address", str(address), f"{error}; allowed is any other host")
            ) from error
        except (NameNotFound, ResolutionFailed, TimeoutError):
            # Probes go on trying; until a name resolves, its instance is not eligible behind a listener.
            return None


def _said(given: InstanceData) -> dict[str, Any]:
    return {
        "name": given.name,
        "instance_type": given.instance_type,
        "priority": given.priority,
        "weight": given.weight,
        "address": given.address,
    }


def _described(given: InstanceData) -> dict[str, Any]:
    return {
        "instanceName": given.name,
        "instanceType": given.instance_type,
        "priority": given.priority,
        "weight": given.weight,
        "address": str(given.address) if given.address else None,
    }


def _described_instance(instance: Instance) -> dict[str, Any]:
    return _described(
        InstanceData(
            name=instance.name,
            instance_type=instance.instance_type,
            priority=instance.priority,
            weight=instance.weight,
            address=instance.address,
        )
    )


def _with_sample(state: ProxyState, instance: Instance, sample: MetricsData) -> ProxyState:
    usage = instance.usage
    if sample.average_latency_ms is not None:
        usage = replace(usage, average_latency_ms=sample.average_latency_ms)
    if sample.error_rate is not None:
        usage = replace(usage, error_rate=sample.error_rate)
    connections = state.connections
    if sample.connection_count is not None:
        connections = {**connections, instance.instance_id: sample.connection_count}
    return replace(
        state,
        instances={**state.instances, instance.instance_id: replace(instance, usage=usage)},
        connections=connections,
        reporting=state.reporting | {instance.instance_id},
    )
