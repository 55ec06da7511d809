"""PURE: a recorded decision, made once more.

An automatic decision is made again by `decide`. An order is made again as the order to move to the same target: that it
was for the best standby, or named its source too, is no part of what was decided. One that skipped something is forced
again. A leg of a drill is that leg again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from switchover.control.evidence import Record
from switchover.control.plain import plain
from switchover.decision.decide import decide
from switchover.decision.drills import Leg, move_leg
from switchover.decision.orders import order_switchover
from switchover.decision.reasons import Reason
from switchover.decision.verdict import Decision
from switchover.decision.view import View
from switchover.model.errors import SwitchoverError
from switchover.model.policy import FailoverPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where two decisions differ: a path such as `candidates[web-2].vetoes`, and what each says there."""

    path: str
    recorded: Any
    replayed: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A decision made again.

    Attributes:
        recorded: As it was made.
        replayed: As it is made now; None when the order would be refused.
        refusal: Why it would be; None when it would not.
        differences: Every difference, in the order of the decision's fields; empty when it is the same decision.
    """

    recorded: Decision
    replayed: Decision | None
    refusal: str | None
    differences: tuple[Difference, ...]

    @property
    def is_same(self) -> bool:
        """Whether the same was decided, for the same reason, on the same grounds."""
        return self.replayed is not None and not self.differences


def replay(record: Record, policy: FailoverPolicy | None = None) -> Replay:
    """Decide once more on what was seen, with `policy` in the place of the recorded one if it is given."""
    view = record.view
    if policy is not None:
        view = replace(view, proxy=replace(view.proxy, policy=policy))
    try:
        replayed = _decided(view, record.decision, record.at)
    except SwitchoverError as refused:
        told = (Difference(path="kind", recorded=record.decision.kind.value, replayed=None),)
        return Replay(recorded=record.decision, replayed=None, refusal=str(refused), differences=told)
    return Replay(
        recorded=record.decision,
        replayed=replayed,
        refusal=None,
        differences=tuple(_differences("", _comparable(record.decision), _comparable(replayed))),
    )


def _decided(view: View, decision: Decision, now: datetime) -> Decision:
    here, there = decision.source_instance_id, decision.target_instance_id
    match decision.reason:
        case Reason.MANUAL:
            force = bool(decision.overridden) or "skipped" in decision.facts
            return order_switchover(view, there, now, force=force)
        case Reason.DRILL:
            return move_leg(view, Leg.OUT, here, there, now)
        case Reason.DRILL_BACK:
            return move_leg(view, Leg.BACK, here, there, now)
        case _:
            return decide(view, now)


def _comparable(decision: Decision) -> Any:
    document = plain(decision)
    return {**document, "candidates": {c["name"]: c for c in document["candidates"]}}


def _differences(path: str, recorded: Any, replayed: Any) -> list[Difference]:
    if isinstance(recorded, Mapping) and isinstance(replayed, Mapping):
        found: list[Difference] = []
        for name in [*recorded, *(name for name in replayed if name not in recorded)]:
            inner = f"candidates[{name}]" if path == "candidates" else f"{path}.{name}" if path else name
            found += _differences(inner, recorded.get(name), replayed.get(name))
        return found
    return [] if recorded == replayed else [Difference(path=path, recorded=recorded, replayed=replayed)]
