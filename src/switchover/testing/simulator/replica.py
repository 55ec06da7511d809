"""One replica: a whole control plane on a loop, clocks and wires of its own."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID

from switchover.control.cycle import PassResult
from switchover.control.fleet import ProxyState
from switchover.control.plane import Company, ControlPlane, Parts
from switchover.control.recovering import RecoveryParts
from switchover.control.selfwatch import SelfDoubt
from switchover.control.service import ProxyFailoverService
from switchover.decision.decide import decide
from switchover.decision.rules import Safety
from switchover.model.clock import IdFactory
from switchover.model.errors import StoreUnavailable
from switchover.model.lease import Replica
from switchover.model.recovery import RecoveryActionType
from switchover.model.rules import Scope, ScopeStanding
from switchover.testing.fake_resolver import FakeResolver
from switchover.testing.simulator.clock import SimulatedClock
from switchover.testing.simulator.company import SimulatedCompany, SimulatedWay
from switchover.testing.simulator.dice import Dice
from switchover.testing.simulator.node import NodeDriver, SimulatedNode
from switchover.testing.simulator.prober import Instances, SimulatedProber, SimulatedRecoverer
from switchover.testing.simulator.time import ReplicaLoop, SimulatedTime
from switchover.testing.simulator.wire import Stored, Wire

SESSION_SECONDS = 4.0
RECOVERY_COMMAND = "revive"
_SKEW = 0.04
"""By how much monotonic clocks go wrong; the design trusts nine tenths of a session."""
_AHEAD_SECONDS = 3.0


class Process(Enum):
    """What becomes of a process."""

    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"
    KILLED = "killed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all replicas have around them."""

    time: SimulatedTime
    dice: Dice
    company: SimulatedCompany
    instances: Instances
    nodes: Sequence[SimulatedNode]
    ids: IdFactory
    stored: Stored
    driver: type[NodeDriver]
    losses: float
    decided: Callable[[str, PassResult], None]
    doubting: SelfDoubt


class _WatchedPlane(ControlPlane):
    """Tells of every pass once what it decided is stored."""

    def __init__(self, parts: Parts, decided: Callable[[PassResult], None]) -> None:
        self._decided = decided
        super().__init__(parts)

    def _heed(self, result: PassResult) -> None:
        self._decided(result)
        super()._heed(result)


