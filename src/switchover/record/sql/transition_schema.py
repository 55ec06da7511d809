"""The table of the turns of health. See `schema`."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Text, Uuid

from switchover.model.observation import Health
from switchover.record.sql.columns import UtcTime, word_column
from switchover.record.sql.naming import metadata

instance_health_transitions = Table(
    "instance_health_transitions",
    metadata,
    Column("transition_id", Uuid, primary_key=True, comment="UUIDv7"),
    Column(
        "proxy_id",
        ForeignKey("proxies.proxy_id"),
        nullable=False,
        comment="The proxy that the instance serves",
    ),
    # No foreign key: what turned must not hold up a proxy whose instance a restored backup lacks.
    Column("instance_id", Uuid, nullable=False, comment="The instance"),
    Column("occurred_at", UtcTime, nullable=False, comment="End of the observation that decided it"),
    word_column("from_status", Health, comment="What was believed"),
    word_column("to_status", Health, comment="What is believed from then on"),
    Column("reason", Text, nullable=False, comment="Word of the table of transitions"),
    Column("code", Text, comment="Code of the observation that decided it"),
    Column("consecutive_failures", BigInteger, nullable=False, comment="Failures in a row by then"),
    Column("consecutive_passes", BigInteger, nullable=False, comment="Passes in a row by then"),
    Column("first_failed_at", UtcTime, comment="When the run of failures began"),
    CheckConstraint("consecutive_failures >= 0 AND consecutive_passes >= 0", name="counts_range"),
    # A name of its own: made of its columns' names it would be longer than PostgreSQL takes.
    Index("ix_instance_health_transitions_of_proxy", "proxy_id", "occurred_at", "transition_id"),
    Index(None, "occurred_at"),
    comment="Every change of what was believed of an instance's health",
)
