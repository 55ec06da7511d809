"""Several replicas: their sessions, who owns which proxy, where nodes are, what they answered, what changed."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

from switchover.record.migrations.phases import Phase

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
phase = Phase.PRE

_TIME = sa.DateTime(timezone=True)
# Compared byte by byte, whatever the database's collation is.
_NAME = sa.String(63).with_variant(sa.String(63, collation="C"), "postgresql")
_INDEXED_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _word(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _required(name: str, kind: TypeEngine[Any], comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, comment=comment)


def upgrade() -> None:
    """Create the tables of what replicas share."""
    _number_changes()
    _create_replicas_and_leases()
    _create_nodes()


def _number_changes() -> None:
    with op.batch_alter_table("proxies") as proxies:
        proxies.add_column(
            sa.Column(
                "change_number",
                sa.BigInteger(),
                nullable=False,
                server_default="0",
                comment="+1 with all that is stored of it",
            )
        )
        proxies.add_column(
            sa.Column(
                "changed_at", _TIME, nullable=True, comment="When that last was; null before anything was"
            )
        )
    op.create_index(op.f("ix_proxies_changed_at"), "proxies", ["changed_at"])


def _create_replicas_and_leases() -> None:
    op.create_table(
        "replicas",
        _required("replica_id", sa.Uuid(), "One run of a process"),
        _required("name", sa.Text(), "What people call it"),
        _required("url", sa.Text(), "Where the others reach its API"),
        _required("started_at", _TIME, "When it started, by its own clock"),
        _required("renewed_at", _TIME, "Its last sign of life"),
        _required("expires_at", _TIME, "End of its session, and of all its leases"),
        sa.PrimaryKeyConstraint("replica_id", name=op.f("pk_replicas")),
        comment="Replicas and their sessions, by the clock of the database",
    )
    op.create_table(
        "leases",
        _required("proxy_id", _NAME, "The proxy"),
        _required("replica_id", sa.Uuid(), "Who decides about it while their session lasts"),
        _required("token", sa.BigInteger(), "Fence of the holder's writes, +1 with every new holder"),
        _required("taken_at", _TIME, "Since when"),
        sa.ForeignKeyConstraint(["proxy_id"], ["proxies.proxy_id"], name=op.f("fk_leases_proxy_id")),
        sa.PrimaryKeyConstraint("proxy_id", name=op.f("pk_leases")),
        comment="Who owns which proxy",
    )
    op.create_index(op.f("ix_leases_replica_id"), "leases", ["replica_id"])


def _create_nodes() -> None:
    op.create_table(
        "nodes",
        _required("node_id", _INDEXED_TEXT, "The node"),
        sa.Column(
            "replica_id",
            sa.Uuid(),
            nullable=True,
            comment="Replica that it is connected to; null while it is away",
        ),
        _required("since", _TIME, "When it came or went"),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_nodes")),
        comment="Where each node is connected",
    )
    op.create_table(
        "node_receipts",
        _required("proxy_id", _NAME, "The proxy"),
        _required("node_id", _INDEXED_TEXT, "The node"),
        _required("phase", _word("phase_word", "break", "make"), "Which phase of the plan"),
        _required("epoch", sa.BigInteger(), "Epoch of the plan that was answered"),
        _required("kind", _word("kind_word", "applied", "rejected", "timed_out"), "What was answered"),
        _required("detail", sa.Text(), "In the node's own words"),
        _required("replica_id", sa.Uuid(), "Who heard it"),
        _required("received_at", _TIME, "When"),
        sa.PrimaryKeyConstraint("proxy_id", "node_id", "phase", name=op.f("pk_node_receipts")),
        comment="Newest answer of each node about each proxy",
    )
