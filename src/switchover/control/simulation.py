"""PURE: what a policy would have made of a recorded history, counted beside what was made of it."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from switchover.control.pure_loop import Evidence, apply_move, pure_pass, with_instance, without_instance
from switchover.control.retelling import (
    AdminOrder,
    Deleted,
    Happening,
    History,
    MadeMove,
    MovedByHand,
    Registered,
    Span,
    Unpinned,
    failing_spans,
    first_instances,
    happenings,
    moment_of,
)
from switchover.decision.orders import order_switchover
from switchover.decision.reasons import Reason
from switchover.decision.verdict import Decision, DecisionKind
from switchover.decision.view import View
from switchover.model.errors import SwitchoverError
from switchover.model.events import EventType
from switchover.model.policy import FailoverPolicy

FLAP_SECONDS = 300.0
"""Who leaves an instance within this time after having moved there has flapped."""
SETTLE = timedelta(seconds=1)
"""After a move the policy is asked once more, as the loop does."""
_TOLD_EVERY = 256

_TYPES = {
    DecisionKind.ACTIVATE: EventType.ACTIVATION,
    DecisionKind.FAILOVER: EventType.FAILOVER,
    DecisionKind.SWITCHOVER: EventType.SWITCHOVER,
    DecisionKind.FAILBACK: EventType.FAILBACK,
}

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What came of a history.

    Attributes:
        moves: Changes of the active, without the first activation.
        failovers: Of those, away from a failed active.
        failbacks: Of those, back to a preferred instance.
        by_hand: Of those, ordered by people.
        flaps: Of those, away from an instance that had been moved to within `FLAP_SECONDS` before.
        down_seconds: How long nobody, or an instance that did not answer, was active.
    """

    moves: int
    failovers: int
    failbacks: int
    by_hand: int
    flaps: int
    down_seconds: float


def recorded_tally(history: History) -> Tally:
    """What really came of it."""
    return tally_of(history, history.moves)


def simulate(
    history: History, policy: FailoverPolicy, progress: Progress | None = None
) -> Sequence[MadeMove]:
    """The moves that `policy` would have made, and those of people again, oldest first.

    The engine is the real one: every turn of health, order and wait runs through the pure loop. People's moves are
    ordered again; one that the engine would have refused is left out.

    Args:
        history: What happened.
        policy: What decides.
        progress: Called now and then with the share that is done, 0 to 1.
    """
    told = happenings(history, policy)
    simulation = _Simulation(history, policy)
    position = 0
    while True:
        at = simulation.next_at(moment_of(told[position]) if position < len(told) else None)
        if at is None or at > history.until:
            break
        begin = position
        while position < len(told) and moment_of(told[position]) <= at:
            position += 1
        simulation.run(told[begin:position], at)
        if progress is not None and position % _TOLD_EVERY < position - begin:
            progress(position / len(told))
    if progress is not None:
        progress(1.0)
    return tuple(simulation.moves)


def tally_of(history: History, moves: Sequence[MadeMove]) -> Tally:
    """Count what `moves` come to over `history`."""
    counted = [move for move in moves if move.event_type is not EventType.ACTIVATION]
    return Tally(
        moves=len(counted),
        failovers=sum(1 for move in counted if move.event_type is EventType.FAILOVER),
        failbacks=sum(1 for move in counted if move.event_type is EventType.FAILBACK),
        by_hand=sum(1 for move in counted if move.by_hand),
        flaps=sum(
            1
            for there, away in pairwise(moves)
            if there.event_type is not EventType.ACTIVATION
            and (away.at - there.at).total_seconds() < FLAP_SECONDS
        ),
        down_seconds=_down_seconds(history, moves),
    )


class _Simulation:
    def __init__(self, history: History, policy: FailoverPolicy) -> None:
        self.moves: list[MadeMove] = []
        proxy = replace(
            history.proxy,
            policy=policy,
            active_instance_id=history.first_active,
            pinned_instance_id=None,
            epoch=0 if history.first_active is None else 1,
        )
        self._view = View(proxy=proxy, instances=first_instances(history, policy))
        self._now = history.since
        self._recheck_at: datetime | None = None
        self.run((), history.since)

    def next_at(self, happens_at: datetime | None) -> datetime | None:
        """When something is to be done next, if `happens_at` is when the next thing happens."""
        if self._recheck_at is None or self._recheck_at <= self._now:
            return happens_at
        return self._recheck_at if happens_at is None else min(self._recheck_at, happens_at)

    def run(self, told: Sequence[Happening], now: datetime) -> None:
        """Take in what happened, and let the policy decide."""
        self._now = now
        evidence: list[Evidence] = []
        for happening in told:
            match happening:
                case AdminOrder() | Registered() | Deleted() | MovedByHand() | Unpinned():
                    self._order(happening)
                case _:
                    evidence.append(happening)
        done = pure_pass(self._view, evidence, now)
        if done.decision.acts:
            self._note(done.decision, now, by_hand=False)
        self._view = done.view
        self._recheck_at = now + SETTLE if done.decision.acts else done.decision.recheck_at

    def _order(self, happening: AdminOrder | Registered | Deleted | MovedByHand | Unpinned) -> None:
        view = self._view
        match happening:
            case AdminOrder():
                instance = view.instance(happening.instance_id)
                if instance is not None:
                    ordered = replace(instance, admin_state=happening.after, admin_changed_at=happening.at)
                    self._view = with_instance(view, ordered)
            case Registered():
                self._view = with_instance(view, happening.instance)
            case Deleted():
                self._view = without_instance(view, happening.instance_id)
            case Unpinned():
                self._view = replace(view, proxy=replace(view.proxy, pinned_instance_id=None))
            case MovedByHand():
                self._move(happening)

    def _move(self, ordered: MovedByHand) -> None:
        try:
            decision = order_switchover(self._view, ordered.target_instance_id, ordered.at)
        except SwitchoverError:
            return
        self._note(decision, ordered.at, by_hand=True)
        self._view = apply_move(self._view, decision, ordered.at)

    def _note(self, decision: Decision, at: datetime, *, by_hand: bool) -> None:
        self.moves.append(
            MadeMove(
                at=at,
                event_type=_TYPES[decision.kind],
                source_instance_id=decision.source_instance_id,
                target_instance_id=decision.target_instance_id,
                by_hand=by_hand or decision.reason is Reason.MANUAL,
            )
        )


def _down_seconds(history: History, moves: Sequence[MadeMove]) -> float:
    times = [history.since, *(move.at for move in moves), history.until]
    actives = [history.first_active, *(move.target_instance_id for move in moves)]
    spans = {i.instance_id: failing_spans(history, i.instance_id) for i in history.instances}
    down = 0.0
    for active, (begin, end) in zip(actives, pairwise(times), strict=True):
        if active is None or active not in spans:
            down += max(0.0, (end - begin).total_seconds())
            continue
        gone_at = history.deleted_at.get(active, history.until)
        down += max(0.0, (end - max(begin, gone_at)).total_seconds())
        down += _overlap(spans[active], begin, min(end, gone_at))
    return down


def _overlap(spans: Sequence[Span], begin: datetime, end: datetime) -> float:
    first = max(0, bisect_right(spans, begin, key=lambda span: span.begin) - 1)
    seconds = 0.0
    for span in spans[first:]:
        if span.begin >= end:
            break
        seconds += max(0.0, (min(end, span.end) - max(begin, span.begin)).total_seconds())
    return seconds
