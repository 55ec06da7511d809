"""What simulated replicas share: the store, its leases, and notes that come late or never."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from switchover.decision.rules import Safety, limits, safety_of
from switchover.model.blocked import BlockedMove
from switchover.model.drills import Drill
from switchover.model.events import FailoverEvent, PastMove
from switchover.model.instance import Instance
from switchover.model.proxy import Proxy
from switchover.model.rules import Scope, ScopeStanding
from switchover.model.trail import AuditEntry, OutboxMessage
from switchover.record.exchange import Notes
from switchover.testing.memory_company import MemoryCompany, MemoryWay, TellingStore
from switchover.testing.simulator.clock import SimulatedClock
from switchover.testing.simulator.dice import Dice
from switchover.testing.simulator.time import SimulatedTime

_AT_ONCE, _LATE = 0.7, 0.95
_LATE_SECONDS = 2.0


class SimulatedStore(TellingStore):
    """The store, and what of it a witness must see."""

    async def _turn(self, *values: object) -> None:
        # Times are checked where the real store's contract is; here they would cost a tenth of everything.
        pass

    async def close(self) -> None:
        """Stay open: a replica that ends closes it for nobody else."""

    def proxy(self, proxy_id: str) -> Proxy:
        """The proxy as stored."""
        return self._proxies[proxy_id]

    def instances(self, proxy_id: str) -> Sequence[Instance]:
        """The registered ones."""
        return self._registered(proxy_id)

    def instance(self, instance_id: UUID | None) -> Instance | None:
        """An instance that is not deleted; None without one."""
        if instance_id is None or instance_id in self._deleted_instances:
            return None
        return self._instances.get(instance_id)

    def home_of(self, instance_id: UUID) -> str | None:
        """The proxy of an instance, deleted or not."""
        instance = self._instances.get(instance_id)
        return None if instance is None else instance.proxy_id

    def moves_before(self, event: FailoverEvent) -> Sequence[PastMove]:
        """The moves of a proxy that were committed before this one, oldest first."""
        before = (e for e in self._events.values() if e.proxy_id == event.proxy_id and e.epoch < event.epoch)
        return [
            PastMove(
                event_type=past.event_type,
                source_instance_id=past.source_instance_id,
                target_instance_id=past.target_instance_id,
                committed_at=past.stages.committed_at or past.created_at,
                trigger=past.trigger,
            )
            for past in sorted(before, key=lambda past: past.epoch)
        ]

    def owner_of(self, proxy_id: str) -> str:
        """Whose a proxy is, deleted or not."""
        return (self._proxies.get(proxy_id) or self._deleted_proxies[proxy_id]).owner_id

    def standing(self, scope: Scope) -> ScopeStanding:
        """What is set in a scope."""
        return self._standing(scope)

    def safety(self, proxy_id: str, now: datetime) -> Safety:
        """What the store says bounds the moves of a proxy `now`."""
        proxy = self._proxies[proxy_id]
        safety = safety_of(proxy_id, proxy.owner_id, proxy.policy.rules, self._standings)
        counted = (
            (scope, self._latest_counted(scope, rules.move_limit, now))
            for scope, rules in limits(safety)
            if rules.move_limit is not None
        )
        return safety.with_latest({scope: at for scope, at in counted if at is not None})

    @property
    def all_standings(self) -> Sequence[ScopeStanding]:
        """Every scope in which something is set."""
        return list(self._standings.values())

    @property
    def all_blocked(self) -> Mapping[UUID, BlockedMove]:
        """Every move that was blocked, by its id."""
        return self._blocked

    @property
    def open_drills(self) -> Sequence[Drill]:
        """Every drill that has not ended."""
        return [drill for drill in self._drills.values() if drill.status.is_open]

    @property
    def all_events(self) -> Mapping[UUID, FailoverEvent]:
        """Every event, by its id."""
        return self._events

    @property
    def all_audit(self) -> Mapping[UUID, AuditEntry]:
        """Every audit entry, by its id."""
        return self._audit

    @property
    def all_messages(self) -> Mapping[UUID, OutboxMessage]:
        """Every message, by its id."""
        return self._messages

    @property
    def undelivered(self) -> int:
        """How many messages nobody was handed yet."""
        return len(self._messages) - len(self._delivered)


class SimulatedCompany(MemoryCompany):
    """The real fakes, by the clock of the store's machine.

    Args:
        time: The simulated time.
        dice: Decides which notes are late or lost.
        store: What kind of store.
    """

    def __init__(self, time: SimulatedTime, dice: Dice, store: type[SimulatedStore] = SimulatedStore) -> None:
        super().__init__(SimulatedClock(time))
        self.store: SimulatedStore = store(self)
        self.calm = False
        self.time = time
        self.dice = dice

    def way(self) -> "SimulatedWay":
        way = SimulatedWay(self)
        self._ways.append(way)
        return way

    def forget(self, way: "SimulatedWay") -> None:
        """Nobody listens there any more."""
        self._ways.remove(way)


class SimulatedWay(MemoryWay):
    """A replica's way to what is shared, on which notes may come late or never."""

    def __init__(self, company: SimulatedCompany) -> None:
        super().__init__(company)
        self._shared = company

    def hear(self, notes: Notes) -> None:
        shared = self._shared
        luck = 0.0 if shared.calm else shared.dice.uniform(0, 1)
        if luck < _AT_ONCE:
            super().hear(notes)
        elif luck < _LATE:
            shared.time.later(shared.dice.uniform(0, _LATE_SECONDS), super().hear, notes)

    def reconnect(self) -> None:
        """Notes can be heard again, and some may have been lost."""
        self.cut = False
        super().hear(Notes(missed=True))
