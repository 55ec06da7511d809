"""A failover event as a row, and back."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, null

from switchover.model.events import FailoverEvent, NodeAnswer, PastMove, Stages
from switchover.record.sql.gradual_rows import gradual_move_document, gradual_move_of


def event_columns(event: FailoverEvent) -> dict[str, Any]:
    """Every column of `proxy_failover_events`."""
    stages = event.stages
    return {
        "event_id": event.event_id,
        "proxy_id": event.proxy_id,
        "event_type": event.event_type,
        "trigger": event.trigger,
        "source_instance_id": event.source_instance_id,
        "target_instance_id": event.target_instance_id,
        "reason": event.reason,
        "reason_code": event.reason_code,
        "epoch": event.epoch,
        "actor": event.actor,
        "evidence": dict(event.evidence),
        "detected_at": stages.detected_at,
        "decided_at": stages.decided_at,
        "committed_at": stages.committed_at,
        "verified_at": stages.verified_at,
        "created_at": event.created_at,
        "scheduled_at": event.scheduled_at,
        "drill_id": event.drill_id,
        "gradual": gradual_move_document(event.gradual),
        **outcome_columns(event),
    }


def outcome_columns(event: FailoverEvent) -> dict[str, Any]:
    """The columns that closing an event writes."""
    return {
        "status": event.status,
        "error_message": event.error_message,
        "applied_at": event.stages.applied_at,
        "duration_ms": event.duration_ms,
        "completed_at": event.completed_at,
        "node_answers": null() if event.answers is None else [_answer_document(a) for a in event.answers],
    }


def event_of(row: Row[*tuple[Any, ...]]) -> FailoverEvent:
    """The event in a row of `proxy_failover_events`."""
    return FailoverEvent(
        event_id=row.event_id,
        proxy_id=row.proxy_id,
        event_type=row.event_type,
        status=row.status,
        trigger=row.trigger,
        source_instance_id=row.source_instance_id,
        target_instance_id=row.target_instance_id,
        reason=row.reason,
        reason_code=row.reason_code,
        epoch=row.epoch,
        actor=row.actor,
        evidence=row.evidence,
        error_message=row.error_message,
        stages=Stages(
            detected_at=row.detected_at,
            decided_at=row.decided_at,
            committed_at=row.committed_at,
            applied_at=row.applied_at,
            verified_at=row.verified_at,
        ),
        duration_ms=row.duration_ms,
        created_at=row.created_at,
        completed_at=row.completed_at,
        scheduled_at=row.scheduled_at,
        drill_id=row.drill_id,
        gradual=gradual_move_of(row.gradual),
        answers=None if row.node_answers is None else tuple(_answer_of(a) for a in row.node_answers),
    )


def _answer_document(answer: NodeAnswer) -> dict[str, Any]:
    at = None if answer.at is None else answer.at.isoformat()
    return {"nodeId": answer.node_id, "kind": answer.kind, "detail": answer.detail, "at": at}


def _answer_of(document: dict[str, Any]) -> NodeAnswer:
    at = document["at"]
    return NodeAnswer(
        node_id=document["nodeId"],
        kind=document["kind"],
        detail=document["detail"],
        at=None if at is None else datetime.fromisoformat(at),
    )


def past_move_of(row: Row[*tuple[Any, ...]]) -> PastMove:
    """The little that a decision needs of a committed move."""
    return PastMove(
        event_type=row.event_type,
        source_instance_id=row.source_instance_id,
        target_instance_id=row.target_instance_id,
        committed_at=row.committed_at,
        trigger=row.trigger,
    )
