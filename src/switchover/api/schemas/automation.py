"""Pauses, safety rules, gates and blocked moves, as answers tell them."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from switchover.api.schemas.body import Body
from switchover.api.schemas.policy import RulesBody
from switchover.decision.rules import Rule
from switchover.model.blocked import BlockedMove
from switchover.model.events import EventType, Trigger
from switchover.model.rules import Gate, Pause, Scope, ScopeStanding


class PauseBody(Body):
    """Automation is stopped in a scope: nothing moves there unless a person orders it."""

    scope: str = Field(description="fleet, user:NAME or proxy:ID.")
    by: str = Field(description="Who paused it.")
    reason: str
    since: datetime
    until: datetime | None = Field(description="When it ends by itself; null until somebody resumes it.")

    @classmethod
    def of(cls, scope: Scope, pause: Pause) -> Self:
        """The body of `pause` in `scope`."""
        return cls(scope=str(scope), by=pause.by, reason=pause.reason, since=pause.since, until=pause.until)


class GateBody(Body):
    """A named switch."""

    name: str
    is_on: bool
    by: str = Field(description="Who set it last.")
    at: datetime
    reason: str | None

    @classmethod
    def of(cls, gate: Gate) -> Self:
        """The body of `gate`."""
        return cls(name=gate.name, is_on=gate.is_on, by=gate.by, at=gate.at, reason=gate.reason)


class AutomationBody(Body):
    """What bounds automation in one scope."""

    scope: str = Field(description="fleet, user:NAME or proxy:ID.")
    pause: PauseBody | None = Field(description="As it was set; after its `until` it stops nothing.")
    rules: RulesBody = Field(description="Of a proxy these are the `rules` of its configuration.")
    gates: list[GateBody] = Field(description="By name; a proxy has none of its own.")

    @classmethod
    def of(cls, standing: ScopeStanding) -> Self:
        """The body of `standing`."""
        pause = standing.pause
        return cls(
            scope=str(standing.scope),
            pause=None if pause is None else PauseBody.of(standing.scope, pause),
            rules=RulesBody.of(standing.rules),
            gates=[GateBody.of(gate) for gate in standing.gates],
        )


class BlockedMoveBody(Body):
    """A move that was wanted, and the rule that was in the way."""

    id: UUID
    proxy_id: str
    event_type: EventType
    trigger: Trigger
    source_instance_id: UUID | None
    target_instance_id: UUID | None
    reason: str = Field(description="Why it was wanted.")
    reason_code: str
    rule: Rule = Field(description="The first rule in the way; the evidence has every one.")
    scope: str = Field(description="Whose rule that is: fleet, user:NAME or proxy:ID.")
    message: str = Field(description="What the rule says.")
    evidence: dict[str, Any] = Field(description="What the decision saw, and the rules in the way.")
    first_at: datetime
    last_at: datetime = Field(description="When it was last seen to be blocked.")
    count: int = Field(description="How often it was decided until then.")
    ended_at: datetime | None = Field(description="When the wish or the block ended; null while it lasts.")

    @classmethod
    def of(cls, move: BlockedMove) -> Self:
        """The body of `move`."""
        return cls(
            id=move.blocked_id,
            proxy_id=move.proxy_id,
            event_type=move.event_type,
            trigger=move.trigger,
            source_instance_id=move.source_instance_id,
            target_instance_id=move.target_instance_id,
            reason=move.reason,
            reason_code=move.reason_code,
            rule=Rule(move.rule),
            scope=move.scope,
            message=move.message,
            evidence=dict(move.evidence),
            first_at=move.first_at,
            last_at=move.last_at,
            count=move.count,
            ended_at=move.ended_at,
        )
