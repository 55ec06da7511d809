"""`ProxyFailoverService`: the one place that routes and library users call."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from switchover.control.commands.configuration import ConfigurationCommands
from switchover.control.commands.instances import InstanceCommands
from switchover.control.commands.moves import MoveCommands
from switchover.control.condition import Condition
from switchover.control.desk import Desk
from switchover.control.documents import parse_policy
from switchover.control.queries import Queries
from switchover.control.results import (
    Evaluation,
    InstanceState,
    ProxyOverview,
    ProxyPage,
    ReplicaState,
    SavedConfiguration,
)
from switchover.model.actor import LIBRARY, Actor
from switchover.model.events import FailoverEvent
from switchover.model.metrics import InstanceMetrics
from switchover.model.policy import FailoverPolicy
from switchover.model.proxy import Proxy
from switchover.model.redundancy import RedundancyStatus
from switchover.model.trail import Topic
from switchover.notify.callbacks import Callback, Callbacks
from switchover.switch.driver import NodeStatus


class ProxyFailoverService:
    """Keeps proxies reachable; every operation of the REST contract as a method.

    Every method takes the `actor` on whose behalf it acts; the default is the program itself, which sees
    everything. `NotFound` is raised for what does not exist and for what belongs to somebody else,
    `InvalidInput` for wrong fields, `Conflict` for orders that contradict the current state, `StoreUnavailable`
    when the database does not answer. Dates are aware; durations are seconds unless a name says otherwise.

    Args:
        desk: The parts it works with.
        callbacks: The sink behind the three `set_…_callback` methods.
        condition: Knows what keeps us from deciding.
        stop: Ends everything that runs; see `shutdown`.
        catch_up: Loads what other replicas have stored.
    """

    def __init__(
        self,
        desk: Desk,
        callbacks: Callbacks,
        *,
        condition: Condition,
        stop: Callable[[], Awaitable[None]],
        catch_up: Callable[[], Awaitable[None]],
    ) -> None:
        self._desk = desk
        self._callbacks = callbacks
        self._condition = condition
        self._stop = stop
        self._catch_up = catch_up
        self._configuration = ConfigurationCommands(desk)
        self._instances = InstanceCommands(desk)
        self._moves = MoveCommands(desk)
        self._queries = Queries(desk)

    # The configuration.

    async def create_failover_configuration(
        self, proxy_id: str, user_id: str, config: Mapping[str, Any] | None = None, *, actor: Actor = LIBRARY
    ) -> SavedConfiguration:
        """Create a proxy for `user_id` with defaults and `config`, or merge `config` into what is stored."""
        return await self._configuration.save(proxy_id, user_id, config, actor)

    async def get_failover_configuration(self, proxy_id: str, *, actor: Actor = LIBRARY) -> Proxy | None:
        """The proxy with its policy; None when there is none for this actor."""
        state = self._desk.fleet.state(proxy_id) if proxy_id in self._desk.fleet else None
        return state.proxy if state is not None and actor.owns(state.proxy.owner_id) else None

    def validate_failover_config(self, config: Mapping[str, Any] | None) -> FailoverPolicy:
        """The policy that `config` makes of the defaults; `InvalidInput` names every problem."""
        return parse_policy(config, None)

    async def list_proxies(
        self, *, limit: int = 50, after: str | None = None, actor: Actor = LIBRARY
    ) -> ProxyPage:
        """A page of proxies by id, 1 to 500 at a time, beginning behind `after`."""
        return self._queries.proxies(limit=limit, after=after, actor=actor)

    async def get_proxy(self, proxy_id: str, *, actor: Actor = LIBRARY) -> ProxyOverview:
        """One proxy whole."""
        return await self._queries.proxy(proxy_id, actor)

    async def delete_proxy(self, proxy_id: str, *, actor: Actor = LIBRARY) -> None:
        """Delete a proxy; its history stays."""
        await self._configuration.delete(proxy_id, actor)

    async def unpin(self, proxy_id: str, *, actor: Actor = LIBRARY) -> Proxy:
        """Take off the pin that a manual move left."""
        return await self._configuration.unpin(proxy_id, actor)

    # Its instances.

    async def register_proxy_instance(
        self, proxy_id: str, instance_data: Mapping[str, Any], *, actor: Actor = LIBRARY
    ) -> InstanceState:
        """Add an instance; its first probe starts at once."""
        return await self._instances.register(proxy_id, instance_data, actor)

    async def get_proxy_instances(self, proxy_id: str, *, actor: Actor = LIBRARY) -> Sequence[InstanceState]:
        """The instances by priority, weight descending, name."""
        return await self._queries.instances(proxy_id, actor)

    async def change_instance(
        self, instance_id: UUID, changes: Mapping[str, Any], *, actor: Actor = LIBRARY
    ) -> InstanceState:
        """Change what was registered; fields that are not given stay."""
        return await self._instances.change(instance_id, changes, actor)

    async def delete_instance(self, instance_id: UUID, *, actor: Actor = LIBRARY) -> None:
        """Take an instance off its proxy; deleting the active is a failover."""
        await self._instances.delete(instance_id, actor)

    async def set_admin_state(
        self, instance_id: UUID, admin_state: str, *, actor: Actor = LIBRARY
    ) -> InstanceState:
        """Order an instance to be `ready`, `drain` or `maintenance`."""
        return await self._instances.order(instance_id, admin_state, actor)

    async def update_instance_health(
        self,
        instance_id: UUID,
        health_status: str,
        metrics: Mapping[str, Any] | None = None,
        *,
        actor: Actor = LIBRARY,
    ) -> InstanceState:
        """Report a verdict (`healthy`, `unhealthy`, `unknown`), which is taken at its word."""
        return await self._instances.report(instance_id, health_status, metrics, actor)

    async def record_instance_metrics(
        self, instance_id: UUID, metrics: Mapping[str, Any], *, actor: Actor = LIBRARY
    ) -> InstanceMetrics:
        """Record one sample of metrics."""
        return await self._instances.sample(instance_id, metrics, actor)

    async def get_instance_metrics(
        self,
        instance_id: UUID,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        actor: Actor = LIBRARY,
    ) -> Sequence[InstanceMetrics]:
        """Samples, newest first, 1 to 1000; by default of the last hour."""
        return await self._queries.metrics(instance_id, since, until, limit, actor)

    # Moves.

    async def evaluate_failover(self, proxy_id: str, *, actor: Actor = LIBRARY) -> Evaluation:
        """What the policy says now; nothing is changed."""
        return self._queries.evaluation(proxy_id, actor)

    async def execute_failover(
        self,
        proxy_id: str,
        source_instance_id: UUID,
        target_instance_id: UUID,
        reason: str | None = None,
        *,
        actor: Actor = LIBRARY,
    ) -> FailoverEvent:
        """Move from the active to an eligible instance and pin it; answers when the intent is on record."""
        return await self._moves.execute(proxy_id, source_instance_id, target_instance_id, reason, actor)

    async def switch_over(
        self,
        proxy_id: str,
        target_instance_id: UUID | None = None,
        reason: str | None = None,
        *,
        actor: Actor = LIBRARY,
    ) -> FailoverEvent:
        """Make a planned move to an eligible instance, the best one by default, and pin it."""
        return await self._moves.switch_over(proxy_id, target_instance_id, reason, actor)

    async def complete_failover_event(
        self,
        event_id: UUID,
        status: str,
        error_message: str | None = None,
        duration_ms: float | None = None,
        *,
        actor: Actor = LIBRARY,
    ) -> FailoverEvent:
        """Close an event as `completed` or `failed`; saying the same again changes nothing."""
        outcome = {"status": status, "errorMessage": error_message, "durationMs": duration_ms}
        return await self._moves.complete(event_id, outcome, actor)

    async def get_failover_events(
        self, proxy_id: str, limit: int = 50, *, actor: Actor = LIBRARY
    ) -> Sequence[FailoverEvent]:
        """The newest events, newest first, 1 to 500."""
        return await self._queries.events(proxy_id, limit, actor)

    # Redundancy.

    async def get_redundancy_status(
        self, proxy_id: str, *, actor: Actor = LIBRARY
    ) -> RedundancyStatus | None:
        """The redundancy in force, derived or declared."""
        return self._queries.redundancy(proxy_id, actor)

    async def update_redundancy_status(
        self, proxy_id: str, status: Mapping[str, Any], *, actor: Actor = LIBRARY
    ) -> RedundancyStatus:
        """Declare any subset of its fields, until the next derived change."""
        return await self._moves.declare_redundancy(proxy_id, status, actor)

    # Callbacks: functions or coroutine functions of a payload in the API's names; None takes one off.

    def set_failover_callback(self, callback: Callback | None) -> None:
        """Call it with the event when a move commits."""
        self._callbacks.set(Topic.MOVE_COMMITTED, callback)

    def set_recovery_callback(self, callback: Callback | None) -> None:
        """Call it with the instance when one turns unhealthy while auto recovery is on."""
        self._callbacks.set(Topic.INSTANCE_UNHEALTHY, callback)

    def set_redundancy_status_callback(self, callback: Callback | None) -> None:
        """Call it with the status when the redundancy changed."""
        self._callbacks.set(Topic.REDUNDANCY_CHANGED, callback)

    # The process.

    def nodes(self) -> Sequence[NodeStatus]:
        """How every node stands, with its own words about what it refuses."""
        return self._desk.nodes.statuses()

    def replicas(self) -> Sequence[ReplicaState]:
        """Every replica that is known, by name; none when this process is the only one."""
        return self._queries.replicas()

    async def read_back(self, proxy_id: str) -> None:
        """Load what the owner of a proxy has stored of it; alone, and where we are the owner, this does nothing."""
        await self._desk.read_back(proxy_id)

    async def catch_up(self) -> None:
        """Load what other replicas have stored; alone, this does nothing."""
        await self._catch_up()

    def ready(self) -> bool:
        """Whether the store was loaded and passes run."""
        return self._condition.runs

    def hindrances(self) -> Sequence[str]:
        """Why nothing is decided here at the moment, as sentences; empty when we can."""
        return self._condition.hindrances()

    def doubts(self) -> Sequence[str]:
        """Why no automatic move is made here at the moment although we could, as sentences; orders are taken."""
        return self._condition.doubts()

    def stale_since(self) -> datetime | None:
        """Since when what we answer may be outdated, because the store does not answer; None while it does."""
        return self._condition.stale_since

    async def shutdown(self) -> None:
        """Stop deciding, flush counters and release the store. Nodes go on as they are. May be called twice."""
        await self._stop()
