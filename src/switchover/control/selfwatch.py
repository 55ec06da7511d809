"""Watches ourselves: whether what this replica sees is to be believed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

import structlog

from switchover.control.outlook import DoubtRules, Outlook
from switchover.decision.doubt import Doubt
from switchover.model.address import Address
from switchover.model.clock import Clock
from switchover.model.observation import InstanceHealth, Observation, Outcome
from switchover.model.policy import HealthCheck
from switchover.probe.prober import DueProbe

_log = structlog.get_logger(__name__)

BEAT_SECONDS = 1.0
"""A stall shorter than this can hide between two beats."""
REFERENCE_SECONDS = 2.0
"""How often a reference target is asked; it has half of that to answer."""
TOLD_AFTER_SECONDS = 3.0
"""How long a doubt lasts before the other replicas are told, and take over: a stall is over sooner."""
TOLD_FOR_SECONDS = 30.0
"""How long after a doubt they are told that we see well again: proxies that went to and fro would be worse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfDoubt:
    """When this replica does not believe what it sees.

    Attributes:
        rules: About what it watches, and its loop.
        references: Addresses that must answer, asked by opening a connection; when none does, we are blind.
    """

    rules: DoubtRules = field(default_factory=DoubtRules)
    references: tuple[Address, ...] = ()


class SelfWatch:
    """Holds the outlook of this process; lets decisions and the other replicas know of doubts.

    Args:
        clock: Its monotonic clock measures.
        doubting: When to doubt.
        turned: Called when a doubt begins or ends.
    """

    def __init__(self, clock: Clock, doubting: SelfDoubt, turned: Callable[[], None]) -> None:
        self._clock = clock
        self._turned = turned
        self._outlook = Outlook(doubting.rules)
        self._probes = {_id_of(address): _probe(address) for address in doubting.references}
        self._doubt: Doubt | None = None
        self._since: float = 0.0
        self._since_wall: datetime | None = None
        self._ended = float("-inf")
        self._told: str | None = None
        self._seen_at: dict[UUID, float] = {}

    @property
    def references(self) -> Mapping[UUID, DueProbe]:
        """What is asked every `REFERENCE_SECONDS`, by an id that no instance has."""
        return self._probes

    @property
    def doubt(self) -> Doubt | None:
        """Why what we see is not to be believed now; None when it is."""
        self._look()
        return self._doubt

    @property
    def doubting_since(self) -> datetime | None:
        """Since when there is a doubt, on the wall clock; None without one."""
        self._look()
        return self._since_wall

    def unseen(self, instance_ids: Iterable[UUID], within_seconds: float) -> tuple[frozenset[UUID], float]:
        """Those of the instances that were not seen since our last doubt ended, and for how many seconds from now they are
        waited for; none and 0 when it ended longer ago than `within_seconds`. Ask for `doubt` first.
        """
        left = self._ended + within_seconds - self._clock.monotonic()
        if self._doubt is not None or left <= 0:
            return frozenset(), 0.0
        return frozenset(i for i in instance_ids if self._seen_at.get(i, self._ended) <= self._ended), left

    @property
    def told(self) -> str | None:
        """What the other replicas are to be told: a doubt that lasts, or has only just ended; None when we see well."""
        self._look()
        at = self._clock.monotonic()
        if self._doubt is not None and at - self._since >= TOLD_AFTER_SECONDS:
            self._told = str(self._doubt)
        elif self._doubt is None and at - self._ended >= TOLD_FOR_SECONDS:
            self._told = None
        return self._told

    def saw(self, observation: Observation, health: InstanceHealth) -> None:
        """Take note of what a probe of ours found, and of what is believed of the instance since."""
        at = self._clock.monotonic()
        if observation.outcome is not Outcome.INCONCLUSIVE:
            self._seen_at[observation.instance_id] = at
        match observation.outcome:
            case Outcome.PASS:
                self._outlook.answered(observation.instance_id, at)
            case Outcome.FAIL:
                began = health.first_failed_at
                ago = 0.0 if began is None else (self._clock.now() - began).total_seconds()
                self._outlook.failed(observation.instance_id, since=at - max(0.0, ago))
            case Outcome.INCONCLUSIVE:
                pass

    def second_looks(self) -> Sequence[UUID]:
        """Instances to probe at once, because others began to fail: whether many do is not known yet."""
        return self._outlook.unasked()

    def saw_reference(self, observation: Observation) -> None:
        """Take note of what the probe of a reference target found."""
        if observation.outcome is not Outcome.INCONCLUSIVE:
            answers = observation.outcome is Outcome.PASS
            self._outlook.reference(observation.instance_id, answers=answers)

    def forget(self, instance_ids: Iterable[UUID]) -> None:
        """Look at these instances no more."""
        for instance_id in instance_ids:
            self._outlook.forget(instance_id)
            self._seen_at.pop(instance_id, None)

    async def run(self) -> None:
        """Beat, so that a loop that is late is noticed, until cancelled."""
        while True:
            due = self._clock.monotonic() + BEAT_SECONDS
            await self._clock.sleep(BEAT_SECONDS)
            now = self._clock.monotonic()
            self._outlook.was_late(now - due, now)
            self._look()

    def _look(self) -> None:
        at = self._clock.monotonic()
        former, self._doubt = self._doubt, self._outlook.doubt(at)
        if (former is None) == (self._doubt is None):
            return
        if self._doubt is not None:
            self._since, self._since_wall = at, self._clock.now()
            _log.error("doubting ourselves", doubt=str(self._doubt), **self._doubt.facts, fault="ours")
        else:
            self._ended = at
            seconds = round(at - self._since, 1)
            _log.warning("no longer doubting ourselves", seconds=seconds)
            self._since_wall = None
        self._turned()


def _id_of(address: Address) -> UUID:
    return UUID(bytes=blake2b(str(address).encode(), key=b"reference target", digest_size=16).digest())


def _probe(address: Address) -> DueProbe:
    return DueProbe(
        instance_id=_id_of(address),
        address=address,
        check=HealthCheck(),
        timeout_seconds=REFERENCE_SECONDS / 2,
    )
