"""The move back to a preferred instance once it is well again."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from switchover.decision.damping import damping_ends_at, is_damped
from switchover.decision.eligibility import well_since
from switchover.decision.history import failovers_from, forgotten_at, remembered
from switchover.decision.reasons import Reason
from switchover.decision.survey import Survey, standing_vetoes
from switchover.decision.verdict import Decision, DecisionKind
from switchover.model.backoff import Backoff
from switchover.model.events import PastMove
from switchover.model.instance import Instance
from switchover.model.policy import MOST_FAILBACK_HOLD_DOWN_SECONDS, FailoverPolicy, Strategy


def fail_back(survey: Survey) -> Decision:
    """The decision about an active that may stay: move to a preferred instance, or hold.

    Preferred means a lower priority number or, with the same, a higher weight; a name is no reason
    to move. The instance must have passed `healthy_threshold` times and been well for its hold-down (`well_at`); it need
    never have been active. With several, the most preferred of those that are ready.
    """
    view, policy, active = survey.view, survey.view.proxy.policy, survey.view.active
    fails_back = (
        policy.failover_strategy is Strategy.PRIORITY
        and policy.enable_auto_failover
        and policy.enable_auto_recovery
    )
    if active is None or not fails_back:
        return survey.hold(Reason.NO_FAILOVER_NEEDED)
    preferred = sorted(
        (i for i in view.instances if _outranks(i, active) and not standing_vetoes(view, i)),
        key=lambda i: i.preference,
    )
    if not preferred:
        return survey.hold(Reason.NO_FAILOVER_NEEDED)
    if view.proxy.pinned_instance_id == active.instance_id:
        return survey.hold(Reason.PINNED)
    moves = remembered(view.moves, survey.now)
    proven = [i for i in preferred if i.health.consecutive_passes >= policy.healthy_threshold]
    waiting: list[tuple[datetime, Instance]] = []
    for instance in proven:
        at = well_at(instance, moves, policy, survey.now)
        if at <= survey.now:
            return survey.move(DecisionKind.FAILBACK, Reason.PREFERRED_IS_WELL, instance)
        waiting.append((at, instance))
    return _held_down(survey, waiting, moves)


def well_at(instance: Instance, moves: Sequence[PastMove], policy: FailoverPolicy, now: datetime) -> datetime:
    """When the instance has been well for long enough to be failed back to, as the moves stand.

    The hold-down is `failback_hold_down_seconds`, doubled for each failover away from the instance that is still
    remembered but the latest, and 300 s at the most. A damped one waits until its damping ends too. (A lone survivor
    is not damped for a failover, but where the active may stay there is no hurry to make it active.)

    Args:
        instance: An instance that could serve.
        moves: The remembered moves, oldest first.
        policy: The proxy's.
        now: Decides whether it is damped.
    """
    hold_down = Backoff(
        first_seconds=policy.failback_hold_down_seconds, most_seconds=MOST_FAILBACK_HOLD_DOWN_SECONDS
    )
    repetition = max(0, failovers_from(instance.instance_id, moves) - 1)
    held_down_until = well_since(instance) + timedelta(seconds=hold_down.delay(repetition))
    if is_damped(instance, moves, policy, now):
        return max(held_down_until, damping_ends_at(instance))
    return held_down_until


def _held_down(
    survey: Survey, waiting: Sequence[tuple[datetime, Instance]], moves: Sequence[PastMove]
) -> Decision:
    if not waiting:
        return survey.hold(Reason.NO_FAILOVER_NEEDED)
    ends_at, instance = min(waiting, key=lambda wait: wait[0])
    # Where the clock was set back the end is far off, but no wait is longer than the longest.
    seconds = min((ends_at - survey.now).total_seconds(), MOST_FAILBACK_HOLD_DOWN_SECONDS)
    # A forgotten move can shorten any of the waits.
    forgotten = [at for _, i in waiting if (at := forgotten_at(i.instance_id, moves)) is not None]
    return survey.hold(
        Reason.HOLD_DOWN,
        {"seconds": seconds, "instance": instance.name},
        recheck_at=min(ends_at, *forgotten) if forgotten else ends_at,
    )


def _outranks(instance: Instance, active: Instance) -> bool:
    return (instance.priority, -instance.weight) < (active.priority, -active.weight)
