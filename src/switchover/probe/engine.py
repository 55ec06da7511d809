"""The engine: bounded, one task per probe under way, one observation per accepted probe."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import structlog

from switchover.model.clock import Clock
from switchover.model.errors import Fault
from switchover.model.observation import Observation, Outcome
from switchover.model.policy import CheckType
from switchover.probe.accepted import AcceptedProbes
from switchover.probe.attempt import Attempt, Trust
from switchover.probe.errors import AddressRefused, NameNotFound, ResolutionFailed
from switchover.probe.faults import CheckUnusable, finding_of
from switchover.probe.finding import Code, Finding, one_line
from switchover.probe.grpc import probe_grpc
from switchover.probe.heartbeat import missed_heartbeat
from switchover.probe.http import probe_http
from switchover.probe.loop_lag import LagWatch, LoopLag
from switchover.probe.prober import DueProbe, Prober, Resolver
from switchover.probe.tcp import probe_tcp
from switchover.probe.tls import probe_tls

_log = structlog.get_logger(__name__)

TOLERATED_LAG_SHARE = 0.25
"""The share of a probe's timeout that the loop may owe it before its failure to answer in time says nothing."""

_BLAMED_ON_TIME = frozenset({Code.TIMEOUT, Code.CLOSED_EARLY, Code.CONNECTION_RESET})
"""Failures that a stall of ours can cause: a peer that waits for us in vain hangs up."""


@dataclass(slots=True)
class _Progress:
    """How far a probe came; it outlives the deadline that cuts the probe off."""

    resolved_host: str | None = None


