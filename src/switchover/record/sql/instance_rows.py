"""An instance as a row, and back: what people say of it, and what was measured."""

from typing import Any

from sqlalchemy import Row

from switchover.model.address import Address
from switchover.model.instance import Instance, Usage
from switchover.model.observation import Flapping, InstanceHealth
from switchover.record.sql.order_rows import order_document, order_of


def ordered_columns(instance: Instance) -> dict[str, Any]:
    """What people say about an instance."""
    address = instance.address
    return {
        "instance_name": instance.name,
        "instance_type": instance.instance_type,
        "priority": instance.priority,
        "weight": instance.weight,
        "address_host": address.host if address else None,
        "address_port": address.port if address else None,
        "admin_state": instance.admin_state,
        "admin_changed_at": instance.admin_changed_at,
        "damping_cleared_at": instance.damping_cleared_at,
        "admin_order": order_document(instance.admin_order, instance.admin_changed_at),
    }


def health_columns(instance: Instance) -> dict[str, Any]:
    """What probes and reports found: health and the resolved host."""
    health = instance.health
    return {
        "resolved_host": instance.resolved_host,
        "health_status": health.state,
        "consecutive_failures": health.consecutive_failures,
        "consecutive_passes": health.consecutive_passes,
        "last_outcome": health.last_outcome,
        "inconclusive_count": health.inconclusive_count,
        "last_health_check": health.last_checked_at,
        "health_changed_at": health.changed_at,
        "first_failed_at": health.first_failed_at,
        "last_check_code": health.last_code,
        "last_check_detail": health.last_detail,
        "flap_score": health.flapping.score,
        "flap_scored_at": health.flapping.scored_at,
        "suppressed_since": health.flapping.suppressed_since,
    }


def usage_columns(instance: Instance) -> dict[str, Any]:
    """What the instance carried."""
    usage = instance.usage
    return {
        "total_requests": usage.total_requests,
        "successful_requests": usage.successful_requests,
        "failed_requests": usage.failed_requests,
        "average_latency_ms": usage.average_latency_ms,
        "error_rate": usage.error_rate,
    }


def instance_of(row: Row[*tuple[Any, ...]]) -> Instance:
    """The instance in a row of `proxy_instances`."""
    address = None
    if row.address_host is not None:
        address = Address(host=row.address_host, port=row.address_port)
    return Instance(
        instance_id=row.instance_id,
        proxy_id=row.proxy_id,
        name=row.instance_name,
        instance_type=row.instance_type,
        priority=row.priority,
        weight=row.weight,
        address=address,
        resolved_host=row.resolved_host,
        admin_state=row.admin_state,
        admin_changed_at=row.admin_changed_at,
        damping_cleared_at=row.damping_cleared_at,
        admin_order=order_of(row.admin_order, row.admin_state, row.admin_changed_at),
        health=InstanceHealth(
            state=row.health_status,
            consecutive_failures=row.consecutive_failures,
            consecutive_passes=row.consecutive_passes,
            last_outcome=row.last_outcome,
            inconclusive_count=row.inconclusive_count,
            last_checked_at=row.last_health_check,
            changed_at=row.health_changed_at,
            first_failed_at=row.first_failed_at,
            last_code=row.last_check_code,
            last_detail=row.last_check_detail,
            flapping=Flapping(
                score=row.flap_score,
                scored_at=row.flap_scored_at,
                suppressed_since=row.suppressed_since,
            ),
        ),
        usage=Usage(
            total_requests=row.total_requests,
            successful_requests=row.successful_requests,
            failed_requests=row.failed_requests,
            average_latency_ms=row.average_latency_ms,
            error_rate=row.error_rate,
        ),
        created_at=row.created_at,
    )
