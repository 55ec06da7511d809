"""Proxies, their policies and their instances."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from switchover.record.migrations.phases import Phase

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
phase = Phase.PRE

_TIME = sa.DateTime(timezone=True)
# Compared byte by byte, whatever the database's collation is.
_NAME = sa.String(63).with_variant(sa.String(63, collation="C"), "postgresql")
_INDEXED_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def _word(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _required(name: str, kind: TypeEngine[Any], comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, comment=comment)


def _optional(name: str, kind: TypeEngine[Any], comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True, comment=comment)


def upgrade() -> None:
    """Create the tables of what people registered."""
    _create_proxies()
    _create_proxy_failover_configurations()
    _create_proxy_instances()


def _create_proxies() -> None:
    op.create_table(
        "proxies",
        _required("proxy_id", _NAME, "Name of the proxy"),
        _required("owner_id", _INDEXED_TEXT, "User it belongs to"),
        _optional(
            "active_instance_id", sa.Uuid(), "Instance that carries the traffic; may name a deleted one"
        ),
        _required("epoch", sa.BigInteger(), "Fencing number, +1 with every change of the active"),
        _required("generation", sa.BigInteger(), "Revision of the desired configuration"),
        _optional("pinned_instance_id", sa.Uuid(), "Instance that failback leaves alone"),
        _required("created_at", _TIME, "When it was created, or revived"),
        _required("updated_at", _TIME, "When people last changed it"),
        _optional("deleted_at", _TIME, "When it was deleted; null while it lives"),
        sa.CheckConstraint("epoch >= 0", name=op.f("ck_proxies_epoch_range")),
        sa.CheckConstraint("generation >= 1", name=op.f("ck_proxies_generation_range")),
        sa.PrimaryKeyConstraint("proxy_id", name=op.f("pk_proxies")),
        comment="Logical fronts, who carries each now, and in which epoch",
    )
    op.create_index(op.f("ix_proxies_owner_id_proxy_id"), "proxies", ["owner_id", "proxy_id"])


def _create_proxy_failover_configurations() -> None:
    op.create_table(
        "proxy_failover_configurations",
        _required("proxy_id", _NAME, "The proxy"),
        _required(
            "failover_strategy",
            _word("failover_strategy_word", "priority", "round_robin", "least_connections"),
            "How the next active is chosen",
        ),
        _required("health_check_interval_seconds", sa.Float(), "Between two probes"),
        _optional(
            "health_check_timeout_seconds", sa.Float(), "Deadline of a probe; null follows the interval"
        ),
        _required("unhealthy_threshold", sa.Integer(), "Consecutive failures that mean unhealthy"),
        _required("healthy_threshold", sa.Integer(), "Consecutive passes that mean healthy"),
        _required("max_recovery_attempts", sa.Integer(), "Attempts to bring an instance back"),
        _required("recovery_backoff_seconds", sa.Float(), "First pause between attempts"),
        _required("enable_auto_failover", sa.Boolean(), "Whether we move by ourselves"),
        _required("enable_auto_recovery", sa.Boolean(), "Whether we recover and fail back"),
        _required("enable_load_balancing", sa.Boolean(), "Whether all eligible carry traffic"),
        _required(
            "load_balancing_algorithm",
            _word("load_balancing_algorithm_word", "round_robin", "least_connections", "weighted"),
            "How traffic is spread then",
        ),
        _required("health_check", _DOCUMENT, "How instances are probed"),
        _optional(
            "listener_address", _INDEXED_TEXT, "IP address that nodes listen on; null: no node carries it"
        ),
        _optional("listener_port", sa.Integer(), "Port that nodes listen on"),
        _optional(
            "listener_protocol", _word("listener_protocol_word", "http", "tcp"), "What is spoken there"
        ),
        _required("traffic", _DOCUMENT, "How nodes treat a request"),
        _required("exclusive", sa.Boolean(), "Whether a move breaks before it makes"),
        _required("switch_timeout_seconds", sa.Float(), "How long nodes have to apply a move"),
        _optional(
            "fast_interval_seconds", sa.Float(), "Between probes in transition; null follows the interval"
        ),
        _optional("failback_hold_down_seconds", sa.Float(), "Well before failback; null follows the backoff"),
        _required("max_failbacks", sa.Integer(), "Failed failbacks before damping"),
        _optional("deleted_at", _TIME, "When the proxy was deleted; frees its listener"),
        *_policy_checks(),
        sa.ForeignKeyConstraint(
            ["proxy_id"], ["proxies.proxy_id"], name=op.f("fk_proxy_failover_configurations_proxy_id")
        ),
        sa.PrimaryKeyConstraint("proxy_id", name=op.f("pk_proxy_failover_configurations")),
        comment="Failover policy of each proxy, as people gave it",
    )
    op.create_index(
        "uq_proxy_failover_configurations_listener",
        "proxy_failover_configurations",
        ["listener_address", "listener_port"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )


def _policy_checks() -> tuple[sa.CheckConstraint, ...]:
    return (
        sa.CheckConstraint(
            "(listener_address IS NULL) = (listener_port IS NULL) AND (listener_port IS NULL) = (listener_protocol IS NULL)",
            name=op.f("ck_proxy_failover_configurations_listener_whole"),
        ),
        sa.CheckConstraint(
            "failback_hold_down_seconds >= 0",
            name=op.f("ck_proxy_failover_configurations_failback_hold_down_range"),
        ),
        sa.CheckConstraint(
            "fast_interval_seconds > 0", name=op.f("ck_proxy_failover_configurations_fast_interval_range")
        ),
        sa.CheckConstraint(
            "health_check_interval_seconds > 0", name=op.f("ck_proxy_failover_configurations_interval_range")
        ),
        sa.CheckConstraint(
            "health_check_timeout_seconds > 0", name=op.f("ck_proxy_failover_configurations_timeout_range")
        ),
        sa.CheckConstraint(
            "healthy_threshold >= 1", name=op.f("ck_proxy_failover_configurations_healthy_threshold_range")
        ),
        sa.CheckConstraint(
            "listener_port BETWEEN 1 AND 65535",
            name=op.f("ck_proxy_failover_configurations_listener_port_range"),
        ),
        sa.CheckConstraint(
            "max_failbacks >= 0", name=op.f("ck_proxy_failover_configurations_max_failbacks_range")
        ),
        sa.CheckConstraint(
            "max_recovery_attempts >= 0",
            name=op.f("ck_proxy_failover_configurations_max_recovery_attempts_range"),
        ),
        sa.CheckConstraint(
            "recovery_backoff_seconds >= 0",
            name=op.f("ck_proxy_failover_configurations_recovery_backoff_range"),
        ),
        sa.CheckConstraint(
            "switch_timeout_seconds > 0", name=op.f("ck_proxy_failover_configurations_switch_timeout_range")
        ),
        sa.CheckConstraint(
            "unhealthy_threshold >= 1",
            name=op.f("ck_proxy_failover_configurations_unhealthy_threshold_range"),
        ),
    )


def _create_proxy_instances() -> None:
    op.create_table(
        "proxy_instances",
        _required("instance_id", sa.Uuid(), "UUIDv7"),
        _required("proxy_id", _NAME, "The proxy it serves"),
        _required("instance_name", _INDEXED_TEXT, "Unique within the proxy"),
        _required("instance_type", sa.Text(), "Free label of the operator"),
        _required("priority", sa.Integer(), "Lower is preferred"),
        _required("weight", sa.Integer(), "Share in weighted load balancing"),
        _optional("address_host", sa.Text(), "Where it listens; null: it lives by reports"),
        _optional("address_port", sa.Integer(), "Port it listens on"),
        _optional("resolved_host", sa.Text(), "IP address that nodes are given"),
        _required(
            "admin_state", _word("admin_state_word", "ready", "drain", "maintenance"), "What people ordered"
        ),
        _optional("admin_changed_at", _TIME, "When they did"),
        _required(
            "health_status",
            _word("health_status_word", "unknown", "healthy", "unhealthy"),
            "What was measured",
        ),
        _required("consecutive_failures", sa.BigInteger(), "Failures since the last pass"),
        _required("consecutive_passes", sa.BigInteger(), "Passes since the last failure"),
        _optional(
            "last_outcome", _word("last_outcome_word", "pass", "fail", "inconclusive"), "Last pass or fail"
        ),
        _required("inconclusive_count", sa.BigInteger(), "Probes that told nothing"),
        _optional("last_health_check", _TIME, "End of the last conclusive probe or report"),
        _optional("health_changed_at", _TIME, "When the health last changed"),
        _optional("first_failed_at", _TIME, "When the current run of failures began"),
        _optional("last_check_code", sa.Text(), "Code of the last observation"),
        _optional("last_check_detail", sa.Text(), "Words of the last observation"),
        _required("total_requests", sa.BigInteger(), "Requests since registration"),
        _required("successful_requests", sa.BigInteger(), "Of those, without an error"),
        _required("failed_requests", sa.BigInteger(), "Of those, errors"),
        _optional("average_latency_ms", sa.Float(), "Milliseconds"),
        _optional("error_rate", sa.Float(), "0 to 1"),
        _required("created_at", _TIME, "When it was registered"),
        _optional("deleted_at", _TIME, "When it was deleted; null while it is registered"),
        sa.CheckConstraint(
            "(address_host IS NULL) = (address_port IS NULL)", name=op.f("ck_proxy_instances_address_whole")
        ),
        sa.CheckConstraint(
            "address_port BETWEEN 1 AND 65535", name=op.f("ck_proxy_instances_address_port_range")
        ),
        sa.CheckConstraint(
            "consecutive_failures >= 0 AND consecutive_passes >= 0 AND inconclusive_count >= 0 AND total_requests >= 0 AND successful_requests >= 0 AND failed_requests >= 0",
            name=op.f("ck_proxy_instances_counters_range"),
        ),
        sa.CheckConstraint("error_rate BETWEEN 0 AND 1", name=op.f("ck_proxy_instances_error_rate_range")),
        sa.CheckConstraint("weight >= 1", name=op.f("ck_proxy_instances_weight_range")),
        sa.ForeignKeyConstraint(["proxy_id"], ["proxies.proxy_id"], name=op.f("fk_proxy_instances_proxy_id")),
        sa.PrimaryKeyConstraint("instance_id", name=op.f("pk_proxy_instances")),
        comment="Servers that can carry a proxy's traffic, and what is believed of them",
    )
    op.create_index(
        "uq_proxy_instances_name",
        "proxy_instances",
        ["proxy_id", "instance_name"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
