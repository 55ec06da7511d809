"""What is really so, whoever sees it how: which instances were ill, and which replicas could not be relied on."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from switchover.testing.simulator.prober import Instances
from switchover.testing.simulator.replica import Process, SimulatedReplica
from switchover.testing.simulator.time import SimulatedTime

if TYPE_CHECKING:
    from collections.abc import Sequence

REMEMBERED_SECONDS = 20.0
"""How long what is over may still be believed: a session, a lost answer and its second try, a look at the store."""


class Truth:
    """Remembers when which instance was ill, was said to be, and when which replica was blind, paused or cut off."""

    def __init__(self, time: SimulatedTime, instances: Instances) -> None:
        self._time = time
        self._instances = instances
        self._ill: dict[UUID, float] = {}
        self._troubled: dict[UUID, float] = {}

    def note(self, replicas: "Sequence[SimulatedReplica]") -> None:
        """Take note of how things stand; before and after everything that may change it."""
        self._note(self._ill, self._instances.dead | self._instances.hung)
        self._note(self._troubled, (r.replica_id for r in replicas if _is_troubled(r)))

    def reported(self, instance_id: UUID) -> None:
        """Take note that a person said something about an instance, which is taken at its word."""
        self._ill[instance_id] = self._time.now

    def was_well(self, instance_id: UUID | None) -> bool:
        """Whether an instance has been well for so long that everybody must know who can see."""
        return instance_id is not None and self._is_over(self._ill.get(instance_id))

    @property
    def troubled(self) -> int:
        """How many replicas could not be relied on lately."""
        return sum(not self._is_over(at) for at in self._troubled.values())

    def _note(self, when: dict[UUID, float], which: Iterable[UUID]) -> None:
        for each in which:
            when[each] = self._time.now

    def _is_over(self, at: float | None) -> bool:
        return at is None or self._time.now - at > REMEMBERED_SECONDS


def _is_troubled(replica: SimulatedReplica) -> bool:
    return replica.is_up and (replica.prober.blind or replica.wire.cut or replica.process is Process.PAUSED)
