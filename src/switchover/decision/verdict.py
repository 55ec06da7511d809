"""The value that deciding returns, with the evidence that explains it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from switchover.decision.reasons import BY_PEOPLE, Reason, Veto
from switchover.decision.rules import Breach
from switchover.model.events import EventType, Trigger
from switchover.model.gradual import GradualMove
from switchover.model.instance import AdminState
from switchover.model.observation import Health
from switchover.model.vantage import Vantage


class DecisionKind(StrEnum):
    """What should be done."""

    HOLD = "hold"
    ACTIVATE = "activate"
    FAILOVER = "failover"
    SWITCHOVER = "switchover"
    FAILBACK = "failback"


EVENT_TYPES = {
    DecisionKind.ACTIVATE: EventType.ACTIVATION,
    DecisionKind.FAILOVER: EventType.FAILOVER,
    DecisionKind.SWITCHOVER: EventType.SWITCHOVER,
    DecisionKind.FAILBACK: EventType.FAILBACK,
}
"""The kind of event that a decision to act becomes."""


def trigger_of(reason: Reason) -> Trigger:
    """Whose doing a move for this reason is."""
    return Trigger.MANUAL if reason in BY_PEOPLE else Trigger.AUTOMATIC


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateEvidence:
    """How one instance stood when the decision fell.

    Attributes:
        instance_id: The instance.
        name: Its name at that time.
        score: Its place in the strategy's order, 0 is best; None when a veto kept it out.
        vetoes: Why it may not become active, in a fixed order; empty when it may.
        health: What we believed.
        consecutive_failures: As counted then.
        consecutive_passes: As counted then.
        admin_state: As ordered then.
        priority: As registered then.
        weight: As registered then.
        connections: Live connections as known then.
        vantages: How other replicas saw it, where a quorum is asked for.
    """

    instance_id: UUID
    name: str
    score: int | None
    vetoes: tuple[Veto, ...]
    health: Health
    consecutive_failures: int
    consecutive_passes: int
    admin_state: AdminState
    priority: int
    weight: int
    connections: int
    vantages: tuple[Vantage, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """This evidence in the API's names."""
        return {
            "instanceId": str(self.instance_id),
            "instanceName": self.name,
            "score": self.score,
            "vetoes": [veto.value for veto in self.vetoes],
            "healthStatus": self.health.value,
            "consecutiveFailures": self.consecutive_failures,
            "consecutivePasses": self.consecutive_passes,
            "adminState": self.admin_state.value,
            "priority": self.priority,
            "weight": self.weight,
            "connections": self.connections,
            "vantages": [vantage.as_json() for vantage in self.vantages],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedWish:
    """The move that a HOLD would have been, had no rule been in the way.

    Attributes:
        kind: What was wanted; never HOLD.
        reason: Why it was wanted.
        facts: The numbers of that reason's sentence.
        target_instance_id: Who would have become active.
        breaches: What was in the way, at least one; the first gives the HOLD its reason.
    """

    kind: DecisionKind
    reason: Reason
    facts: Mapping[str, int | float | str]
    target_instance_id: UUID | None
    breaches: tuple[Breach, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What should be done about one proxy, and why.

    Attributes:
        kind: HOLD, or the move to make.
        reason: Why, as a code.
        source_instance_id: The active now; None without one.
        target_instance_id: The next active; None for HOLD.
        facts: Numbers that the reason's sentence names, such as `failures`.
        candidates: Every instance, best first, then the vetoed in order of preference.
        detected_at: When the cause began; None when there is none.
        recheck_at: When time alone could change this decision; None when only evidence can.
        blocked: What a rule forbade, of a HOLD; None when nothing was in the way.
        overridden: The rules that a person's order skipped.
        step: The step that a move under way takes now, of a HOLD; None for none.
    """

    kind: DecisionKind
    reason: Reason
    source_instance_id: UUID | None
    target_instance_id: UUID | None
    facts: Mapping[str, int | float | str]
    candidates: tuple[CandidateEvidence, ...]
    detected_at: datetime | None = None
    recheck_at: datetime | None = None
    blocked: BlockedWish | None = None
    overridden: tuple[Breach, ...] = ()
    step: GradualMove | None = None

    @property
    def acts(self) -> bool:
        """Whether the active instance should change."""
        return self.kind is not DecisionKind.HOLD
