"""PURE: the loop without its shell: evidence in, the next view and the decision out.

What `cycle.py` does with a store and nodes around it, on values alone. Scenarios, properties and the simulation of
another policy run on it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from switchover.decision.decide import decide
from switchover.decision.draining import ends_of_orders
from switchover.decision.gradual import begun
from switchover.decision.history import remembered
from switchover.decision.pins import pin_after
from switchover.decision.verdict import EVENT_TYPES, Decision, trigger_of
from switchover.decision.view import View
from switchover.health.belief import taken_in
from switchover.health.machine import HealthChange
from switchover.model.events import PastMove
from switchover.model.instance import Instance
from switchover.model.observation import Observation, Outcome, Report

Evidence = Observation | Report


@dataclass(frozen=True, slots=True, kw_only=True)
class PurePass:
    """What one pass came to.

    Attributes:
        view: The view afterwards, the move applied.
        changes: What each piece of evidence did to health, in order; evidence on unknown instances has none.
        ended: The instances whose admin order, or waiting for open requests, time has ended, as they are now.
        decided: What was decided on: the view with the evidence and those ends in it.
        decision: What was decided, before it was applied.
    """

    view: View
    decided: View
    changes: tuple[HealthChange, ...]
    ended: tuple[Instance, ...]
    decision: Decision


def pure_pass(view: View, evidence: Iterable[Evidence], now: datetime) -> PurePass:
    """Fold the evidence into the view, decide, and apply the move."""
    changes: list[HealthChange] = []
    for piece in evidence:
        view, change = fold(view, piece)
        if change is not None:
            changes.append(change)
    ended = ends_of_orders(view, now)
    for instance in ended:
        view = with_instance(view, instance)
    decision = decide(view, now)
    return PurePass(
        view=apply_move(view, decision, now),
        decided=view,
        changes=tuple(changes),
        ended=ended,
        decision=decision,
    )


def fold(view: View, evidence: Evidence) -> tuple[View, HealthChange | None]:
    """The view after one observation or report, and what it did; None when it is about no instance of the view."""
    instance = view.instance(evidence.instance_id)
    if instance is None:
        return view, None
    view = replace(view, unseen=_unseen_after(view, evidence))
    change = taken_in(instance.health, evidence, view.proxy.policy)
    seen_at = evidence.resolved_host if isinstance(evidence, Observation) else None
    resolved_host = seen_at or instance.resolved_host
    return with_instance(view, replace(instance, health=change.after, resolved_host=resolved_host)), change


def _unseen_after(view: View, evidence: Evidence) -> frozenset[UUID]:
    if isinstance(evidence, Observation) and evidence.outcome is Outcome.INCONCLUSIVE:
        return view.unseen
    return view.unseen - {evidence.instance_id}


def with_instance(view: View, instance: Instance) -> View:
    """The view with `instance` added, or in place of the one with its id."""
    others = tuple(i for i in view.instances if i.instance_id != instance.instance_id)
    return replace(view, instances=(*others, instance))


def without_instance(view: View, instance_id: UUID) -> View:
    """The view once the instance is deleted; the proxy still names it when it was the active."""
    return replace(view, instances=tuple(i for i in view.instances if i.instance_id != instance_id))


def apply_move(view: View, decision: Decision, now: datetime) -> View:
    """The view once the decision's move, or the step of one, is committed; the same view for any other HOLD.

    The epoch grows by one, and the pin becomes what `pin_after` says.
    """
    if decision.step is not None:
        proxy = replace(view.proxy, epoch=view.proxy.epoch + 1)
        return replace(view, proxy=proxy, gradual=decision.step if decision.step.is_stepping else None)
    if not decision.acts:
        return view
    proxy, pin = view.proxy, pin_after(view.proxy.pin, decision)
    move = PastMove(
        event_type=EVENT_TYPES[decision.kind],
        source_instance_id=decision.source_instance_id,
        target_instance_id=decision.target_instance_id,
        committed_at=now,
        trigger=trigger_of(decision.reason),
    )
    return replace(
        view,
        proxy=replace(
            proxy,
            active_instance_id=decision.target_instance_id,
            epoch=proxy.epoch + 1,
            pinned_instance_id=None if pin is None else pin.instance_id,
            pin_note=pin,
        ),
        moves=(*remembered(view.moves, now), move),
        gradual=begun(view, decision, now),
    )
