"""Moves in steps: what a policy says of them, and how far the open one has come."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from switchover.record.migrations.phases import Phase

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None
phase = Phase.PRE

_DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Create the columns. A version that knows nothing of them moves at once, and leaves them alone."""
    for table, comment in (
        ("proxy_failover_configurations", "How moves are made in steps; null: at once"),
        ("proxy_failover_events", "How far a move in steps has come; null: made at once"),
    ):
        with op.batch_alter_table(table) as changed:
            changed.add_column(sa.Column("gradual", _DOCUMENT, nullable=True, comment=comment))
