"""The truth in memory: every proxy's state as this process believes and recorded it.

Health is read from here, not from the store: probe results are stored in batches.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from switchover.control.sightings import Sightings
from switchover.decision.redundancy import redundancy_of
from switchover.decision.view import View
from switchover.health.machine import HealthChange
from switchover.model.blocked import BlockedMove
from switchover.model.drills import Drill
from switchover.model.errors import NotFound, OutcomeUnknown
from switchover.model.events import FailoverEvent, PastMove
from switchover.model.instance import Instance
from switchover.model.lease import Fence
from switchover.model.observation import Health
from switchover.model.policy import CheckType
from switchover.model.proxy import Proxy
from switchover.model.redundancy import RedundancySource, RedundancyStatus
from switchover.record.store import StoredProxy

MOVE_WINDOW = timedelta(hours=1)
"""How far back the rules about failovers and failbacks look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What of an instance's measured state the store is known to have."""

    health: Health
    resolved_host: str | None


def recorded_of(instance: Instance) -> Recorded:
    """What the store has once this instance is stored."""
    return Recorded(health=instance.health.state, resolved_host=instance.resolved_host)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A change of an instance's health that the store does not have yet."""

    instance_id: UUID
    change: HealthChange


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyState:
    """One proxy as a value; a pass replaces it whole.

    Attributes:
        proxy: Policy, active, epoch, pin.
        instances: The registered instances by id.
        recorded: What the store has of each instance's measured state; a transition that a failing store
            did not take stays due.
        turns: What turned since the last pass that was stored, in the order in which it did.
        sightings: The last things seen of each instance.
        moves: Committed moves of the last hour, oldest first.
        open_move: The event whose outcome is missing; None without one.
        scheduled_move: The switchover of which the time has not come; None without one.
        drill: The drill that has not ended; None without one.
        recoveries: Instance → its newest recovery event, open or closed.
        derived: The redundancy that the instances give; the next derived change is measured against it.
        declared: What an admin declared instead; None when `derived` is in force.
        connections: Live connections per instance, where the data plane tells.
        open_requests: What these are summed from: per node, instance and epoch; nothing where none is open.
        reporting: Instances whose latency and error rate somebody reports, so that probes leave them alone.
        last_move_failed: Whether the last move had failed when this was loaded; `is_interrupted` is what follows from it.
        unverified_event_id: The last move while no node told that its target answered; None otherwise.
        fence: Of the lease by which the proxy is ours; None when we are alone, or another replica owns it.
        change_number: What the store called the proxy's last change when it was loaded.
        blocked: The move that is wanted and that a rule blocks, as counted here; None without one.
        block_noted_at: When its count was last stored; None before that.
        unseen: Instances of which all that is believed was loaded, and that nothing was heard of since.
        loaded_at: When they were; None when nothing was loaded.
    """

    proxy: Proxy
    instances: Mapping[UUID, Instance]
    recorded: Mapping[UUID, Recorded]
    turns: tuple[Turn, ...] = ()
    sightings: Sightings = field(default_factory=lambda: MappingProxyType({}))
    moves: tuple[PastMove, ...] = ()
    open_move: FailoverEvent | None = None
    scheduled_move: FailoverEvent | None = None
    drill: Drill | None = None
    recoveries: Mapping[UUID, FailoverEvent] = field(default_factory=lambda: MappingProxyType({}))
    derived: RedundancyStatus
    declared: RedundancyStatus | None = None
    connections: Mapping[UUID, int] = field(default_factory=lambda: MappingProxyType({}))
    open_requests: Mapping[tuple[str, UUID, int], int] = field(default_factory=lambda: MappingProxyType({}))
    reporting: frozenset[UUID] = frozenset()
    last_move_failed: bool = False
    unverified_event_id: UUID | None = None
    fence: Fence | None = None
    change_number: int = 0
    blocked: BlockedMove | None = None
    block_noted_at: datetime | None = None
    unseen: frozenset[UUID] = frozenset()
    loaded_at: datetime | None = None

    @property
    def redundancy(self) -> RedundancyStatus:
        """The status in force: declared until the next derived change."""
        return self.declared or self.derived

    @property
    def is_interrupted(self) -> bool:
        """Whether nodes may have been left between break and make by whoever made the last move."""
        return self.open_move is not None or self.last_move_failed

    def view(self) -> View:
        """What a decision may look at."""
        return View(
            proxy=self.proxy,
            instances=tuple(self.instances.values()),
            moves=self.moves,
            connections=self.connections,
            is_drilling=self.drill is not None and self.drill.status.is_running,
            gradual=None if self.open_move is None else self.open_move.steps_ahead,
        )

    def with_instance(self, instance: Instance) -> "ProxyState":
        """This state with `instance` added or replaced, once it is stored whole."""
        key = instance.instance_id
        return replace(
            self,
            instances={**self.instances, key: instance},
            recorded={**self.recorded, key: recorded_of(instance)},
        )

    def without_instance(self, instance_id: UUID) -> "ProxyState":
        """This state without that instance."""
        return replace(
            self,
            instances={k: v for k, v in self.instances.items() if k != instance_id},
            recorded={k: v for k, v in self.recorded.items() if k != instance_id},
            sightings={k: v for k, v in self.sightings.items() if k != instance_id},
            recoveries={k: v for k, v in self.recoveries.items() if k != instance_id},
        )

    def with_recovery(self, event: FailoverEvent) -> "ProxyState":
        """This state with `event` as the newest recovery of its instance."""
        if event.target_instance_id is None:
            return self
        return replace(self, recoveries={**self.recoveries, event.target_instance_id: event})


