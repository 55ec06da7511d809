"""Events, evaluations and redundancy, as answers tell them."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from switchover.api.schemas.body import Body
from switchover.control.evidence import summary_of
from switchover.control.results import Evaluation
from switchover.decision.reasons import Reason, Veto, sentence
from switchover.decision.verdict import CandidateEvidence
from switchover.model.events import EventStatus, EventType, FailoverEvent, Stages, Trigger
from switchover.model.gradual import GradualMove
from switchover.model.instance import AdminState
from switchover.model.observation import Health
from switchover.model.policy import Strategy
from switchover.model.redundancy import RedundancyLevel, RedundancySource, RedundancyStatus


class StagesBody(Body):
    """When a move reached each stage; null where it did not, or it cannot be known."""

    detected_at: datetime | None
    decided_at: datetime | None
    committed_at: datetime | None
    applied_at: datetime | None
    verified_at: datetime | None

    @classmethod
    def of(cls, stages: Stages) -> Self:
        """The body of `stages`."""
        return cls(
            detected_at=stages.detected_at,
            decided_at=stages.decided_at,
            committed_at=stages.committed_at,
            applied_at=stages.applied_at,
            verified_at=stages.verified_at,
        )


class GradualMoveBody(Body):
    """How far a move in steps has come."""

    steps: list[int] = Field(description="The target's share after each step, in percent.")
    step: int = Field(
        description="Which of them is in force, from 1; where it stood, once the event is closed."
    )
    share: int = Field(description="The target's share with it, in percent.")
    since: datetime = Field(description="When it began.")

    @classmethod
    def of(cls, move: GradualMove) -> Self:
        """The body of `move`."""
        return cls(steps=list(move.steps), step=move.step + 1, share=move.share, since=move.since)


class FailoverEventBody(Body):
    """One move, from intent to outcome."""

    id: UUID
    proxy_id: str
    event_type: EventType
    status: EventStatus
    trigger: Trigger
    source_instance_id: UUID | None
    target_instance_id: UUID | None
    reason: str
    reason_code: str
    error_message: str | None
    epoch: int
    actor: str = Field(description="Who caused it: a user id, or the automation's name.")
    evidence: dict[str, Any] = Field(
        description="What the decision rested on; its explanation has all of it."
    )
    duration_ms: float | None = Field(description="Decided to last receipt; null while it is open.")
    stages: StagesBody
    created_at: datetime
    completed_at: datetime | None
    scheduled_at: datetime | None = Field(description="For when it was ordered; null for at once.")
    drill_id: UUID | None = Field(description="The drill that it is part of.")
    forced: bool = Field(description="Whether it was ordered with force.")
    skipped: list[str] = Field(description="What force skipped.")
    gradual: GradualMoveBody | None = Field(
        description="How far it has come, of a move in steps; null for one that is made at once."
    )

    @classmethod
    def of(cls, event: FailoverEvent) -> Self:
        """The body of `event`."""
        return cls(
            id=event.event_id,
            proxy_id=event.proxy_id,
            event_type=event.event_type,
            status=event.status,
            trigger=event.trigger,
            source_instance_id=event.source_instance_id,
            target_instance_id=event.target_instance_id,
            reason=event.reason,
            reason_code=event.reason_code,
            error_message=event.error_message,
            epoch=event.epoch,
            actor=event.actor,
            evidence=summary_of(event.evidence),
            duration_ms=event.duration_ms,
            stages=StagesBody.of(event.stages),
            created_at=event.created_at,
            completed_at=event.completed_at,
            scheduled_at=event.scheduled_at,
            drill_id=event.drill_id,
            forced=bool(event.evidence.get("forced", False)),
            skipped=list(event.evidence.get("skipped", ())),
            gradual=None if event.gradual is None else GradualMoveBody.of(event.gradual),
        )


class VantageBody(Body):
    """How another replica saw an instance."""

    observer: str = Field(description="The replica.")
    health_status: Health
    consecutive_failures: int
    at: datetime = Field(description="When it told.")


class CandidateBody(Body):
    """How one instance stood when the policy was asked."""

    instance_id: UUID
    instance_name: str
    score: int | None = Field(description="Its place in the strategy's order, 0 is best; null when vetoed.")
    vetoes: list[Veto] = Field(description="Why it may not become active; empty when it may.")
    health_status: Health
    consecutive_failures: int
    consecutive_passes: int
    admin_state: AdminState
    priority: int
    weight: int
    connections: int
    vantages: list[VantageBody] = Field(
        description="How other replicas see it, where the policy asks for a quorum of observers."
    )

    @classmethod
    def of(cls, candidate: CandidateEvidence) -> Self:
        """The body of `candidate`."""
        return cls(
            instance_id=candidate.instance_id,
            instance_name=candidate.name,
            score=candidate.score,
            vetoes=list(candidate.vetoes),
            health_status=candidate.health,
            consecutive_failures=candidate.consecutive_failures,
            consecutive_passes=candidate.consecutive_passes,
            admin_state=candidate.admin_state,
            priority=candidate.priority,
            weight=candidate.weight,
            connections=candidate.connections,
            vantages=[
                VantageBody(
                    observer=vantage.observer,
                    health_status=vantage.health,
                    consecutive_failures=vantage.consecutive_failures,
                    at=vantage.at,
                )
                for vantage in candidate.vantages
            ],
        )


class EvaluationBody(Body):
    """What the policy says at this moment."""

    proxy_id: str
    should_failover: bool
    reason: str
    reason_code: Reason
    source_instance_id: UUID | None
    target_instance_id: UUID | None
    strategy: Strategy
    candidates: list[CandidateBody]

    @classmethod
    def of(cls, evaluation: Evaluation) -> Self:
        """The body of `evaluation`."""
        decision = evaluation.decision
        return cls(
            proxy_id=evaluation.proxy_id,
            should_failover=evaluation.should_failover,
            reason=sentence(decision.reason, decision.facts),
            reason_code=decision.reason,
            source_instance_id=decision.source_instance_id,
            target_instance_id=decision.target_instance_id,
            strategy=evaluation.strategy,
            candidates=[CandidateBody.of(candidate) for candidate in decision.candidates],
        )


class RedundancyBody(Body):
    """How many more deaths a proxy survives."""

    proxy_id: str
    total_instances: int
    healthy_instances: int
    unhealthy_instances: int
    active_instance_id: UUID | None
    backup_instance_ids: list[UUID] = Field(description="Eligible instances besides the active, best first.")
    redundancy_level: RedundancyLevel
    is_degraded: bool
    last_failover_at: datetime | None
    last_failover_reason: str | None
    epoch: int
    source: RedundancySource = Field(description="Derived from the instances, or declared by an admin.")
    updated_at: datetime

    @classmethod
    def of(cls, status: RedundancyStatus) -> Self:
        """The body of `status`."""
        return cls(
            proxy_id=status.proxy_id,
            total_instances=status.total_instances,
            healthy_instances=status.healthy_instances,
            unhealthy_instances=status.unhealthy_instances,
            active_instance_id=status.active_instance_id,
            backup_instance_ids=list(status.backup_instance_ids),
            redundancy_level=status.redundancy_level,
            is_degraded=status.is_degraded,
            last_failover_at=status.last_failover_at,
            last_failover_reason=status.last_failover_reason,
            epoch=status.epoch,
            source=status.source,
            updated_at=status.updated_at,
        )
