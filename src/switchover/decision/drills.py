"""How a drill goes on: there, confirmed, held, back again, inside the rules and never forced."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from switchover.decision.decide import decide
from switchover.decision.eligibility import lasting_vetoes
from switchover.decision.guards import guarded
from switchover.decision.reasons import Reason, sentence
from switchover.decision.redundancy import redundancy_of
from switchover.decision.survey import survey
from switchover.decision.verdict import Decision, DecisionKind
from switchover.decision.view import View
from switchover.model.drills import Drill, DrillOutcome, DrillStatus
from switchover.model.errors import Conflict
from switchover.model.events import EventStatus, EventType, FailoverEvent
from switchover.model.instance import Instance
from switchover.model.observation import Health

LATEST = timedelta(minutes=5)
"""How long after its time something scheduled is still begun; later, nobody expects it any more."""

LOOK_AGAIN = timedelta(seconds=0.5)
"""How often a drill looks whether its move is confirmed."""


class Leg(StrEnum):
    """A move of a drill."""

    OUT = "out"
    BACK = "back"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillStep:
    """What is to be done about a drill.

    Attributes:
        drill: The drill as it is to be recorded first; unchanged when there is nothing to record.
        move: The move to make then; None for none.
        wake_at: When to look again; None when it has ended.
    """

    drill: Drill
    move: Leg | None = None
    wake_at: datetime | None = None


def next_step(
    drill: Drill, view: View, event: FailoverEvent | None, event_id: UUID, now: datetime
) -> DrillStep:
    """How `drill`, which is open, goes on at `now`.

    Args:
        drill: As it is recorded.
        view: Its proxy.
        event: The recorded event of the leg that it is on; None when that was never committed.
        event_id: What to call the event of the next move.
        now: The time.
    """
    match drill.status:
        case DrillStatus.PENDING:
            return _begin(drill, view, event_id, now)
        case DrillStatus.MOVING:
            return _there(drill, view, event, event_id, now)
        case DrillStatus.RETURNING:
            return _back(drill, view, event, now)
        case DrillStatus.COMPLETED | DrillStatus.FAILED:
            raise ValueError(f"drill {drill.drill_id} has ended")


def ended(drill: Drill, outcome: DrillOutcome, message: str, now: datetime) -> Drill:
    """The drill once it has ended that way."""
    good = outcome is DrillOutcome.SUCCEEDED
    return replace(
        drill,
        status=DrillStatus.COMPLETED if good else DrillStatus.FAILED,
        outcome=outcome,
        message=message,
        finished_at=now,
    )


def order_leg(view: View, drill: Drill, leg: Leg, now: datetime) -> Decision:
    """The move of a leg, decided on the state that it meets.

    The way there obeys the guards of automatic moves, whoever ordered the drill. The way back is the better place to be,
    so only what makes an instance unable to serve bars it.

    Raises:
        Conflict: It may not be made; in words.
    """
    away, home = drill.target_instance_id, drill.home_instance_id
    here, there = (home, away) if leg is Leg.OUT else (away, home)
    return move_leg(view, leg, here, there, now)


def move_leg(view: View, leg: Leg, here: UUID | None, there: UUID | None, now: datetime) -> Decision:
    """As `order_leg`, from the instance `here` to the one `there`."""
    seen = survey(view, now)
    target = view.instance(there)
    if target is None:
        raise Conflict("the instance to move to is gone", {})
    if view.proxy.active_instance_id != here:
        raise Conflict("the proxy was moved meanwhile", {})
    if (words := _barred(target, view)) is not None:
        raise Conflict(words, {})
    reason = Reason.DRILL if leg is Leg.OUT else Reason.DRILL_BACK
    wanted = seen.move(DecisionKind.SWITCHOVER, reason, target, detected_at=now)
    decided = guarded(seen, wanted) if leg is Leg.OUT else wanted
    if not decided.acts:
        raise Conflict(sentence(decided.reason, decided.facts), {})
    return decided


def _begin(drill: Drill, view: View, event_id: UUID, now: datetime) -> DrillStep:
    due = drill.scheduled_at or drill.created_at
    if now < due:
        return DrillStep(drill=drill, wake_at=due)
    if now > due + LATEST:
        words = f"nobody ran within {LATEST.total_seconds() / 60:g} min of its time"
        return DrillStep(drill=ended(drill, DrillOutcome.MISSED, words, now))
    begun = replace(drill, started_at=now)
    if (unfit := _unfit(view, now)) is not None:
        return DrillStep(drill=ended(begun, DrillOutcome.REFUSED, unfit, now))
    target = survey(view, now).best_standby
    if target is None:
        return DrillStep(drill=ended(begun, DrillOutcome.REFUSED, "there is no eligible standby", now))
    begun = replace(
        begun,
        status=DrillStatus.MOVING,
        home_instance_id=view.proxy.active_instance_id,
        target_instance_id=target.instance_id,
        out_event_id=event_id,
    )
    try:
        order_leg(view, begun, Leg.OUT, now)
    except Conflict as refusal:
        return DrillStep(drill=ended(replace(drill, started_at=now), DrillOutcome.REFUSED, str(refusal), now))
    return DrillStep(drill=begun, move=Leg.OUT, wake_at=now + LOOK_AGAIN)


def _there(drill: Drill, view: View, event: FailoverEvent | None, event_id: UUID, now: datetime) -> DrillStep:
    if event is None:
        words = "the process that ran it ended before anything moved"
        return DrillStep(drill=ended(drill, DrillOutcome.INTERRUPTED, words, now))
    if view.proxy.active_instance_id != drill.target_instance_id:
        return DrillStep(drill=_left(drill, view, now))
    if event.status.is_open:
        return DrillStep(drill=drill, wake_at=now + LOOK_AGAIN)
    if event.status is EventStatus.FAILED:
        drill = _so_far(drill, DrillOutcome.NOT_CONFIRMED, f"the way there: {event.error_message}")
    elif drill.moved_at is None:
        drill = replace(drill, moved_at=event.stages.applied_at or event.completed_at or now)
    target = view.instance(drill.target_instance_id)
    if target is None or target.health.state is not Health.HEALTHY:
        drill = _so_far(
            drill, DrillOutcome.TARGET_FAILED, "the standby turned bad while it carried the traffic"
        )
    elif drill.outcome is None and drill.moved_at is not None:
        held_until = drill.moved_at + timedelta(seconds=drill.hold_seconds)
        if now < held_until:
            return DrillStep(drill=drill, wake_at=min(held_until, now + LOOK_AGAIN))
    drill = replace(drill, status=DrillStatus.RETURNING, back_event_id=event_id)
    return DrillStep(drill=drill, move=Leg.BACK, wake_at=now + LOOK_AGAIN)


def _back(drill: Drill, view: View, event: FailoverEvent | None, now: datetime) -> DrillStep:
    if event is None:
        if view.proxy.active_instance_id != drill.target_instance_id:
            return DrillStep(drill=_left(drill, view, now))
        return DrillStep(drill=drill, move=Leg.BACK, wake_at=now + LOOK_AGAIN)
    if event.status.is_open:
        return DrillStep(drill=drill, wake_at=now + LOOK_AGAIN)
    if view.proxy.active_instance_id != drill.home_instance_id:
        return DrillStep(drill=_left(drill, view, now))
    if event.status is EventStatus.FAILED:
        drill = _so_far(drill, DrillOutcome.NOT_CONFIRMED, f"the way back: {event.error_message}")
    outcome = drill.outcome or DrillOutcome.SUCCEEDED
    message = drill.message or "There and back, both confirmed"
    return DrillStep(drill=ended(drill, outcome, message, now))


def _so_far(drill: Drill, outcome: DrillOutcome, words: str) -> Drill:
    # What went wrong first is the story.
    return drill if drill.outcome is not None else replace(drill, outcome=outcome, message=words)


def _left(drill: Drill, view: View, now: datetime) -> Drill:
    last = view.moves[-1] if view.moves else None
    if last is not None and last.event_type is EventType.FAILOVER:
        words = "it failed while it carried the traffic, and automatic failover moved on"
        return ended(drill, drill.outcome or DrillOutcome.TARGET_FAILED, drill.message or words, now)
    return ended(drill, DrillOutcome.OVERTAKEN, "somebody else moved the proxy meanwhile", now)


def _unfit(view: View, now: datetime) -> str | None:
    active = view.active
    if active is None:
        return "the proxy has no active instance to leave"
    if view.store_is_away or (view.rests_until is not None and now < view.rests_until):
        return "the store does not answer, or is just back"
    if redundancy_of(view, previous=None, now=now).is_degraded:
        return "the proxy is degraded"
    if view.gradual is not None:
        return "a move is under way in steps"
    if decide(view, now).acts:
        return "the proxy is about to move by itself"
    return _barred(active, view)


def _barred(instance: Instance, view: View) -> str | None:
    vetoes = lasting_vetoes(instance, view.proxy.policy)
    if not vetoes:
        return None
    return f"instance {instance.name} may not be active: {', '.join(veto.value for veto in vetoes)}"
