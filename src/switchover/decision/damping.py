"""Damping: an instance that keeps failing is left alone for a while.

There are two ways to it. An instance that keeps falling is suppressed by its flap score (`health/flapping.py`). One that keeps
failing soon after a failback, however slowly, is damped by the moves of the last hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from switchover.decision.history import failed_failbacks, last_failed_over, remembered
from switchover.decision.reasons import Veto
from switchover.health.flapping import flap_score, suppressed_until
from switchover.model.events import PastMove
from switchover.model.instance import Instance
from switchover.model.observation import STEADY, Health
from switchover.model.policy import MOST_FAILBACK_HOLD_DOWN_SECONDS, FailoverPolicy

WELL_FOR = timedelta(seconds=MOST_FAILBACK_HOLD_DOWN_SECONDS)
"""How long an instance that was damped for its failbacks must have been HEALTHY."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damping:
    """How an instance is damped at one moment.

    Attributes:
        flap_score: Its flap score, in falls.
        vetoes: Why it is damped; empty when it is not.
        until: When the damping ends if nothing more happens; None when it is not damped, or when that waits for the
            instance to be HEALTHY first.
    """

    flap_score: float
    vetoes: tuple[Veto, ...]
    until: datetime | None


def damping_of(
    instance: Instance, moves: Sequence[PastMove], policy: FailoverPolicy, now: datetime
) -> Damping:
    """How the instance is damped, whether or not another one is left."""
    vetoes: list[Veto] = []
    ends: list[datetime] = []
    if is_damped(instance, moves, policy, now):
        vetoes.append(Veto.DAMPED)
        ends.append(damping_ends_at(instance, moves))
    if is_suppressed(instance, policy, now):
        vetoes.append(Veto.FLAPPING)
        ends.append(suppression_ends_at(instance, policy) or now)
    waits_for_health = Veto.DAMPED in vetoes and instance.health.state is not Health.HEALTHY
    return Damping(
        flap_score=flap_score(instance.health.flapping, policy.flap_damping, now),
        vetoes=tuple(vetoes),
        until=max(ends) if ends and not waits_for_health else None,
    )


def is_damped(instance: Instance, moves: Sequence[PastMove], policy: FailoverPolicy, now: datetime) -> bool:
    """Whether `max_failbacks` failbacks within the hour failed again, and the instance is not well for long enough yet.

    `max_failbacks` of 0 reads as 1: the first failback that fails damps. (Before one there is
    nothing to damp; to have no failback at all, set `failback` to `never`.) That a lone survivor is
    never damped is a matter of what else there is, and is settled where all instances are judged.
    """
    failed = failed_failbacks(instance.instance_id, counted(instance, moves, now))
    if failed < max(1, policy.max_failbacks):
        return False
    return instance.health.state is not Health.HEALTHY or now < damping_ends_at(instance, moves)


def damping_ends_at(instance: Instance, moves: Sequence[PastMove]) -> datetime:
    """When the damping of a HEALTHY instance ends, if it stays so.

    What it answered with errors, so that a move in steps was taken back, its health may know nothing of: it has been well
    since then at the most.
    """
    well_since = instance.health.changed_at or instance.created_at
    left_at = last_failed_over(instance.instance_id, moves)
    return (well_since if left_at is None else max(well_since, left_at)) + WELL_FOR


def is_suppressed(instance: Instance, policy: FailoverPolicy, now: datetime) -> bool:
    """Whether the instance is left alone for its flap score."""
    ends_at = suppression_ends_at(instance, policy)
    return ends_at is not None and now < ends_at


def suppression_ends_at(instance: Instance, policy: FailoverPolicy) -> datetime | None:
    """When the suppression of an instance ends, or ended, if it falls no more; None when it is not suppressed."""
    return suppressed_until(instance.health.flapping, policy.flap_damping)


def counted(instance: Instance, moves: Sequence[PastMove], now: datetime) -> tuple[PastMove, ...]:
    """The remembered moves that count for the instance: those since an operator cleared its damping."""
    cleared_at = instance.damping_cleared_at
    return tuple(
        move for move in remembered(moves, now) if cleared_at is None or move.committed_at > cleared_at
    )


def cleared(instance: Instance, moves: Sequence[PastMove], now: datetime) -> Instance:
    """The instance once an operator cleared its damping: no score, and no past move counts against it.

    Where the clock was set back, moves from the future are past too.
    """
    until = max((move.committed_at for move in moves), default=now)
    return replace(
        instance,
        damping_cleared_at=max(now, until),
        health=replace(instance.health, flapping=STEADY),
    )
