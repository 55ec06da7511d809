"""The recovery of instances: what is called, what signs the call, and each instance's newest recovery."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from switchover.record.migrations.phases import Phase

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
phase = Phase.PRE

_TIME = sa.DateTime(timezone=True)
_NAME = sa.String(63).with_variant(sa.String(63, collation="C"), "postgresql")
_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Add two columns that may be null, and a table."""
    with op.batch_alter_table("proxy_failover_configurations") as configurations:
        configurations.add_column(
            sa.Column(
                "recovery_action",
                _DOCUMENT,
                nullable=True,
                comment="What is called to bring an instance back; null for nothing",
            )
        )
    with op.batch_alter_table("proxy_instances") as instances:
        instances.add_column(
            sa.Column(
                "recovery_event_id",
                sa.Uuid(),
                nullable=True,
                comment="Its newest recovery; null before the first",
            )
        )
    op.create_table(
        "recovery_secrets",
        sa.Column("proxy_id", _NAME, nullable=False, comment="The proxy"),
        sa.Column(
            "secret", sa.Text(), nullable=False, comment="Signs its webhook; never listed, never logged"
        ),
        sa.Column(
            "former",
            sa.Text(),
            nullable=True,
            comment="The secret before, which signs too until the next rotation",
        ),
        sa.Column("rotated_at", _TIME, nullable=False, comment="When the secret took its place"),
        sa.ForeignKeyConstraint(
            ["proxy_id"], ["proxies.proxy_id"], name=op.f("fk_recovery_secrets_proxy_id")
        ),
        sa.PrimaryKeyConstraint("proxy_id", name=op.f("pk_recovery_secrets")),
        comment="What the requests to recovery webhooks are signed with",
    )
