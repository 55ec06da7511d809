"""A proxy and its policy as rows, and back."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from switchover.model.policy import (
    CheckType,
    FailoverPolicy,
    HealthCheck,
    Listener,
    Scheme,
    StatusRange,
    Traffic,
)
from switchover.model.proxy import Proxy
from switchover.model.quorum import Quorum
from switchover.model.recovery import RecoveryAction, RecoveryActionType
from switchover.record.sql.gradual_rows import gradual_document, gradual_of
from switchover.record.sql.scope_rows import rules_document, rules_of
from switchover.record.sql.steadiness_rows import pin_note_of, steadiness_columns, steadiness_of


def policy_columns(policy: FailoverPolicy) -> dict[str, Any]:
    """The columns of `proxy_failover_configurations` that people decide."""
    listener = policy.listener
    return {
        "failover_strategy": policy.failover_strategy,
        "health_check_interval_seconds": policy.health_check_interval_seconds,
        "health_check_timeout_seconds": policy.given_timeout_seconds,
        "unhealthy_threshold": policy.unhealthy_threshold,
        "healthy_threshold": policy.healthy_threshold,
        "max_recovery_attempts": policy.max_recovery_attempts,
        "recovery_backoff_seconds": policy.recovery_backoff_seconds,
        "enable_auto_failover": policy.enable_auto_failover,
        "enable_auto_recovery": policy.enable_auto_recovery,
        "enable_load_balancing": policy.enable_load_balancing,
        "load_balancing_algorithm": policy.load_balancing_algorithm,
        "health_check": _check_document(policy.health_check),
        "listener_address": listener.address if listener else None,
        "listener_port": listener.port if listener else None,
        "listener_protocol": listener.protocol if listener else None,
        "traffic": asdict(policy.traffic),
        "exclusive": policy.exclusive,
        "switch_timeout_seconds": policy.switch_timeout_seconds,
        "fast_interval_seconds": policy.given_fast_interval_seconds,
        "failback_hold_down_seconds": policy.given_failback_hold_down_seconds,
        "max_failbacks": policy.max_failbacks,
        **steadiness_columns(policy),
        "rules": rules_document(policy.rules),
        "recovery_action": asdict(policy.recovery_action),
        "quorum": asdict(policy.quorum),
        "gradual": gradual_document(policy.gradual),
    }


def policy_of(row: Row[*tuple[Any, ...]]) -> FailoverPolicy:
    """The policy in a row that has the columns of `proxy_failover_configurations`."""
    listener = None
    if row.listener_address is not None:
        listener = Listener(
            address=row.listener_address, port=row.listener_port, protocol=row.listener_protocol
        )
    return FailoverPolicy(
        failover_strategy=row.failover_strategy,
        health_check_interval_seconds=row.health_check_interval_seconds,
        given_timeout_seconds=row.health_check_timeout_seconds,
        unhealthy_threshold=row.unhealthy_threshold,
        healthy_threshold=row.healthy_threshold,
        max_recovery_attempts=row.max_recovery_attempts,
        recovery_backoff_seconds=row.recovery_backoff_seconds,
        enable_auto_failover=row.enable_auto_failover,
        enable_auto_recovery=row.enable_auto_recovery,
        enable_load_balancing=row.enable_load_balancing,
        load_balancing_algorithm=row.load_balancing_algorithm,
        health_check=_check_of(row.health_check),
        listener=listener,
        traffic=Traffic(**row.traffic),
        exclusive=row.exclusive,
        switch_timeout_seconds=row.switch_timeout_seconds,
        given_fast_interval_seconds=row.fast_interval_seconds,
        given_failback_hold_down_seconds=row.failback_hold_down_seconds,
        max_failbacks=row.max_failbacks,
        **steadiness_of(row),
        rules=rules_of(row.rules),
        recovery_action=_action_of(row.recovery_action),
        quorum=Quorum() if row.quorum is None else Quorum(**row.quorum),
        gradual=gradual_of(row.gradual),
    )


def proxy_of(row: Row[*tuple[Any, ...]]) -> Proxy:
    """The proxy in a row that has the columns of `proxies` and `proxy_failover_configurations`."""
    return Proxy(
        proxy_id=row.proxy_id,
        owner_id=row.owner_id,
        policy=policy_of(row),
        active_instance_id=row.active_instance_id,
        epoch=row.epoch,
        generation=row.generation,
        pinned_instance_id=row.pinned_instance_id,
        pin_note=pin_note_of(row.pin_note),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _check_document(check: HealthCheck) -> dict[str, Any]:
    ranges = [[statuses.low, statuses.high] for statuses in check.expected_statuses]
    return {**asdict(check), "expected_statuses": ranges}


def _check_of(document: Mapping[str, Any]) -> HealthCheck:
    ranges = tuple(StatusRange(low, high) for low, high in document["expected_statuses"])
    words = {"type": CheckType(document["type"]), "scheme": Scheme(document["scheme"])}
    return HealthCheck(**{**document, **words, "expected_statuses": ranges})


def _action_of(document: Mapping[str, Any] | None) -> RecoveryAction:
    if document is None:
        return RecoveryAction()
    return RecoveryAction(**{**document, "type": RecoveryActionType(document["type"])})
