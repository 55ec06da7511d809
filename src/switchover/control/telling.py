"""What a change tells: the audit entries and outbox messages that are stored with it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from switchover.model.actor import Actor
from switchover.model.blocked import BlockedMove
from switchover.model.clock import IdFactory
from switchover.model.events import FailoverEvent
from switchover.model.gradual import GradualMove
from switchover.model.instance import Instance
from switchover.model.policy import FailoverPolicy
from switchover.model.proxy import Proxy
from switchover.model.redundancy import RedundancyStatus
from switchover.model.trail import AuditEntry, OutboxMessage, Topic


def audit_of(
    ids: IdFactory,
    actor: Actor,
    action: str,
    proxy_id: str,
    at: datetime,
    *,
    subject_id: UUID | None = None,
    detail: dict[str, Any] | None = None,
) -> AuditEntry:
    """An audit entry of now."""
    return AuditEntry(
        entry_id=ids(),
        at=at,
        actor=actor,
        action=action,
        proxy_id=proxy_id,
        subject_id=subject_id,
        detail=detail or {},
    )


def message_of(
    ids: IdFactory, topic: Topic, proxy: Proxy, at: datetime, payload: dict[str, Any]
) -> OutboxMessage:
    """An outbox message about `proxy`."""
    return OutboxMessage(
        message_id=ids(),
        at=at,
        topic=topic,
        proxy_id=proxy.proxy_id,
        owner_id=proxy.owner_id,
        payload=payload,
    )


def event_payload(event: FailoverEvent) -> dict[str, Any]:
    """A failover event in the API's names (DESIGN: the event of the REST contract)."""
    stages = event.stages
    return {
        "id": str(event.event_id),
        "proxyId": event.proxy_id,
        "eventType": event.event_type.value,
        "status": event.status.value,
        "trigger": event.trigger.value,
        "sourceInstanceId": _id(event.source_instance_id),
        "targetInstanceId": _id(event.target_instance_id),
        "reason": event.reason,
        "reasonCode": event.reason_code,
        "errorMessage": event.error_message,
        "epoch": event.epoch,
        "scheduledAt": time_text(event.scheduled_at),
        "drillId": _id(event.drill_id),
        "gradual": None if event.gradual is None else gradual_payload(event.gradual),
        "forced": bool(event.evidence.get("forced", False)),
        "durationMs": event.duration_ms,
        "stages": {
            "detectedAt": time_text(stages.detected_at),
            "decidedAt": time_text(stages.decided_at),
            "committedAt": time_text(stages.committed_at),
            "appliedAt": time_text(stages.applied_at),
            "verifiedAt": time_text(stages.verified_at),
        },
        "createdAt": time_text(event.created_at),
        "completedAt": time_text(event.completed_at),
    }


def gradual_payload(move: GradualMove) -> dict[str, Any]:
    """How far a move in steps has come, in the API's names."""
    return {
        "steps": list(move.steps),
        "step": move.step + 1,
        "share": move.share,
        "since": time_text(move.since),
    }


def redundancy_payload(status: RedundancyStatus) -> dict[str, Any]:
    """A redundancy status in the API's names."""
    return {
        "proxyId": status.proxy_id,
        "totalInstances": status.total_instances,
        "healthyInstances": status.healthy_instances,
        "unhealthyInstances": status.unhealthy_instances,
        "activeInstanceId": _id(status.active_instance_id),
        "backupInstanceIds": [str(instance_id) for instance_id in status.backup_instance_ids],
        "redundancyLevel": status.redundancy_level.value,
        "isDegraded": status.is_degraded,
        "lastFailoverAt": time_text(status.last_failover_at),
        "lastFailoverReason": status.last_failover_reason,
        "epoch": status.epoch,
        "source": status.source.value,
        "updatedAt": time_text(status.updated_at),
    }


def health_payload(instance: Instance, policy: FailoverPolicy) -> dict[str, Any]:
    """An instance whose health turned, in the API's names, and whether and how it is to be recovered."""
    health = instance.health
    return {
        "instanceId": str(instance.instance_id),
        "proxyId": instance.proxy_id,
        "instanceName": instance.name,
        "healthStatus": health.state.value,
        "consecutiveFailures": health.consecutive_failures,
        "code": health.last_code,
        "detail": health.last_detail,
        "changedAt": time_text(health.changed_at),
        "autoRecovery": policy.enable_auto_recovery,
        "recoveryAction": policy.recovery_action.type.value,
    }


def blocked_payload(move: BlockedMove) -> dict[str, Any]:
    """A blocked move in the API's names."""
    return {
        "id": str(move.blocked_id),
        "proxyId": move.proxy_id,
        "eventType": move.event_type.value,
        "trigger": move.trigger.value,
        "sourceInstanceId": _id(move.source_instance_id),
        "targetInstanceId": _id(move.target_instance_id),
        "reason": move.reason,
        "reasonCode": move.reason_code,
        "rule": move.rule,
        "scope": move.scope,
        "message": move.message,
        "firstAt": time_text(move.first_at),
        "lastAt": time_text(move.last_at),
        "count": move.count,
        "endedAt": time_text(move.ended_at),
    }


def time_text(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with a `Z`, as the API writes times; None stays None."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _id(value: UUID | None) -> str | None:
    return None if value is None else str(value)
