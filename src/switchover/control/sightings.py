"""PURE: the last few things that were seen of each instance, and from where.

Health keeps counters; whoever asks later why they stood as they did wants to see the probes behind them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from switchover.model.observation import Observation, Report

KEPT = 5
"""How many sightings of one instance are kept from each vantage."""
MOST_KEPT = 25
"""How many of one instance are kept from all vantages together; the oldest go first."""

REPORT_CODE = "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One observation or report as history keeps it.

    Attributes:
        vantage: Who saw it: the name of the replica; None when there is but one process.
        instance_id: The instance.
        outcome: `pass`, `fail` or `inconclusive` for a probe; for a report the verdict: `healthy`, `unhealthy`, `unknown`.
        code: Why, as a stable word; `report` for a report.
        detail: Why, for a person.
        started_at: When it began (wall clock, UTC).
        ended_at: When it ended.
    """

    vantage: str | None
    instance_id: UUID
    outcome: str
    code: str
    detail: str
    started_at: datetime
    ended_at: datetime


Sightings = Mapping[UUID, tuple[Sighting, ...]]
"""Instance → what was seen of it, oldest first."""


def sighting_of(seen: Observation | Report, vantage: str | None) -> Sighting:
    """The sighting of `seen` from `vantage`."""
    if isinstance(seen, Observation):
        return Sighting(
            vantage=vantage,
            instance_id=seen.instance_id,
            outcome=seen.outcome.value,
            code=seen.code,
            detail=seen.detail,
            started_at=seen.started_at,
            ended_at=seen.ended_at,
        )
    return Sighting(
        vantage=vantage,
        instance_id=seen.instance_id,
        outcome=seen.verdict.value,
        code=REPORT_CODE,
        detail=f"reported {seen.verdict.value}",
        started_at=seen.reported_at,
        ended_at=seen.reported_at,
    )


def sighted(before: Sightings, new: Iterable[Sighting]) -> Sightings:
    """`before` with `new` added, of each instance the last `KEPT` from each vantage and `MOST_KEPT` in all."""
    after: dict[UUID, tuple[Sighting, ...]] = {}
    for sighting in new:
        known = after.get(sighting.instance_id, before.get(sighting.instance_id, ()))
        after[sighting.instance_id] = _bounded((*known, sighting), sighting.vantage)
    return {**before, **after} if after else before


def _bounded(seen: Sequence[Sighting], vantage: str | None) -> tuple[Sighting, ...]:
    if sum(1 for sighting in seen if sighting.vantage == vantage) > KEPT:
        oldest = next(n for n, sighting in enumerate(seen) if sighting.vantage == vantage)
        seen = (*seen[:oldest], *seen[oldest + 1 :])
    return tuple(seen[-MOST_KEPT:])
