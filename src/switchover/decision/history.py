"""What the last hour's moves say about one instance.

A committed move is remembered for an hour. A move from the future (the clock was set back) is as
young as can be: it counts.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from switchover.model.events import EventType, PastMove

HISTORY = timedelta(hours=1)
"""How long a move counts."""


def remembered(moves: Iterable[PastMove], now: datetime) -> tuple[PastMove, ...]:
    """The moves that still count at `now`, in their order."""
    return tuple(move for move in moves if now < move.committed_at + HISTORY)


def failovers_from(instance_id: UUID, moves: Iterable[PastMove]) -> int:
    """How often `moves` failed over away from the instance."""
    return sum(1 for move in moves if _fails_over_from(move, instance_id))


def failed_failbacks(instance_id: UUID, moves: Sequence[PastMove]) -> int:
    """How many failbacks to the instance ended in a failover away from it."""
    return sum(
        1
        for there, away in pairwise(moves)
        if there.event_type is EventType.FAILBACK
        and there.target_instance_id == instance_id
        and _fails_over_from(away, instance_id)
    )


def last_failed_over(instance_id: UUID, moves: Iterable[PastMove]) -> datetime | None:
    """When `moves` last failed over away from the instance; None when they did not."""
    return max((move.committed_at for move in moves if _fails_over_from(move, instance_id)), default=None)


def forgotten_at(instance_id: UUID, moves: Iterable[PastMove]) -> datetime | None:
    """When the next of `moves` that concern the instance stops counting; None without one."""
    return min(
        (
            move.committed_at + HISTORY
            for move in moves
            if instance_id in {move.source_instance_id, move.target_instance_id}
        ),
        default=None,
    )


def _fails_over_from(move: PastMove, instance_id: UUID) -> bool:
    return move.event_type is EventType.FAILOVER and move.source_instance_id == instance_id
