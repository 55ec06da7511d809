"""Why a move was made, why none is made now, and what turned, as answers tell them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from switchover.api.schemas.body import Body
from switchover.api.schemas.failover import CandidateBody, FailoverEventBody
from switchover.control.explanation import EventExplanation, Standing
from switchover.control.sightings import Sighting
from switchover.control.wording import event_words, standing_words
from switchover.decision.reasons import Reason, sentence
from switchover.decision.verdict import Decision, DecisionKind
from switchover.model.actor import ActorKind
from switchover.model.events import NodeAnswer
from switchover.model.observation import Health
from switchover.model.trail import AuditEntry
from switchover.model.transition import HealthTransition


class SightingBody(Body):
    """One probe or report of an instance."""

    vantage: str | None = Field(description="The replica that saw it; null when there is but one process.")
    instance_id: UUID
    instance_name: str | None = Field(description="Null when the instance is gone.")
    outcome: str = Field(description="pass, fail or inconclusive; of a report what it claims.")
    code: str
    detail: str
    started_at: datetime
    ended_at: datetime

    @classmethod
    def of(cls, sighting: Sighting, names: Mapping[UUID, str]) -> Self:
        """The body of `sighting`."""
        return cls(
            vantage=sighting.vantage,
            instance_id=sighting.instance_id,
            instance_name=names.get(sighting.instance_id),
            outcome=sighting.outcome,
            code=sighting.code,
            detail=sighting.detail,
            started_at=sighting.started_at,
            ended_at=sighting.ended_at,
        )


class NodeAnswerBody(Body):
    """What one node had answered when the event was closed."""

    node_id: str
    kind: str = Field(description="applied, rejected, or timed_out when it said nothing.")
    detail: str = Field(description="The node's own words.")
    at: datetime | None = Field(description="When it was heard; null when it said nothing.")

    @classmethod
    def of(cls, answer: NodeAnswer) -> Self:
        """The body of `answer`."""
        return cls(node_id=answer.node_id, kind=answer.kind, detail=answer.detail, at=answer.at)


class EventExplanationBody(Body):
    """A recorded move, and why and how it was made."""

    words: list[str] = Field(description="For people: one line each, times in UTC.")
    event: FailoverEventBody
    sightings: list[SightingBody] = Field(description="What was seen before it, by instance, oldest first.")
    node_answers: list[NodeAnswerBody] | None = Field(
        description="Null while it is open, and where no node carries the proxy."
    )
    evidence: dict[str, Any] = Field(
        description="What the decision rested on; `record` replays it, see `switchover replay`."
    )
    not_replayable: str | None = Field(description="Why it cannot be replayed; null when it can.")

    @classmethod
    def of(cls, explanation: EventExplanation) -> Self:
        """The body of `explanation`."""
        event, record = explanation.event, explanation.record
        return cls(
            words=list(event_words(explanation)),
            event=FailoverEventBody.of(event),
            sightings=_sightings(() if record is None else record.sightings, explanation.names),
            node_answers=None if event.answers is None else [NodeAnswerBody.of(a) for a in event.answers],
            evidence=dict(explanation.evidence),
            not_replayable=explanation.not_replayable,
        )


class DecisionBody(Body):
    """What the cycle would decide."""

    kind: DecisionKind
    reason: str
    reason_code: Reason
    source_instance_id: UUID | None
    target_instance_id: UUID | None
    facts: dict[str, Any] = Field(description="The numbers that the reason's sentence names.")
    detected_at: datetime | None = Field(description="When its cause began.")
    waits_until: datetime | None = Field(
        description="When time alone could change it; null when only evidence or an order can."
    )

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """The body of `decision`."""
        return cls(
            kind=decision.kind,
            reason=sentence(decision.reason, decision.facts),
            reason_code=decision.reason,
            source_instance_id=decision.source_instance_id,
            target_instance_id=decision.target_instance_id,
            facts=dict(decision.facts),
            detected_at=decision.detected_at,
            waits_until=decision.recheck_at,
        )


class StandingBody(Body):
    """Why a proxy stands where it does, and what it waits for."""

    words: list[str] = Field(description="For people: one line each, times in UTC.")
    proxy_id: str
    at: datetime = Field(description="When this was true.")
    epoch: int
    generation: int
    decision: DecisionBody
    candidates: list[CandidateBody]
    sightings: list[SightingBody] = Field(description="The last things seen, by instance, oldest first.")
    hindrances: list[str] = Field(description="Why nothing is decided at all; empty when it is.")
    owner: str | None = Field(
        description="The replica that decides; null when none does, or there is but one."
    )
    open_event: FailoverEventBody | None
    last_event: FailoverEventBody | None
    rejections: dict[str, str] = Field(description="Node → its own words about what it refuses.")

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """The body of `standing`."""
        proxy, opened, last = standing.view.proxy, standing.open_event, standing.last_event
        return cls(
            words=list(standing_words(standing)),
            proxy_id=proxy.proxy_id,
            at=standing.at,
            epoch=proxy.epoch,
            generation=proxy.generation,
            decision=DecisionBody.of(standing.decision),
            candidates=[CandidateBody.of(candidate) for candidate in standing.decision.candidates],
            sightings=_sightings(standing.sightings, standing.names),
            hindrances=list(standing.hindrances),
            owner=standing.owner,
            open_event=None if opened is None else FailoverEventBody.of(opened),
            last_event=None if last is None else FailoverEventBody.of(last),
            rejections=dict(standing.rejections),
        )


class HealthTransitionBody(Body):
    """One change of what was believed of an instance's health."""

    id: UUID
    proxy_id: str
    instance_id: UUID
    at: datetime = Field(description="End of the probe or report that decided it.")
    from_status: Health
    to_status: Health
    reason: str = Field(description="Word of the table of transitions, such as fall_reached.")
    code: str | None = Field(description="Code of the probe that decided it.")
    consecutive_failures: int
    consecutive_passes: int
    first_failed_at: datetime | None = Field(description="When the run of failures began.")

    @classmethod
    def of(cls, transition: HealthTransition) -> Self:
        """The body of `transition`."""
        return cls(
            id=transition.transition_id,
            proxy_id=transition.proxy_id,
            instance_id=transition.instance_id,
            at=transition.at,
            from_status=transition.before,
            to_status=transition.after,
            reason=transition.reason,
            code=transition.code,
            consecutive_failures=transition.consecutive_failures,
            consecutive_passes=transition.consecutive_passes,
            first_failed_at=transition.first_failed_at,
        )


class AuditEntryBody(Body):
    """Who changed what, when."""

    id: UUID
    at: datetime
    actor: str = Field(description="A user id, or the automation's name.")
    actor_kind: ActorKind
    action: str = Field(description="A stable word, such as config.change or instance.order.")
    proxy_id: str
    subject_id: UUID | None = Field(description="The instance or event it concerns; null for the proxy.")
    detail: dict[str, Any] = Field(description="What changed.")

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """The body of `entry`."""
        return cls(
            id=entry.entry_id,
            at=entry.at,
            actor=entry.actor.name,
            actor_kind=entry.actor.kind,
            action=entry.action,
            proxy_id=entry.proxy_id,
            subject_id=entry.subject_id,
            detail=dict(entry.detail),
        )


def _sightings(sightings: Iterable[Sighting], names: Mapping[UUID, str]) -> list[SightingBody]:
    return [SightingBody.of(sighting, names) for sighting in sightings]
