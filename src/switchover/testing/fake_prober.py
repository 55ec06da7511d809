"""A prober whose instances do what a test says."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from switchover.model.clock import Clock
from switchover.model.observation import Observation, Outcome
from switchover.model.policy import CheckType
from switchover.probe.accepted import AcceptedProbes
from switchover.probe.prober import DueProbe, Prober


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedOutcome:
    """What one probe of an instance shows.

    Attributes:
        outcome: PASS, FAIL or INCONCLUSIVE.
        code: The observation's code.
        detail: The observation's detail.
        takes_seconds: How long the probe is under way, on the clock of the prober.
        resolved_host: The observation's resolved host; None takes the address's host.
        certificate_expires_at: The observation's certificate end.
    """

    outcome: Outcome
    code: str
    detail: str = "as scripted"
    takes_seconds: float = 0.0
    resolved_host: str | None = None
    certificate_expires_at: datetime | None = None


PASSES = ScriptedOutcome(outcome=Outcome.PASS, code="ok")
FAILS = ScriptedOutcome(outcome=Outcome.FAIL, code="connect_refused")
CANNOT_TELL = ScriptedOutcome(outcome=Outcome.INCONCLUSIVE, code="crashed")
MISSES_HEARTBEAT = ScriptedOutcome(outcome=Outcome.FAIL, code="heartbeat_missed")


class FakeProber(Prober):
    """Keeps the Prober's contract without I/O.

    What is not scripted passes; a heartbeat that is not scripted is missed, as its due probe says. A test scripts
    outcomes with `script`, holds probes back with `hold` and `release`, and reads `probed`: every probe that began, in
    order.

    Args:
        clock: Dates observations and lets `takes_seconds` pass.
        most_accepted: The bound on accepted probes, 1 or more.
    """

    def __init__(self, clock: Clock, *, most_accepted: int = 10_000) -> None:
        self._clock = clock
        self._accepted = AcceptedProbes(most_accepted)
        self._scripts: dict[UUID, deque[ScriptedOutcome]] = defaultdict(deque)
        self._releases: dict[UUID, asyncio.Event] = {}
        self.probed: list[DueProbe] = []

    def script(self, instance_id: UUID, *outcomes: ScriptedOutcome) -> None:
        """Let the instance's next probes show `outcomes`, one each; the last is repeated for ever."""
        self._scripts[instance_id] = deque(outcomes)

    def hold(self, instance_id: UUID) -> None:
        """Let no probe of the instance end, until `release`."""
        self._releases.setdefault(instance_id, asyncio.Event())

    def release(self, instance_id: UUID) -> None:
        """Let probes of the instance end again."""
        held = self._releases.pop(instance_id, None)
        if held is not None:
            held.set()

    async def submit(self, due: Sequence[DueProbe]) -> None:
        await self._accepted.accept(due)

    async def observations(self) -> Sequence[Observation]:
        return await self._accepted.take()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                due = await self._accepted.next_due()
                self.probed.append(due)
                tasks.create_task(self._probe(due), name=f"fake probe of {due.instance_id}")

    async def _probe(self, due: DueProbe) -> None:
        started_at, started = self._clock.now(), self._clock.monotonic()
        scripted = self._next_outcome(due)
        if scripted.takes_seconds > 0:
            await self._clock.sleep(scripted.takes_seconds)
        held = self._releases.get(due.instance_id)
        if held is not None:
            await held.wait()
        is_measured = due.address is not None and scripted.outcome is not Outcome.INCONCLUSIVE
        self._accepted.finish(
            Observation(
                instance_id=due.instance_id,
                outcome=scripted.outcome,
                code=scripted.code,
                detail=scripted.detail,
                started_at=started_at,
                ended_at=max(started_at, self._clock.now()),
                latency_ms=(self._clock.monotonic() - started) * 1000 if is_measured else None,
                resolved_host=scripted.resolved_host or (due.address.host if due.address else None),
                certificate_expires_at=scripted.certificate_expires_at,
            )
        )

    def _next_outcome(self, due: DueProbe) -> ScriptedOutcome:
        script = self._scripts[due.instance_id]
        if not script:
            return MISSES_HEARTBEAT if due.check.type is CheckType.HEARTBEAT else PASSES
        return script.popleft() if len(script) > 1 else script[0]
