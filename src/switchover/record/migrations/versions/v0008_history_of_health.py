"""The history of health that decisions are simulated over, and what each node answered to a move."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from switchover.record.migrations.phases import Phase

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
phase = Phase.PRE

_TIME = sa.DateTime(timezone=True)
_NAME = sa.String(63).with_variant(sa.String(63, collation="C"), "postgresql")
_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_TABLE = "instance_health_transitions"


def _health(name: str) -> sa.Enum:
    words = ("unknown", "healthy", "unhealthy")
    return sa.Enum(*words, name=f"{name}_word", native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    """Create the table of transitions; let events keep the nodes' answers."""
    op.create_table(
        _TABLE,
        sa.Column("transition_id", sa.Uuid(), nullable=False, comment="UUIDv7"),
        sa.Column("proxy_id", _NAME, nullable=False, comment="The proxy that the instance serves"),
        sa.Column("instance_id", sa.Uuid(), nullable=False, comment="The instance"),
        sa.Column("occurred_at", _TIME, nullable=False, comment="End of the observation that decided it"),
        sa.Column("from_status", _health("from_status"), nullable=False, comment="What was believed"),
        sa.Column("to_status", _health("to_status"), nullable=False, comment="What is believed from then on"),
        sa.Column("reason", sa.Text(), nullable=False, comment="Word of the table of transitions"),
        sa.Column("code", sa.Text(), nullable=True, comment="Code of the observation that decided it"),
        sa.Column(
            "consecutive_failures", sa.BigInteger(), nullable=False, comment="Failures in a row by then"
        ),
        sa.Column("consecutive_passes", sa.BigInteger(), nullable=False, comment="Passes in a row by then"),
        sa.Column("first_failed_at", _TIME, nullable=True, comment="When the run of failures began"),
        sa.CheckConstraint(
            "consecutive_failures >= 0 AND consecutive_passes >= 0", name=op.f(f"ck_{_TABLE}_counts_range")
        ),
        sa.ForeignKeyConstraint(["proxy_id"], ["proxies.proxy_id"], name=op.f(f"fk_{_TABLE}_proxy_id")),
        sa.PrimaryKeyConstraint("transition_id", name=op.f(f"pk_{_TABLE}")),
        comment="Every change of what was believed of an instance's health",
    )
    op.create_index(f"ix_{_TABLE}_of_proxy", _TABLE, ["proxy_id", "occurred_at", "transition_id"])
    op.create_index(op.f(f"ix_{_TABLE}_occurred_at"), _TABLE, ["occurred_at"])
    op.add_column(
        "proxy_failover_events",
        sa.Column("node_answers", _DOCUMENT, nullable=True, comment="What each node answered, and when"),
    )
