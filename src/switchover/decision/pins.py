"""What a move does to the pin of its proxy."""

from datetime import datetime

from switchover.decision.reasons import DRILLS, Reason
from switchover.decision.verdict import Decision, DecisionKind
from switchover.model.proxy import Pin


def pin_after(
    pin: Pin | None,
    decision: Decision,
    *,
    by: str | None = None,
    reason: str | None = None,
    at: datetime | None = None,
    until: datetime | None = None,
) -> Pin | None:
    """The pin once the move of `decision` is committed.

    An operator's move pins its target, except for the first active, which nothing was preferred to; an order to drain names
    no target, so there is nothing to pin. Leaving the pinned instance takes the pin off. A drill goes back by itself, to
    whatever was there before.

    Args:
        pin: The pin before.
        decision: One that acts.
        by: Who ordered the move; None when that is not known, as with the others.
        reason: Why.
        at: When.
        until: Until when it pins; None has no end.
    """
    if decision.reason in DRILLS:
        return pin
    target = decision.target_instance_id
    if decision.reason is Reason.MANUAL and decision.kind is not DecisionKind.ACTIVATE and target is not None:
        return Pin(instance_id=target, by=by, reason=reason, at=at, until=until)
    return None if pin is not None and pin.instance_id == decision.source_instance_id else pin
