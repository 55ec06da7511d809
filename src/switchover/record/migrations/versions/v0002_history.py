"""What happened: events, redundancy, metrics, outbox and audit."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from switchover.record.migrations.phases import Phase

revision = "0002"
down_revision = "0001"
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
    """Create the tables of what happened."""
    _create_proxy_failover_events()
    _create_proxy_redundancy_status()
    _create_proxy_instance_metrics()
    _create_outbox_messages()
    _create_audit_log()


def _create_proxy_failover_events() -> None:
    op.create_table(
        "proxy_failover_events",
        _required("event_id", sa.Uuid(), "UUIDv7"),
        _required("proxy_id", _NAME, "The proxy that moved"),
        _required(
            "event_type",
            _word("event_type_word", "activation", "failover", "switchover", "failback", "recovery"),
            "Kind of move",
        ),
        _required(
            "status", _word("status_word", "pending", "in_progress", "completed", "failed"), "Where it stands"
        ),
        _required("trigger", _word("trigger_word", "automatic", "manual"), "Who started it"),
        _optional("source_instance_id", sa.Uuid(), "The active before"),
        _optional("target_instance_id", sa.Uuid(), "The active after"),
        _required("reason", sa.Text(), "Sentence, rendered once"),
        _required("reason_code", sa.Text(), "Stable word behind the sentence"),
        _required("epoch", sa.BigInteger(), "Epoch of the proxy after this move"),
        _required("actor", sa.Text(), "Who caused it"),
        _required("evidence", _DOCUMENT, "What the decision saw"),
        _optional("error_message", sa.Text(), "Why it failed"),
        _optional("detected_at", _TIME, "First failure of the run that caused it, or the order's arrival"),
        _optional("decided_at", _TIME, "Decision"),
        _optional("committed_at", _TIME, "Intent on record"),
        _optional("applied_at", _TIME, "Last receipt"),
        _optional("verified_at", _TIME, "The new active answered through a listener"),
        _optional("duration_ms", sa.Float(), "Decided to last receipt; null while open"),
        _required("created_at", _TIME, "When the row was written"),
        _optional("completed_at", _TIME, "When it was closed; null while open"),
        sa.CheckConstraint(
            "(status IN ('pending', 'in_progress')) = (completed_at IS NULL)",
            name=op.f("ck_proxy_failover_events_closed_when_completed"),
        ),
        sa.CheckConstraint("duration_ms >= 0", name=op.f("ck_proxy_failover_events_duration_range")),
        sa.CheckConstraint("epoch >= 0", name=op.f("ck_proxy_failover_events_epoch_range")),
        sa.ForeignKeyConstraint(
            ["proxy_id"], ["proxies.proxy_id"], name=op.f("fk_proxy_failover_events_proxy_id")
        ),
        sa.ForeignKeyConstraint(
            ["source_instance_id"],
            ["proxy_instances.instance_id"],
            name=op.f("fk_proxy_failover_events_source_instance_id"),
        ),
        sa.ForeignKeyConstraint(
            ["target_instance_id"],
            ["proxy_instances.instance_id"],
            name=op.f("fk_proxy_failover_events_target_instance_id"),
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_proxy_failover_events")),
        comment="Every change of an active instance, from intent to outcome",
    )
    _index_proxy_failover_events()


def _index_proxy_failover_events() -> None:
    op.create_index(
        op.f("ix_proxy_failover_events_committed_at"),
        "proxy_failover_events",
        ["committed_at"],
        sqlite_where=sa.text("event_type <> 'recovery'"),
        postgresql_where=sa.text("event_type <> 'recovery'"),
    )
    op.create_index(op.f("ix_proxy_failover_events_completed_at"), "proxy_failover_events", ["completed_at"])
    op.create_index(
        op.f("ix_proxy_failover_events_proxy_id_created_at_event_id"),
        "proxy_failover_events",
        ["proxy_id", "created_at", "event_id"],
    )
    op.create_index(
        "uq_proxy_failover_events_open_move",
        "proxy_failover_events",
        ["proxy_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('pending', 'in_progress') AND event_type <> 'recovery'"),
        postgresql_where=sa.text("status IN ('pending', 'in_progress') AND event_type <> 'recovery'"),
    )
    op.create_index(
        "uq_proxy_failover_events_open_recovery",
        "proxy_failover_events",
        ["target_instance_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('pending', 'in_progress') AND event_type = 'recovery'"),
        postgresql_where=sa.text("status IN ('pending', 'in_progress') AND event_type = 'recovery'"),
    )


def _create_proxy_redundancy_status() -> None:
    op.create_table(
        "proxy_redundancy_status",
        _required("proxy_id", _NAME, "The proxy"),
        _required("total_instances", sa.Integer(), "Registered instances"),
        _required("healthy_instances", sa.Integer(), "Of those, healthy"),
        _required("unhealthy_instances", sa.Integer(), "Of those, unhealthy"),
        _optional("active_instance_id", sa.Uuid(), "The active"),
        _required("backup_instance_ids", _DOCUMENT, "Backups, in order of preference"),
        _required(
            "redundancy_level",
            _word("redundancy_level_word", "single", "dual", "multi"),
            "By the number of instances",
        ),
        _required("is_degraded", sa.Boolean(), "Whether the next death hurts"),
        _optional("last_failover_at", _TIME, "When the active last changed"),
        _optional("last_failover_reason", sa.Text(), "Why"),
        _required("epoch", sa.BigInteger(), "Epoch of the proxy"),
        _required("source", _word("source_word", "derived", "declared"), "Derived, or declared by an admin"),
        _required("updated_at", _TIME, "When this status came to be"),
        sa.CheckConstraint(
            "total_instances >= 0 AND healthy_instances >= 0 AND unhealthy_instances >= 0",
            name=op.f("ck_proxy_redundancy_status_counts_range"),
        ),
        sa.ForeignKeyConstraint(
            ["proxy_id"], ["proxies.proxy_id"], name=op.f("fk_proxy_redundancy_status_proxy_id")
        ),
        sa.PrimaryKeyConstraint("proxy_id", name=op.f("pk_proxy_redundancy_status")),
        comment="How many more deaths each proxy survives",
    )


def _create_proxy_instance_metrics() -> None:
    op.create_table(
        "proxy_instance_metrics",
        _required("metrics_id", sa.Uuid(), "UUIDv7"),
        _required("instance_id", sa.Uuid(), "The instance"),
        _required("recorded_at", _TIME, "When it was measured"),
        _optional("cpu_percent", sa.Float(), "0 to 100"),
        _optional("memory_percent", sa.Float(), "0 to 100"),
        _optional("request_rate", sa.Float(), "Requests per second"),
        _optional("average_latency_ms", sa.Float(), "Milliseconds"),
        _optional("error_rate", sa.Float(), "0 to 1"),
        _optional("connection_count", sa.BigInteger(), "Open connections"),
        _optional("throughput_mbps", sa.Float(), "Megabits per second"),
        sa.CheckConstraint("cpu_percent BETWEEN 0 AND 100", name=op.f("ck_proxy_instance_metrics_cpu_range")),
        sa.CheckConstraint(
            "error_rate BETWEEN 0 AND 1", name=op.f("ck_proxy_instance_metrics_error_rate_range")
        ),
        sa.CheckConstraint(
            "memory_percent BETWEEN 0 AND 100", name=op.f("ck_proxy_instance_metrics_memory_range")
        ),
        sa.CheckConstraint(
            "request_rate >= 0 AND average_latency_ms >= 0 AND connection_count >= 0 AND throughput_mbps >= 0",
            name=op.f("ck_proxy_instance_metrics_amounts_range"),
        ),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["proxy_instances.instance_id"],
            name=op.f("fk_proxy_instance_metrics_instance_id"),
        ),
        sa.PrimaryKeyConstraint("metrics_id", name=op.f("pk_proxy_instance_metrics")),
        comment="Samples of what instances report or nodes measure",
    )
    op.create_index(
        op.f("ix_proxy_instance_metrics_instance_id_recorded_at_metrics_id"),
        "proxy_instance_metrics",
        ["instance_id", "recorded_at", "metrics_id"],
    )
    op.create_index(op.f("ix_proxy_instance_metrics_recorded_at"), "proxy_instance_metrics", ["recorded_at"])


def _create_outbox_messages() -> None:
    op.create_table(
        "outbox_messages",
        _required("message_id", sa.Uuid(), "UUIDv7; handed over in this order"),
        _required("occurred_at", _TIME, "When the fact came to be"),
        _required(
            "topic",
            _word(
                "topic_word",
                "move.committed",
                "move.closed",
                "instance.unhealthy",
                "instance.healthy",
                "redundancy.changed",
            ),
            "What it tells",
        ),
        _required("proxy_id", _NAME, "The proxy it concerns"),
        _required("owner_id", sa.Text(), "Whose proxy that is"),
        _required("payload", _DOCUMENT, "The fact in the API's names"),
        _optional("delivered_at", _TIME, "When it was handed over; null while pending"),
        sa.ForeignKeyConstraint(["proxy_id"], ["proxies.proxy_id"], name=op.f("fk_outbox_messages_proxy_id")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_outbox_messages")),
        comment="Messages stored in the transaction of the fact that they tell",
    )
    op.create_index(
        op.f("ix_outbox_messages_delivered_at"),
        "outbox_messages",
        ["delivered_at"],
        sqlite_where=sa.text("delivered_at IS NOT NULL"),
        postgresql_where=sa.text("delivered_at IS NOT NULL"),
    )
    op.create_index(
        "ix_outbox_messages_pending",
        "outbox_messages",
        ["message_id"],
        sqlite_where=sa.text("delivered_at IS NULL"),
        postgresql_where=sa.text("delivered_at IS NULL"),
    )


def _create_audit_log() -> None:
    op.create_table(
        "audit_log",
        _required("entry_id", sa.Uuid(), "UUIDv7"),
        _required("occurred_at", _TIME, "When"),
        _required(
            "actor_kind",
            _word("actor_kind_word", "person", "automation", "library"),
            "Person, automation or library",
        ),
        _required("actor_name", sa.Text(), "Who"),
        _required("actor_sees_all", sa.Boolean(), "Whether ownership did not limit them"),
        _required("action", sa.Text(), "Stable word for what was done"),
        _required("proxy_id", _INDEXED_TEXT, "The proxy it concerns"),
        _optional("subject_id", sa.Uuid(), "The instance or event it concerns"),
        _required("detail", _DOCUMENT, "What changed; no secret"),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_audit_log")),
        comment="Who changed what, when",
    )
    op.create_index(
        op.f("ix_audit_log_proxy_id_occurred_at_entry_id"),
        "audit_log",
        ["proxy_id", "occurred_at", "entry_id"],
    )
