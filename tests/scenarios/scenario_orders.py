"""What time does to standing orders in a scenario: scheduled moves and drills, without a store and nodes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from switchover.decision.draining import first_wake
from switchover.decision.drills import DrillStep, Leg, ended, next_step, order_leg
from switchover.decision.verdict import Decision
from switchover.decision.view import View
from switchover.model.actor import person
from switchover.model.admin import AdminOrder, AdminState, laid_upon
from switchover.model.drills import Drill, DrillOutcome, DrillStatus
from switchover.model.errors import Conflict
from switchover.model.events import EventStatus, EventType, FailoverEvent, Trigger
from switchover.model.instance import Instance

Committing = Callable[[Decision], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A scheduled switchover."""

    at: datetime
    target_id: UUID | None
    force: bool


def ordered(instance: Instance, state: AdminState, view: View, now: datetime, **settings: float) -> Instance:
    """The instance under a new order; `expires_in` and `drain_timeout` are seconds."""
    expires_in = settings.get("expires_in")
    order = AdminOrder(
        state=state,
        actor="ann",
        ordered_at=now,
        expires_at=None if expires_in is None else now + timedelta(seconds=expires_in),
        drain_timeout_seconds=settings.get("drain_timeout", 300.0),
        epoch=view.proxy.epoch,
    )
    return instance.ordered(laid_upon(order, instance.admin_order), now)


class Drilling:
    """The drill of a scenario. What it moves is confirmed at once, unless nodes refuse."""

    def __init__(self) -> None:
        self.drill: Drill | None = None
        self.confirms = True
        self._event: FailoverEvent | None = None
        self._count = 0
        self._wake_at: datetime | None = None

    def order(self, now: datetime, hold_seconds: float, at: datetime | None) -> None:
        self.drill = Drill(
            drill_id=UUID(int=1),
            proxy_id="web",
            status=DrillStatus.PENDING,
            actor=person("ann"),
            hold_seconds=hold_seconds,
            scheduled_at=at,
            created_at=now,
        )
        self._event = None

    def step(self, view: View, now: datetime, commit: Committing) -> Drill | None:
        """Take a step if there is one; the drill when it has changed."""
        drill = self.drill
        if drill is None:
            return None
        self._count += 1
        step = next_step(drill, view, self._event, UUID(int=1000 + self._count), now)
        self._wake_at = step.wake_at
        self.drill = step.drill if step.drill.status.is_open else None
        if step.move is not None:
            return self._move(step, step.move, view, now, commit)
        return step.drill if step.drill != drill else None

    def _move(self, step: DrillStep, leg: Leg, view: View, now: datetime, commit: Committing) -> Drill:
        drill = step.drill
        try:
            decision = order_leg(view, drill, leg, now)
        except Conflict as refusal:
            self.drill = None
            outcome = DrillOutcome.REFUSED if leg is Leg.OUT else DrillOutcome.NOT_BACK
            return ended(drill, outcome, str(refusal), now)
        commit(decision)
        self._event = FailoverEvent(
            event_id=drill.back_event_id or drill.out_event_id or UUID(int=0),
            proxy_id="web",
            event_type=EventType.SWITCHOVER,
            status=EventStatus.COMPLETED if self.confirms else EventStatus.FAILED,
            trigger=Trigger.MANUAL,
            source_instance_id=decision.source_instance_id,
            target_instance_id=decision.target_instance_id,
            reason="",
            reason_code=decision.reason.value,
            epoch=view.proxy.epoch + 1,
            actor="ann",
            error_message=None if self.confirms else "node edge-1 rejected it",
            created_at=now,
            completed_at=now,
        )
        return drill

    @property
    def is_running(self) -> bool:
        return self.drill is not None and self.drill.status.is_running

    def wake_at(self, now: datetime) -> datetime | None:
        if self.drill is None or self._wake_at is None:
            return None
        return max(self._wake_at, now)


def earliest(view: View, *others: datetime | None) -> datetime | None:
    """When time changes something next."""
    return min((at for at in (first_wake(view), *others) if at is not None), default=None)


def seen(view: View, drilling: Drilling) -> View:
    """The view with what it says about the drill."""
    return replace(view, is_drilling=drilling.is_running)
