"""PURE: how a blocked move stands after a decision: new, seen again, or at its end."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from switchover.control.evidence import evidence_of
from switchover.control.fleet import ProxyState
from switchover.decision.reasons import OUT_OF_SIGHT, sentence
from switchover.decision.verdict import EVENT_TYPES, BlockedWish, Decision, trigger_of
from switchover.decision.view import View
from switchover.model.actor import AUTOMATION
from switchover.model.blocked import BlockedMove
from switchover.model.clock import IdFactory

NOTED_EACH = timedelta(minutes=1)
"""How often it is stored that the same move is blocked still; in between it is counted in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """How a blocked move stands, and what of it has to be stored.

    Attributes:
        move: The one that lasts; None without one.
        noted_at: When its count was last stored.
        changes: What the pass stores.
        begins: Whether it is new, so that people have to be told.
    """

    move: BlockedMove | None
    noted_at: datetime | None
    changes: tuple[BlockedMove, ...] = ()
    begins: bool = False


def block_after(state: ProxyState, view: View, decision: Decision, *, now: datetime, ids: IdFactory) -> Block:
    """What is blocked of `state` after `decision`, which was made on `view`."""
    known = state.blocked
    if decision.blocked is None:
        if known is None or decision.reason in OUT_OF_SIGHT:
            return Block(move=known, noted_at=state.block_noted_at)
        return Block(move=None, noted_at=None, changes=(replace(known, ended_at=now),))
    fresh = _blocked(state, decision, decision.blocked, now=now, ids=ids)
    if known is None or not known.is_same(fresh):
        fresh = replace(fresh, evidence=_evidence(state, view, decision, decision.blocked, now))
        former = () if known is None else (replace(known, ended_at=now),)
        return Block(move=fresh, noted_at=now, changes=(*former, fresh), begins=True)
    again = replace(known, last_at=now, count=known.count + 1)
    if state.block_noted_at is not None and now - state.block_noted_at < NOTED_EACH:
        return Block(move=again, noted_at=state.block_noted_at)
    return Block(move=again, noted_at=now, changes=(again,))


def _blocked(
    state: ProxyState,
    decision: Decision,
    wish: BlockedWish,
    *,
    now: datetime,
    ids: IdFactory,
) -> BlockedMove:
    first = wish.breaches[0]
    return BlockedMove(
        blocked_id=ids(),
        proxy_id=state.proxy.proxy_id,
        event_type=EVENT_TYPES[wish.kind],
        trigger=trigger_of(wish.reason),
        source_instance_id=decision.source_instance_id,
        target_instance_id=wish.target_instance_id,
        reason=sentence(wish.reason, wish.facts),
        reason_code=wish.reason.value,
        rule=first.rule.value,
        scope=str(first.scope),
        message=first.sentence,
        first_at=now,
        last_at=now,
    )


def _evidence(
    state: ProxyState, view: View, decision: Decision, wish: BlockedWish, now: datetime
) -> dict[str, Any]:
    reason = sentence(wish.reason, wish.facts)
    made = evidence_of(view, decision, now, sightings=state.sightings, actor=AUTOMATION.name, reason=reason)
    return {**made, "facts": dict(wish.facts), "rules": [breach.as_json() for breach in wish.breaches]}
