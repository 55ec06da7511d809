"""The flap score: how often an instance has been falling lately (RFC 2439)."""

from dataclasses import replace
from datetime import datetime, timedelta
from math import log2

from switchover.health.machine import HealthChange
from switchover.model.observation import Flapping, Health, InstanceHealth
from switchover.model.steadiness import FlapDamping

PENALTY = 1.0
"""What one fall adds to the score."""


def penalised(change: HealthChange, damping: FlapDamping) -> HealthChange:
    """The change with its fall counted in the flap score; the same change when it is none, or damping is off."""
    after = change.after
    if not (change.changed and after.state is Health.UNHEALTHY and damping.enabled):
        return change
    at = after.changed_at
    if at is None:
        return change
    return replace(change, after=replace(after, flapping=_after_fall(change.before, at, damping)))


def flap_score(flapping: Flapping, damping: FlapDamping, now: datetime) -> float:
    """The score at `now`, 0 or more. It never grows by waiting, nor by setting the clock back."""
    if flapping.scored_at is None or not damping.enabled:
        return 0.0
    elapsed = max(0.0, (now - flapping.scored_at).total_seconds())
    return float(flapping.score * 2.0 ** (-elapsed / damping.half_life_seconds))


def suppressed_until(flapping: Flapping, damping: FlapDamping) -> datetime | None:
    """When a suppressed instance is trusted again, unless it falls once more; None when it is not suppressed.

    It may lie in the past.
    """
    if flapping.suppressed_since is None or flapping.scored_at is None or not damping.enabled:
        return None
    half_lives = max(0.0, log2(max(flapping.score, damping.reuse_limit) / damping.reuse_limit))
    # The maximum hold may have been shortened since the score was counted.
    seconds = min(half_lives * damping.half_life_seconds, damping.max_hold_seconds)
    return flapping.scored_at + timedelta(seconds=seconds)


def _after_fall(before: InstanceHealth, at: datetime, damping: FlapDamping) -> Flapping:
    flapping = before.flapping
    score = min(flap_score(flapping, damping, at) + PENALTY, damping.ceiling)
    ends_at = suppressed_until(flapping, damping)
    since = flapping.suppressed_since if ends_at is not None and at < ends_at else None
    if since is None and score >= damping.suppress_limit:
        since = at
    return Flapping(score=score, scored_at=at, suppressed_since=since)
