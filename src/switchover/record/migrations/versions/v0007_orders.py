"""Orders that time ends or begins: who ordered an instance away and until when, scheduled moves, drills."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from switchover.record.migrations.phases import Phase

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
phase = Phase.PRE

_TIME = sa.DateTime(timezone=True)
# Compared byte by byte, whatever the database's collation is.
_NAME = sa.String(63).with_variant(sa.String(63, collation="C"), "postgresql")
_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_IN_PROGRESS = sa.text("status = 'in_progress' AND event_type <> 'recovery'")
_PENDING = sa.text("status = 'pending' AND event_type <> 'recovery'")
_COMMITTED = sa.text("committed_at IS NOT NULL AND event_type <> 'recovery'")
_OPEN_DRILL = sa.text("finished_at IS NULL")
_ENDED_DRILL = sa.text("finished_at IS NOT NULL")

_OUTCOMES = (
    "succeeded",
    "refused",
    "cancelled",
    "missed",
    "target_failed",
    "not_confirmed",
    "not_back",
    "overtaken",
    "interrupted",
)


def _word(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _required(name: str, kind: TypeEngine[Any], comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, comment=comment)


def _optional(name: str, kind: TypeEngine[Any], comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True, comment=comment)


def upgrade() -> None:
    """Add what orders need; a scheduled move no longer counts as the open one."""
    with op.batch_alter_table("proxy_instances") as instances:
        instances.add_column(_optional("admin_order", _DOCUMENT, "Who ordered that, why, until when"))
    _change_events()
    _create_drills()


def _change_events() -> None:
    table = "proxy_failover_events"
    with op.batch_alter_table(table) as events:
        events.add_column(_optional("scheduled_at", _TIME, "For when it was ordered; null for at once"))
        events.add_column(_optional("drill_id", sa.Uuid(), "Drill that it is part of"))
    open_move = op.f("uq_proxy_failover_events_open_move")
    op.drop_index(open_move, table)
    for name, columns, where in (
        (open_move, ["proxy_id"], _IN_PROGRESS),
        (op.f("uq_proxy_failover_events_scheduled_move"), ["proxy_id", "status"], _PENDING),
    ):
        op.create_index(name, table, columns, unique=True, sqlite_where=where, postgresql_where=where)
    op.create_index(
        op.f("ix_proxy_failover_events_proxy_id_epoch"),
        table,
        ["proxy_id", "epoch"],
        sqlite_where=_COMMITTED,
        postgresql_where=_COMMITTED,
    )


def _create_drills() -> None:
    op.create_table(
        "proxy_drills",
        _required("drill_id", sa.Uuid(), "UUIDv7"),
        _required("proxy_id", _NAME, "The proxy"),
        _required(
            "status",
            _word("status_word", "pending", "moving", "returning", "completed", "failed"),
            "Where it stands",
        ),
        _required(
            "actor_kind", _word("actor_kind_word", "person", "automation", "library"), "Who ordered it"
        ),
        _required("actor_name", sa.Text(), "Their name"),
        _required("actor_sees_all", sa.Boolean(), "Whether ownership did not limit them"),
        _optional("reason", sa.Text(), "Why, in their words"),
        _required("hold_seconds", sa.Float(), "How long the standby carries the traffic"),
        _optional("scheduled_at", _TIME, "When it is to begin; null for at once"),
        _optional("home_instance_id", sa.Uuid(), "Active that it leaves and returns to"),
        _optional("target_instance_id", sa.Uuid(), "Standby that it moves to"),
        _optional("out_event_id", sa.Uuid(), "Event of the way there"),
        _optional("back_event_id", sa.Uuid(), "Event of the way back"),
        _required("created_at", _TIME, "When it was ordered"),
        _optional("started_at", _TIME, "When it began"),
        _optional("moved_at", _TIME, "When the way there was confirmed"),
        _optional("finished_at", _TIME, "When it ended; null while it is open"),
        _optional(
            "outcome",
            _word("outcome_word", *_OUTCOMES),
            "How it ended",
        ),
        _optional("message", sa.Text(), "The outcome in words"),
        sa.CheckConstraint("hold_seconds >= 0", name=op.f("ck_proxy_drills_hold_range")),
        sa.CheckConstraint(
            "(status IN ('completed', 'failed')) = (finished_at IS NOT NULL)",
            name=op.f("ck_proxy_drills_finished_when_ended"),
        ),
        sa.ForeignKeyConstraint(["proxy_id"], ["proxies.proxy_id"], name=op.f("fk_proxy_drills_proxy_id")),
        sa.PrimaryKeyConstraint("drill_id", name=op.f("pk_proxy_drills")),
        comment="Moves to a standby and back again, made to know that it works",
    )
    op.create_index(
        op.f("uq_proxy_drills_open"),
        "proxy_drills",
        ["proxy_id"],
        unique=True,
        sqlite_where=_OPEN_DRILL,
        postgresql_where=_OPEN_DRILL,
    )
    op.create_index(
        op.f("ix_proxy_drills_proxy_id_created_at_drill_id"),
        "proxy_drills",
        ["proxy_id", "created_at", "drill_id"],
    )
    op.create_index(
        op.f("ix_proxy_drills_finished_at"),
        "proxy_drills",
        ["finished_at"],
        sqlite_where=_ENDED_DRILL,
        postgresql_where=_ENDED_DRILL,
    )
