"""The list of applied revisions, by which an older replica tells whether it still fits."""

import sqlalchemy as sa
from alembic import op

from switchover.record.migrations.phases import Phase

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
phase = Phase.PRE


def upgrade() -> None:
    """Create the list, with what was applied before there was one; from here on each step adds itself."""
    revisions = op.create_table(
        "schema_revisions",
        sa.Column("revision", sa.String(32), nullable=False, comment="Revision of the migrations"),
        sa.Column(
            "phase",
            sa.Enum("pre", "post", name="phase_word", native_enum=False, create_constraint=True, length=32),
            nullable=False,
            comment="Whether older replicas may run beside it",
        ),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_schema_revisions")),
        comment="Migrations that were applied, so that an older replica can tell whether it still fits",
    )
    op.bulk_insert(revisions, [{"revision": "0001", "phase": "pre"}, {"revision": "0002", "phase": "pre"}])
