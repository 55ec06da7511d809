"""Damping: an instance that keeps failing soon after a failback is left alone for a while."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from switchover.decision.history import failed_failbacks, remembered
from switchover.model.events import PastMove
from switchover.model.instance import Instance
from switchover.model.observation import Health
from switchover.model.policy import MOST_FAILBACK_HOLD_DOWN_SECONDS, FailoverPolicy

WELL_FOR = timedelta(seconds=MOST_FAILBACK_HOLD_DOWN_SECONDS)
"""How long a damped instance must have been HEALTHY."""


def is_damped(instance: Instance, moves: Sequence[PastMove], policy: FailoverPolicy, now: datetime) -> bool:
    """Whether `max_failbacks` failbacks within the hour failed again, and the instance is not well for long enough yet.

    `max_failbacks` of 0 reads as 1: the first failback that fails damps. (Before one there is
    nothing to damp; to have no failback at all, turn `enable_auto_recovery` off.) That a lone survivor is
    never damped is a matter of what else there is, and is settled where all instances are judged.
    """
    failed = failed_failbacks(instance.instance_id, remembered(moves, now))
    if failed < max(1, policy.max_failbacks):
        return False
    return instance.health.state is not Health.HEALTHY or now < damping_ends_at(instance)


def damping_ends_at(instance: Instance) -> datetime:
    """When the damping of a HEALTHY instance ends, if it stays so."""
    return (instance.health.changed_at or instance.created_at) + WELL_FOR
