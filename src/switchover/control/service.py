"""`ProxyFailoverService`: the one place that routes and library users call."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from switchover.control.commands.configuration import ConfigurationCommands
from switchover.control.commands.instances import InstanceCommands
from switchover.control.commands.moves import MoveCommands
from switchover.control.commands.recovery import RecoveryCommands
from switchover.control.commands.safety import SafetyCommands
from switchover.control.commands.schedules import ScheduleCommands
from switchover.control.condition import Condition
from switchover.control.desk import Desk
from switchover.control.documents import parse_policy
from switchover.control.explaining import Explaining
from switchover.control.queries import Queries
from switchover.control.results import (
    InstanceState,
    ProxyOverview,
    ProxyPage,
    ReplicaState,
    SavedConfiguration,
)
from switchover.control.service_automation import AutomationMethods
from switchover.control.service_history import HistoryMethods
from switchover.control.service_moves import MoveMethods
from switchover.control.states import shown_proxy
from switchover.model.actor import LIBRARY, Actor
from switchover.model.events import FailoverEvent
from switchover.model.metrics import InstanceMetrics
from switchover.model.policy import FailoverPolicy
from switchover.model.proxy import Proxy
from switchover.model.recovery import RecoverySecrets
from switchover.model.redundancy import RedundancyStatus
from switchover.model.trail import Topic
from switchover.notify.callbacks import Callback, Callbacks
from switchover.switch.driver import NodeStatus


class ProxyFailoverService(MoveMethods, AutomationMethods, HistoryMethods):
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
        self._safety = SafetyCommands(desk, self._configuration)
        self._schedules = ScheduleCommands(desk)
        self._recoveries = RecoveryCommands(desk)
        self._queries = Queries(desk)
        self._explaining = Explaining(desk, condition)

    # The configuration.

    async def create_failover_configuration(
        self, proxy_id: str, user_id: str, config: Mapping[str, Any] | None = None, *, actor: Actor = LIBRARY
    ) -> SavedConfiguration:
        """Create a proxy for `user_id` with defaults and `config`, or merge `config` into what is stored."""
        return await self._configuration.save(proxy_id, user_id, config, actor)

    async def get_failover_configuration(self, proxy_id: str, *, actor: Actor = LIBRARY) -> Proxy | None:
        """The proxy with its policy; None when there is none for this actor."""
        state = self._desk.fleet.state(proxy_id) if proxy_id in self._desk.fleet else None
        if state is None or not actor.owns(state.proxy.owner_id):
            return None
        return shown_proxy(state.proxy, self._desk.clock.now())

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

    async def pin(
        self,
        proxy_id: str,
        until: datetime | None = None,
        reason: str | None = None,
        *,
        actor: Actor = LIBRARY,
    ) -> Proxy:
        """Pin the active instance, in place of a pin that there may be, for ever or until a time."""
        return await self._configuration.pin(proxy_id, until, reason, actor)

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
        self,
        instance_id: UUID,
        admin_state: str,
        *,
        reason: str | None = None,
        expires_in_seconds: float | None = None,
        drain_timeout_seconds: float | None = None,
        actor: Actor = LIBRARY,
    ) -> InstanceState:
        """Order an instance `ready`, to `drain`, or into `maintenance`; an order that expires reverts by itself."""
        return await self._instances.order(
            instance_id,
            admin_state,
            actor,
            reason=reason,
            expires_in_seconds=expires_in_seconds,
            drain_timeout_seconds=drain_timeout_seconds,
        )

    async def undamp(self, instance_id: UUID, *, actor: Actor = LIBRARY) -> InstanceState:
        """Clear an instance's damping: its flap score, and what its failed failbacks count."""
        return await self._instances.undamp(instance_id, actor)

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

    # Recovery of instances.

    async def recover_instance(
        self, instance_id: UUID, reason: str | None = None, *, actor: Actor = LIBRARY
    ) -> FailoverEvent:
        """Begin a recovery of an unhealthy instance, or make the next attempt of the open one now."""
        return await self._recoveries.recover(instance_id, reason, actor)

    async def rotate_recovery_secret(
        self, proxy_id: str, secret: str | None = None, *, actor: Actor = LIBRARY
    ) -> RecoverySecrets:
        """Sign requests to a proxy's webhook with `secret`, or with one that is made; the former one signs too."""
        given = {} if secret is None else {"secret": secret}
        return await self._recoveries.rotate_secret(proxy_id, given, actor)

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
        """Call it with the instance when one turns unhealthy while auto recovery is on; with `recoveryAction` callback,
        with each attempt.
        """
        self._callbacks.set(Topic.INSTANCE_UNHEALTHY, callback)

    def set_redundancy_status_callback(self, callback: Callback | None) -> None:
        """Call it with the status when the redundancy changed."""
        self._callbacks.set(Topic.REDUNDANCY_CHANGED, callback)

    def set_blocked_callback(self, callback: Callback | None) -> None:
        """Call it with the blocked move when a pause or a safety rule begins to block one."""
        self._callbacks.set(Topic.MOVE_BLOCKED, callback)

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