class ProbeEngine(Prober):
    """Makes real probes on the running event loop (asyncio's own or uvloop).

    - At most `most_concurrent` probes are under way at once, each with at most one connection open. The rest wait in
      the order in which they came; a probe's deadline starts when the probe does.
    - At most `most_accepted` are accepted. A probe counts until its observation is taken, so `submit` and
      `observations` belong to two tasks: one that does both by turns would wait for itself at the bound.
    - One probe per instance: while one is accepted, another for the same instance is ignored. It leaves no
      observation; the one under way does.
    - A prober that crashes is logged once, as our own fault, and leaves INCONCLUSIVE `crashed`.
    - While probes are under way the engine beats every 20 ms and sums up by how much its beats are late (5 ms are
      free). When the loop owed a probe more than a quarter of its timeout, its timeout, reset or early close becomes
      INCONCLUSIVE `loop_stalled`: at a timeout of 1 s, more than 250 ms. Stalls below 20 ms can go unseen.

    After `run` was cancelled the engine is spent: probes that were under way leave no observation.

    Args:
        clock: Its wall clock dates observations, its monotonic clock measures them.
        resolver: Turns names into addresses that may be contacted.
        most_concurrent: 1 or more.
        most_accepted: 1 or more.
        trust: What decides whose certificate is valid; None is the system's trust store.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        resolver: Resolver,
        most_concurrent: int = 256,
        most_accepted: int = 10_000,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._clock = clock
        self._resolver = resolver
        self._most_concurrent = most_concurrent
        self._trust = Trust(trust)
        self._lag = LoopLag(clock)
        self._accepted = AcceptedProbes(most_accepted)

    async def submit(self, due: Sequence[DueProbe]) -> None:
        """See `Prober.submit`."""
        await self._accepted.accept(due)

    async def observations(self) -> Sequence[Observation]:
        """See `Prober.observations`."""
        return await self._accepted.take()

    async def run(self) -> None:
        """See `Prober.run`."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._lag.run(), name="loop lag")
            for number in range(self._most_concurrent):
                tasks.create_task(self._work(), name=f"prober {number}")

    async def _work(self) -> None:
        while True:
            due = await self._accepted.next_due()
            self._accepted.finish(await self._observe(due))

    async def _observe(self, due: DueProbe) -> Observation:
        started_at, started = self._clock.now(), self._clock.monotonic()
        progress = _Progress()
        with self._lag.watch() as watch:
            finding = await self._find(due, progress)
            seconds = self._clock.monotonic() - started
            finding = _excused(finding, due, watch, late_seconds=seconds - due.timeout_seconds)
        is_measured = progress.resolved_host is not None and finding.outcome is not Outcome.INCONCLUSIVE
        return Observation(
            instance_id=due.instance_id,
            outcome=finding.outcome,
            code=finding.code.value,
            detail=one_line(finding.detail),
            started_at=started_at,
            # The wall clock may have been set back meanwhile.
            ended_at=max(started_at, self._clock.now()),
            latency_ms=seconds * 1000 if is_measured else None,
            resolved_host=progress.resolved_host,
            certificate_expires_at=finding.certificate_expires_at,
        )

    async def _find(self, due: DueProbe, progress: _Progress) -> Finding:
        """What the probe finds within its deadline; raises for nothing but our own cancellation."""
        try:
            async with asyncio.timeout(due.timeout_seconds):
                return await self._ask(due, progress)
        except TimeoutError:
            if progress.resolved_host is None:
                return Finding.inconclusive(
                    Code.DNS_UNAVAILABLE, f"no address within {due.timeout_seconds:g} s"
                )
            return Finding.failed(Code.TIMEOUT, f"no answer within {due.timeout_seconds:g} s")
        except asyncio.CancelledError:
            if _is_stopping():
                raise
            # A library cancelled itself; nobody cancelled us.
            return _crashed(due)
        except Exception:  # noqa: BLE001 - logged by _crashed; a prober's bug must cost one observation, not the engine
            return _crashed(due)

    async def _ask(self, due: DueProbe, progress: _Progress) -> Finding:
        check = due.check
        if check.type is CheckType.HEARTBEAT:
            return missed_heartbeat()
        if due.address is None or check.type is CheckType.NONE:
            return Finding.inconclusive(Code.NOT_PROBED, "there is nothing to ask")
        now = self._clock.now()
        try:
            progress.resolved_host = await self._resolver.resolve(due.address.host)
            attempt = Attempt(
                address=due.address,
                check=check,
                ip=progress.resolved_host,
                timeout_seconds=due.timeout_seconds,
                now=now,
                trust=self._trust,
            )
            match check.type:
                case CheckType.TCP:
                    return await probe_tcp(attempt)
                case CheckType.HTTP:
                    return await probe_http(attempt)
                case CheckType.TLS:
                    return await probe_tls(attempt)
                case CheckType.GRPC:
                    return await probe_grpc(attempt)
                case _:
                    assert_never(check.type)
        except (OSError, NameNotFound, ResolutionFailed, AddressRefused, CheckUnusable) as error:
            return finding_of(error)


def _excused(finding: Finding, due: DueProbe, watch: LagWatch, *, late_seconds: float) -> Finding:
    """`finding`, or INCONCLUSIVE when the loop kept the probe from its time."""
    if finding.outcome is not Outcome.FAIL or finding.code not in _BLAMED_ON_TIME:
        return finding
    lag = max(watch.lost_seconds(), late_seconds)
    if lag <= TOLERATED_LAG_SHARE * due.timeout_seconds:
        return finding
    return Finding.inconclusive(
        Code.LOOP_STALLED,
        f"{finding.detail}, but we were {lag * 1000:.0f} ms late ourselves",
    )


def _is_stopping() -> bool:
    """Whether somebody cancelled the current task.

    Its own function, because a task in a local of a frame that it unwinds is a cycle: sockets would wait for the
    garbage collector.
    """
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _crashed(due: DueProbe) -> Finding:
    """The finding of a crashed prober; call it where the exception is being handled."""
    _log.exception(
        "probe crashed", fault=Fault.OURS.value, instance_id=str(due.instance_id), check=due.check.type.value
    )
    return Finding.inconclusive(Code.CRASHED, "the prober crashed; our log has the reason")