class SimulatedReplica:
    """One run of a process.

    Attributes:
        name: For people.
        process: What became of it.
        wire: Its way to the store.
        way: By which it hears notes.
        drivers: One per node.
        off_nodes: While True no node can reach it.
    """

    def __init__(self, name: str, around: Surroundings) -> None:
        dice = around.dice
        self.name = name
        self.process = Process.RUNNING
        self.off_nodes = False
        self.loop = ReplicaLoop(around.time)
        self.clock = SimulatedClock(
            around.time,
            rate=1 + dice.uniform(-_SKEW, _SKEW),
            ahead=dice.uniform(-_AHEAD_SECONDS, _AHEAD_SECONDS),
        )
        self.replica_id: UUID = dice.uuid()
        self.way: SimulatedWay = around.company.way()
        self.wire = Wire(
            time=around.time,
            dice=dice,
            replica_id=self.replica_id,
            losses=around.losses,
            stored=around.stored,
        )
        self.drivers = {node.node_id: around.driver(node, self.loop) for node in around.nodes}
        self.prober = SimulatedProber(self.clock, around.instances, dice)
        self.plane = self._plane(around)
        self._around = around
        self._orders: list[asyncio.Task[None]] = []
        self._run = self.loop.create_task(self.plane.run(), name=name)

    def _plane(self, around: Surroundings) -> ControlPlane:
        replica = Replica(
            replica_id=self.replica_id,
            name=self.name,
            url=f"http://{self.name}",
            started_at=self.clock.now(),
        )
        return _WatchedPlane(
            Parts(
                store=self.wire.to(around.company.store, here=("close",)),
                drivers=tuple(self.drivers.values()),
                prober=self.prober,
                resolver=FakeResolver(),
                clock=self.clock,
                ids=around.ids,
                company=Company(
                    replica=replica,
                    membership=self.wire.to(self.way),
                    exchange=self.wire.to(self.way, here=("listen", "notes")),
                    session_seconds=SESSION_SECONDS,
                ),
                recovery=RecoveryParts(
                    recoverers={
                        RecoveryActionType.COMMAND: SimulatedRecoverer(around.instances, around.dice)
                    },
                    command_names=frozenset({RECOVERY_COMMAND}),
                ),
                doubting=around.doubting,
            ),
            partial(around.decided, self.name),
        )

    @property
    def service(self) -> ProxyFailoverService:
        """Its API."""
        return self.plane.service

    @property
    def is_up(self) -> bool:
        """Whether there is a process, be it paused."""
        return self.process in {Process.RUNNING, Process.PAUSED}

    @property
    def is_ready(self) -> bool:
        """Whether its API answers."""
        return self.process is Process.RUNNING and self.service.ready()

    def owns(self, proxy_id: str) -> bool:
        """Whether it would decide about the proxy now."""
        return self.is_ready and self.service._desk.ownership.owns(proxy_id)  # noqa: SLF001 - what nobody else may ask

    def state(self, proxy_id: str) -> ProxyState | None:
        """What it believes of a proxy."""
        fleet = self.service._desk.fleet  # noqa: SLF001
        return fleet.state(proxy_id) if proxy_id in fleet else None

    def would_act(self, proxy_id: str, safety: Safety) -> bool:
        """Whether its policy would move the proxy now, were it bounded by `safety`."""
        state = self.state(proxy_id)
        return state is not None and decide(replace(state.view(), safety=safety), self.clock.now()).acts

    def standing(self, scope: Scope) -> ScopeStanding:
        """What it believes to be set in a scope."""
        return self.service._desk.safety.standing(scope)  # noqa: SLF001

    def do(self, order: Coroutine[Any, Any, None]) -> None:
        """Let it do something that it was asked for from outside."""
        self._orders.append(self.loop.create_task(order))

    def kill(self) -> None:
        """End it without a goodbye: not one more line of it runs."""
        self.process = Process.KILLED
        self.loop.runs = False
        self._around.company.forget(self.way)

    def pause(self) -> None:
        """Let it stand still while the world goes on."""
        self.process = Process.PAUSED
        self.loop.runs = False

    def wake(self) -> None:
        """Let it go on where it was."""
        self.process = Process.RUNNING
        self.loop.runs = True

    def stop(self) -> None:
        """Ask it to end in order."""
        self.do(self.service.shutdown())

    def cut(self, *, cut: bool) -> None:
        """Cut its way to the store, or mend it."""
        self.wire.cut = cut
        if cut:
            self.way.cut = True
        else:
            self.way.reconnect()

    def trouble(self) -> str | None:
        """What went wrong inside it, if something did; notes as well that it has ended."""
        if self.loop.troubles:
            return f"{self.name}: {self.loop.troubles[0]}"
        if self.is_up and self._run.done():
            self.process = Process.ENDED
            self._around.company.forget(self.way)
            error = None if self._run.cancelled() else self._run.exception()
            if error is not None and not self._failed_to_start(error):
                return f"{self.name} ended by itself: {_words(error)}"
        return None

    def bury(self) -> bool:
        """Let its tasks end, unheard by anybody, so that nothing of it is left behind; whether there are some."""
        self.wire.cut = self.way.cut = True
        self.loop.runs = True
        alive = [task for task in (self._run, *self._orders) if not task.done()]
        for task in alive:
            task.cancel()
        return bool(alive)

    def _failed_to_start(self, error: BaseException) -> bool:
        # Without the store a process cannot begin; whoever supervises it starts it again.
        return isinstance(error, StoreUnavailable) and not any(d.is_open for d in self.drivers.values())


def _words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
