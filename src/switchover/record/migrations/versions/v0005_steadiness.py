"""What keeps a proxy from moving too often: flap damping, the dwell, failback's policy, pins that end, all-down."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from switchover.record.migrations.phases import Phase

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
phase = Phase.PRE

_TIME = sa.DateTime(timezone=True)
_DOCUMENT = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def _word(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    """Add columns; what the version before leaves out has its default."""
    with op.batch_alter_table("proxies") as proxies:
        proxies.add_column(
            sa.Column(
                "pin_note", _DOCUMENT, nullable=True, comment="Who pinned which instance, why, until when"
            )
        )
    _extend_configurations()
    with op.batch_alter_table("proxy_instances") as instances:
        instances.add_column(
            sa.Column(
                "damping_cleared_at",
                _TIME,
                nullable=True,
                comment="When an operator last cleared its damping",
            )
        )
        instances.add_column(
            sa.Column(
                "flap_score",
                sa.Float(),
                nullable=False,
                server_default="0",
                comment="Falls, decayed until scored",
            )
        )
        instances.add_column(sa.Column("flap_scored_at", _TIME, nullable=True, comment="When it last fell"))
        instances.add_column(
            sa.Column(
                "suppressed_since",
                _TIME,
                nullable=True,
                comment="When the score last reached the suppress limit",
            )
        )
        instances.create_check_constraint(op.f("ck_proxy_instances_flap_score_range"), "flap_score >= 0")


def _extend_configurations() -> None:
    with op.batch_alter_table("proxy_failover_configurations") as policies:
        policies.add_column(
            sa.Column(
                "flap_damping",
                _DOCUMENT,
                nullable=True,
                comment="When an instance that keeps falling is left alone",
            )
        )
        policies.add_column(
            sa.Column(
                "min_dwell_seconds",
                sa.Float(),
                nullable=False,
                server_default="1",
                comment="Between two automatic moves",
            )
        )
        policies.add_column(
            sa.Column(
                "failback",
                _word("failback_word", "never", "manual", "automatic"),
                nullable=True,
                comment="Who fails back; null follows recovery",
            )
        )
        policies.add_column(
            sa.Column(
                "failback_window",
                _DOCUMENT,
                nullable=True,
                comment="When in the day we fail back; null: any time",
            )
        )
        policies.add_column(
            sa.Column(
                "all_down",
                _word("all_down_word", "keep_last", "send_to_all", "fail_fast"),
                nullable=False,
                server_default="keep_last",
                comment="What nodes do while none could serve",
            )
        )
        policies.create_check_constraint(
            op.f("ck_proxy_failover_configurations_min_dwell_range"), "min_dwell_seconds >= 0"
        )