def view_of(
    proxy: Proxy,
    instances: Mapping[UUID, Instance],
    moves: tuple[PastMove, ...] = (),
    connections: Mapping[UUID, int] | None = None,
) -> View:
    """The view of these values."""
    return View(proxy=proxy, instances=tuple(instances.values()), moves=moves, connections=connections or {})


def state_of(stored: StoredProxy, now: datetime) -> ProxyState:
    """The state that a stored proxy had; a declared redundancy stays in force over the restart."""
    instances = {instance.instance_id: instance for instance in stored.instances}
    view = view_of(stored.proxy, instances, stored.moves)
    derived = redundancy_of(view, previous=stored.redundancy, now=now)
    declared = (
        stored.redundancy
        if stored.redundancy and stored.redundancy.source is RedundancySource.DECLARED
        else None
    )
    if declared is None and stored.redundancy is not None:
        derived = stored.redundancy
    return ProxyState(
        proxy=stored.proxy,
        instances=instances,
        recorded={instance.instance_id: recorded_of(instance) for instance in stored.instances},
        moves=stored.moves,
        open_move=stored.open_move,
        scheduled_move=stored.scheduled_move,
        drill=stored.open_drill,
        recoveries={e.target_instance_id: e for e in stored.recoveries if e.target_instance_id is not None},
        derived=derived,
        declared=declared,
        last_move_failed=stored.last_move_failed,
        unverified_event_id=stored.open_move.event_id if stored.open_move else None,
        change_number=stored.change_number,
        blocked=stored.blocked,
        block_noted_at=None if stored.blocked is None else stored.blocked.last_at,
        unseen=_unseen(stored),
        loaded_at=now,
    )


def _unseen(stored: StoredProxy) -> frozenset[UUID]:
    # What lives by reports alone is never seen; its last report is all there is.
    if stored.proxy.policy.health_check.type is CheckType.NONE:
        return frozenset()
    return frozenset(i.instance_id for i in stored.instances)


def reconciled(known: ProxyState, stored: ProxyState) -> ProxyState:
    """What is stored, with what we measured since: who is active and what people said is the store's word."""
    instances = {
        instance_id: _measured(instance, known.instances.get(instance_id))
        for instance_id, instance in stored.instances.items()
    }
    return replace(
        stored,
        instances=instances,
        connections=known.connections,
        open_requests=known.open_requests,
        reporting=known.reporting,
        # Of a turn that was stored, the store has the state; only whose state it lacks is still to be told.
        turns=tuple(turn for turn in known.turns if _is_due(turn, stored, instances)),
        sightings=known.sightings,
        fence=known.fence,
        unseen=known.unseen & instances.keys(),
        loaded_at=known.loaded_at,
    )


def _is_due(turn: Turn, stored: ProxyState, instances: Mapping[UUID, Instance]) -> bool:
    now = instances.get(turn.instance_id)
    return now is not None and stored.instances[turn.instance_id].health.state is not now.health.state


