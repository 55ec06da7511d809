"""What bounds automation (pauses, safety rules, gates), and the moves that it blocked."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from switchover.record.migrations.phases import Phase

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
phase = Phase.PRE

_TIME = sa.DateTime(timezone=True)
# Compared byte by byte, whatever the database's collation is.
_NAME = sa.String(63).with_variant(sa.String(63, collation="C"), "postgresql")
_INDEXED_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_LASTS = sa.text("ended_at IS NULL")
_ENDED = sa.text("ended_at IS NOT NULL")
_TOPIC_CHECK = "ck_outbox_messages_topic_word"
_TOPICS = (
    *("move.committed", "move.closed", "instance.unhealthy", "instance.healthy"),
    *("redundancy.changed", "move.blocked"),
)


def _word(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _required(name: str, kind: TypeEngine[Any], comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, comment=comment)


def _optional(name: str, kind: TypeEngine[Any], comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True, comment=comment)


def upgrade() -> None:
    """Create the tables of what bounds automation, and let messages tell of it."""
    with op.batch_alter_table("proxy_failover_configurations") as configurations:
        configurations.add_column(
            _optional("rules", _DOCUMENT, "Safety rules of the proxy itself; null for none")
        )
    scopes = op.create_table(
        "automation_scopes",
        _required("scope", _INDEXED_TEXT, "fleet, user:NAME or proxy:ID; * guards all of them"),
        _optional("pause", _DOCUMENT, "Who paused automation, why, since and until when; null for none"),
        _optional("rules", _DOCUMENT, "Safety rules of the scope; null for none"),
        _optional("gates", _DOCUMENT, "Gates of the scope by name; null for none"),
        _optional("changed_at", _TIME, "When that last was; null before anything was"),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_automation_scopes")),
        comment="What bounds automation, and the rows that are locked while a move is measured against it",
    )
    op.bulk_insert(scopes, [{"scope": "*"}])
    _create_blocked_moves()
    with op.batch_alter_table("outbox_messages") as messages:
        messages.drop_constraint(op.f(_TOPIC_CHECK), type_="check")
        messages.create_check_constraint(op.f(_TOPIC_CHECK), sa.column("topic").in_(_TOPICS))


def _create_blocked_moves() -> None:
    op.create_table(
        "blocked_moves",
        _required("blocked_id", sa.Uuid(), "UUIDv7"),
        _required("proxy_id", _NAME, "The proxy that did not move"),
        _required(
            "event_type",
            _word("event_type_word", "activation", "failover", "switchover", "failback", "recovery"),
            "Kind of move that was wanted",
        ),
        _required("trigger", _word("trigger_word", "automatic", "manual"), "Who wanted it"),
        _optional("source_instance_id", sa.Uuid(), "The active that stayed"),
        _optional("target_instance_id", sa.Uuid(), "Who would have followed"),
        _required("reason", sa.Text(), "Why it was wanted"),
        _required("reason_code", sa.Text(), "Stable word behind that sentence"),
        _required("rule", sa.Text(), "Stable word of the first rule in the way"),
        _required("scope", sa.Text(), "Whose rule that is"),
        _required("message", sa.Text(), "What the rule says"),
        _required("evidence", _DOCUMENT, "What the decision saw, and every rule in the way"),
        _required("first_at", _TIME, "When it was blocked first"),
        _required("last_at", _TIME, "When it was last noted to be"),
        _required("decisions", sa.BigInteger(), "How often it was decided until then"),
        _optional("ended_at", _TIME, "When the wish or the block ended; null while it lasts"),
        sa.CheckConstraint("decisions >= 1", name=op.f("ck_blocked_moves_decisions_range")),
        sa.ForeignKeyConstraint(["proxy_id"], ["proxies.proxy_id"], name=op.f("fk_blocked_moves_proxy_id")),
        sa.ForeignKeyConstraint(
            ["source_instance_id"],
            ["proxy_instances.instance_id"],
            name=op.f("fk_blocked_moves_source_instance_id"),
        ),
        sa.ForeignKeyConstraint(
            ["target_instance_id"],
            ["proxy_instances.instance_id"],
            name=op.f("fk_blocked_moves_target_instance_id"),
        ),
        sa.PrimaryKeyConstraint("blocked_id", name=op.f("pk_blocked_moves")),
        comment="Moves that were wanted and that a rule blocked",
    )
    op.create_index(
        "uq_blocked_moves_lasting",
        "blocked_moves",
        ["proxy_id"],
        unique=True,
        sqlite_where=_LASTS,
        postgresql_where=_LASTS,
    )
    op.create_index(
        op.f("ix_blocked_moves_proxy_id_first_at_blocked_id"),
        "blocked_moves",
        ["proxy_id", "first_at", "blocked_id"],
    )
    op.create_index(
        op.f("ix_blocked_moves_ended_at"),
        "blocked_moves",
        ["ended_at"],
        sqlite_where=_ENDED,
        postgresql_where=_ENDED,
    )
