"""Instances that live and die, and the prober by which one replica sees them."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from switchover.model.clock import Clock
from switchover.model.observation import Observation, Outcome
from switchover.model.recovery import RecoveryAnswer, RecoveryCall
from switchover.probe.prober import DueProbe, Prober
from switchover.recover.recoverer import Recoverer
from switchover.testing.simulator.dice import Dice

_SLOWEST_SECONDS = 0.05
_SLOWEST_RECOVERY_SECONDS = 0.5
_LOST = 0.02


class Instances:
    """The servers themselves.

    Attributes:
        dead: Those that refuse.
        hung: Those that accept and say nothing.
    """

    def __init__(self) -> None:
        self.dead: set[UUID] = set()
        self.hung: set[UUID] = set()


class SimulatedRecoverer(Recoverer):
    """Brings simulated instances back, when it is lucky."""

    def __init__(self, instances: Instances, dice: Dice) -> None:
        self._instances = instances
        self._dice = dice

    async def recover(self, call: RecoveryCall) -> RecoveryAnswer:
        await asyncio.sleep(self._dice.uniform(0, _SLOWEST_RECOVERY_SECONDS))
        if self._dice.happens(0.5):
            self._instances.dead.discard(call.instance_id)
            self._instances.hung.discard(call.instance_id)
        accepted = self._dice.happens(0.7)
        return RecoveryAnswer(accepted=accepted, detail="revived" if accepted else "refused")


class SimulatedProber(Prober):
    """Asks simulated instances. Some results are lost on the way, which is our fault and no failure.

    Attributes:
        calm: While True nothing is lost.
        blind: While True it reaches nothing.
    """

    def __init__(self, clock: Clock, instances: Instances, dice: Dice) -> None:
        self.calm = False
        self.blind = False
        self._clock = clock
        self._instances = instances
        self._dice = dice
        self._under_way: set[UUID] = set()
        self._ended: list[Observation] = []
        self._any_ended = asyncio.Event()

    async def submit(self, due: Sequence[DueProbe]) -> None:
        loop = asyncio.get_running_loop()
        for probe in due:
            if probe.instance_id not in self._under_way:
                self._under_way.add(probe.instance_id)
                hangs = self.blind or probe.instance_id in self._instances.hung
                takes = probe.timeout_seconds if hangs else self._dice.uniform(0, _SLOWEST_SECONDS)
                loop.call_later(takes, self._end, probe)

    async def observations(self) -> Sequence[Observation]:
        while not self._ended:
            self._any_ended.clear()
            await self._any_ended.wait()
        ended, self._ended = self._ended, []
        self._under_way.difference_update(o.instance_id for o in ended)
        return ended

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()

    def _end(self, probe: DueProbe) -> None:
        instance_id, address = probe.instance_id, probe.address
        if not self.calm and self._dice.happens(_LOST):
            outcome, code = Outcome.INCONCLUSIVE, "lost"
        elif self.blind or instance_id in self._instances.hung:
            outcome, code = Outcome.FAIL, "timeout"
        elif instance_id in self._instances.dead:
            outcome, code = Outcome.FAIL, "connect_refused"
        else:
            outcome, code = Outcome.PASS, "ok"
        now = self._clock.now()
        self._ended.append(
            Observation(
                instance_id=instance_id,
                outcome=outcome,
                code=code,
                detail="",
                started_at=now,
                ended_at=now,
                latency_ms=1.0 if outcome is not Outcome.INCONCLUSIVE else None,
                resolved_host=address.host if address is not None else None,
            )
        )
        self._any_ended.set()