def _measured(stored: Instance, known: Instance | None) -> Instance:
    # Another address is another server; what was measured is not about it.
    if known is None or known.address != stored.address:
        return stored
    return replace(stored, health=known.health, usage=known.usage, resolved_host=known.resolved_host)


class Fleet:
    """Every proxy of this process. Writers hold the proxy's lock; readers need none, states are values."""

    def __init__(self) -> None:
        self._states: dict[str, ProxyState] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._proxy_of: dict[UUID, str] = {}
        self._unflushed: dict[UUID, str] = {}
        self._in_doubt: set[str] = set()

    def __contains__(self, proxy_id: str) -> bool:
        return proxy_id in self._states

    def __iter__(self) -> Iterator[ProxyState]:
        return iter(tuple(self._states.values()))

    def __len__(self) -> int:
        return len(self._states)

    def state(self, proxy_id: str) -> ProxyState:
        """The state of a proxy.

        Raises:
            NotFound: There is no such proxy.
        """
        try:
            return self._states[proxy_id]
        except KeyError:
            raise NotFound("proxy", proxy_id) from None

    def home(self, instance_id: UUID) -> ProxyState:
        """The state of the proxy that has this instance.

        Raises:
            NotFound: There is no such instance.
        """
        proxy_id = self._proxy_of.get(instance_id)
        if proxy_id is None:
            raise NotFound("instance", instance_id)
        return self._states[proxy_id]

    def home_of(self, instance_id: UUID) -> str | None:
        """The proxy that has this instance; None when nobody has."""
        return self._proxy_of.get(instance_id)

    @asynccontextmanager
    async def lock(self, proxy_id: str) -> AsyncIterator[None]:
        """Serialise whoever changes this proxy; the lock exists before the proxy does.

        A change of which nobody knows whether it was stored leaves the proxy in doubt.
        """
        async with self._locks.setdefault(proxy_id, asyncio.Lock()):
            try:
                yield
            except (OutcomeUnknown, asyncio.CancelledError):
                self.doubt(proxy_id)
                raise

    def doubt(self, proxy_id: str) -> None:
        """Note that the store may have what we do not know; it has to be read before anything is decided."""
        self._in_doubt.add(proxy_id)

    def is_in_doubt(self, proxy_id: str) -> bool:
        """Whether the store may have what we do not know."""
        return proxy_id in self._in_doubt

    def settle(self, proxy_id: str) -> None:
        """Note that the store was read."""
        self._in_doubt.discard(proxy_id)

    def put(self, state: ProxyState) -> None:
        """Replace the state of a proxy, or add it."""
        proxy_id = state.proxy.proxy_id
        before = self._states.get(proxy_id)
        for gone in (before.instances.keys() if before else set()) - state.instances.keys():
            self._proxy_of.pop(gone, None)
            self._unflushed.pop(gone, None)
        for instance_id in state.instances:
            self._proxy_of[instance_id] = proxy_id
        self._states[proxy_id] = state

    def remove(self, proxy_id: str) -> None:
        """Forget a proxy and its instances."""
        self.settle(proxy_id)
        state = self._states.pop(proxy_id, None)
        for instance_id in state.instances if state else ():
            self._proxy_of.pop(instance_id, None)
            self._unflushed.pop(instance_id, None)

    def mark_unflushed(self, proxy_id: str, *instance_ids: UUID) -> None:
        """Remember that health or usage of these instances is newer here than in the store."""
        for instance_id in instance_ids:
            self._unflushed[instance_id] = proxy_id

    def take_unflushed(self, *instance_ids: UUID) -> tuple[tuple[Instance, ...], Mapping[str, Fence]]:
        """What is newer here than in the store, of these instances alone if any are named, and by which leases; the
        caller stores it, or marks it again.
        """
        due = self._unflushed.keys() & set(instance_ids) if instance_ids else tuple(self._unflushed)
        taken = {instance_id: self._unflushed.pop(instance_id) for instance_id in due}
        states = ((self._states.get(proxy_id), instance_id) for instance_id, proxy_id in taken.items())
        instances = tuple(s.instances[i] for s, i in states if s is not None and i in s.instances)
        proxies = (self._states[proxy_id] for proxy_id in {instance.proxy_id for instance in instances})
        return instances, {s.proxy.proxy_id: s.fence for s in proxies if s.fence is not None}
