"""The move back to a preferred instance once it is well again."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from switchover.decision.damping import (
    counted,
    damping_ends_at,
    is_damped,
    is_suppressed,
    suppression_ends_at,
)
from switchover.decision.eligibility import well_since
from switchover.decision.history import failovers_from, forgotten_at, last_failed_over, remembered
from switchover.decision.reasons import Reason
from switchover.decision.survey import Survey, standing_vetoes
from switchover.decision.verdict import Decision, DecisionKind
from switchover.model.backoff import Backoff
from switchover.model.events import PastMove
from switchover.model.instance import Instance
from switchover.model.policy import MOST_FAILBACK_HOLD_DOWN_SECONDS, FailoverPolicy, Strategy
from switchover.model.steadiness import FailbackMode


def fail_back(survey: Survey) -> Decision:
    """The decision about an active that may stay: move to a preferred instance, or hold.

    Preferred means a lower priority number or, with the same, a higher weight; a name is no reason
    to move. The instance must have passed `healthy_threshold` times and been well for its hold-down (`well_at`); it need
    never have been active. With several, the most preferred of those that are ready. Where failback is manual, that is
    told instead; where it has a window, the move waits for it.
    """
    view, policy, active = survey.view, survey.view.proxy.policy, survey.view.active
    fails_back = policy.failover_strategy is Strategy.PRIORITY and (
        policy.failback is FailbackMode.MANUAL
        or (policy.failback is FailbackMode.AUTOMATIC and policy.enable_auto_failover)
    )
    if active is None or not fails_back:
        return survey.hold(Reason.NO_FAILOVER_NEEDED)
    preferred = sorted(
        (i for i in view.instances if _outranks(i, active) and not standing_vetoes(view, i)),
        key=lambda i: i.preference,
    )
    if not preferred:
        return survey.hold(Reason.NO_FAILOVER_NEEDED)
    if view.is_drilling:
        return survey.hold(Reason.DRILLING)
    pin = view.proxy.pin_at(survey.now)
    if pin is not None and pin.instance_id == active.instance_id:
        return survey.hold(Reason.PINNED, recheck_at=pin.until)
    moves = remembered(view.moves, survey.now)
    proven = [i for i in preferred if i.health.consecutive_passes >= policy.healthy_threshold]
    waiting: list[tuple[datetime, Instance]] = []
    for instance in proven:
        at = well_at(instance, moves, policy, survey.now)
        if at <= survey.now:
            return _to_ready(survey, instance)
        waiting.append((at, instance))
    return _held_down(survey, waiting, moves)


def _to_ready(survey: Survey, instance: Instance) -> Decision:
    policy = survey.view.proxy.policy
    if policy.failback is FailbackMode.MANUAL:
        facts = {"instance": instance.name, "proxy": survey.view.proxy.proxy_id}
        return survey.hold(Reason.FAILBACK_IS_MANUAL, facts)
    if policy.failback_window is not None:
        opens_at = policy.failback_window.next_opening(survey.now)
        if opens_at is None or survey.now < opens_at:
            opens = "which never opens" if opens_at is None else f"open from {opens_at:%Y-%m-%d %H:%M}Z"
            return survey.hold(
                Reason.FAILBACK_WINDOW, {"instance": instance.name, "opens": opens}, recheck_at=opens_at
            )
    return survey.move(DecisionKind.FAILBACK, Reason.PREFERRED_IS_WELL, instance)


def well_at(instance: Instance, moves: Sequence[PastMove], policy: FailoverPolicy, now: datetime) -> datetime:
    """When the instance has been well for long enough to be failed back to, as the moves stand.

    The hold-down is `failback_hold_down_seconds`, doubled for each failover away from the instance that is still
    remembered but the latest, and 300 s at the most. A damped or suppressed one waits until that ends too. (A lone
    survivor is not damped for a failover, but where the active may stay there is no hurry to make it active.)

    Args:
        instance: An instance that could serve.
        moves: The remembered moves, oldest first.
        policy: The proxy's.
        now: Decides whether it is damped.
    """
    hold_down = Backoff(
        first_seconds=policy.failback_hold_down_seconds, most_seconds=MOST_FAILBACK_HOLD_DOWN_SECONDS
    )
    repetition = max(0, failovers_from(instance.instance_id, counted(instance, moves, now)) - 1)
    left_at = last_failed_over(instance.instance_id, moves)
    # It was left for errors that its health knows nothing of, when a move in steps was taken back.
    since = well_since(instance) if left_at is None else max(well_since(instance), left_at)
    waits = [since + timedelta(seconds=hold_down.delay(repetition))]
    if is_damped(instance, moves, policy, now):
        waits.append(damping_ends_at(instance, moves))
    suppressed_until = suppression_ends_at(instance, policy)
    if suppressed_until is not None:
        waits.append(suppressed_until)
    return max(waits)


def _held_down(
    survey: Survey, waiting: Sequence[tuple[datetime, Instance]], moves: Sequence[PastMove]
) -> Decision:
    if not waiting:
        return survey.hold(Reason.NO_FAILOVER_NEEDED)
    ends_at, instance = min(waiting, key=lambda wait: wait[0])
    policy = survey.view.proxy.policy
    # Where the clock was set back the end is far off, but no wait is longer than the longest.
    suppressed = is_suppressed(instance, policy, survey.now)
    longest = policy.flap_damping.max_hold_seconds if suppressed else MOST_FAILBACK_HOLD_DOWN_SECONDS
    seconds = min((ends_at - survey.now).total_seconds(), longest)
    # A forgotten move can shorten any of the waits.
    forgotten = [at for _, i in waiting if (at := forgotten_at(i.instance_id, moves)) is not None]
    return survey.hold(
        Reason.PREFERRED_FLAPS if suppressed else Reason.HOLD_DOWN,
        {"seconds": seconds, "instance": instance.name},
        recheck_at=min(ends_at, *forgotten) if forgotten else ends_at,
    )


def _outranks(instance: Instance, active: Instance) -> bool:
    return (instance.priority, -instance.weight) < (active.priority, -active.weight)
