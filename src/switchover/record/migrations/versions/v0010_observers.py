"""Replicas that doubt themselves, and instances that several replicas look at."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from switchover.record.migrations.phases import Phase

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
phase = Phase.PRE

_TIME = sa.DateTime(timezone=True)
_NAME = sa.String(63).with_variant(sa.String(63, collation="C"), "postgresql")
_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def _word(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _required(name: str, kind: TypeEngine[Any], comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, comment=comment)


def upgrade() -> None:
    """Create the columns and the table of what replicas see."""
    with op.batch_alter_table("replicas") as replicas:
        replicas.add_column(
            sa.Column(
                "doubt",
                sa.Text(),
                nullable=True,
                comment="Why it does not believe what it sees; null while it does",
            )
        )
    with op.batch_alter_table("proxy_failover_configurations") as configurations:
        configurations.add_column(
            sa.Column(
                "quorum",
                _DOCUMENT,
                nullable=True,
                comment="How many replicas must see an instance down; null: its owner alone",
            )
        )
    op.create_table(
        "vantage_reports",
        _required("proxy_id", _NAME, "The proxy"),
        _required("instance_id", sa.Uuid(), "Its instance"),
        _required("replica_id", sa.Uuid(), "Who looked at it for the proxy's owner"),
        _required("health", _word("health_word", "unknown", "healthy", "unhealthy"), "What it believes"),
        _required("consecutive_failures", sa.Integer(), "As it counted"),
        _required("reported_at", _TIME, "When it told"),
        sa.PrimaryKeyConstraint("proxy_id", "instance_id", "replica_id", name=op.f("pk_vantage_reports")),
        comment="How replicas see instances of proxies that ask for a quorum",
    )
