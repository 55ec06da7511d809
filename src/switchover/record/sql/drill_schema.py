"""The table of drills. See `schema`."""

from sqlalchemy import Boolean, CheckConstraint, Column, Float, ForeignKey, Index, Table, Text, Uuid, text

from switchover.model.actor import ActorKind
from switchover.model.drills import DrillOutcome, DrillStatus
from switchover.record.sql.columns import UtcTime, word_column
from switchover.record.sql.naming import metadata

ONE_OPEN_DRILL = "uq_proxy_drills_open"

# Literals, never parameters: a partial index serves a query only when the planner sees the same words.
IS_OPEN_DRILL = text("finished_at IS NULL")
IS_ENDED_DRILL = text("finished_at IS NOT NULL")

proxy_drills = Table(
    "proxy_drills",
    metadata,
    Column("drill_id", Uuid, primary_key=True, comment="UUIDv7"),
    Column("proxy_id", ForeignKey("proxies.proxy_id"), nullable=False, comment="The proxy"),
    word_column("status", DrillStatus, comment="Where it stands"),
    word_column("actor_kind", ActorKind, comment="Who ordered it"),
    Column("actor_name", Text, nullable=False, comment="Their name"),
    Column("actor_sees_all", Boolean, nullable=False, comment="Whether ownership did not limit them"),
    Column("reason", Text, comment="Why, in their words"),
    Column("hold_seconds", Float, nullable=False, comment="How long the standby carries the traffic"),
    Column("scheduled_at", UtcTime, comment="When it is to begin; null for at once"),
    # No foreign keys: the ids of events are known before the events are.
    Column("home_instance_id", Uuid, comment="Active that it leaves and returns to"),
    Column("target_instance_id", Uuid, comment="Standby that it moves to"),
    Column("out_event_id", Uuid, comment="Event of the way there"),
    Column("back_event_id", Uuid, comment="Event of the way back"),
    Column("created_at", UtcTime, nullable=False, comment="When it was ordered"),
    Column("started_at", UtcTime, comment="When it began"),
    Column("moved_at", UtcTime, comment="When the way there was confirmed"),
    Column("finished_at", UtcTime, comment="When it ended; null while it is open"),
    word_column("outcome", DrillOutcome, comment="How it ended", nullable=True),
    Column("message", Text, comment="The outcome in words"),
    CheckConstraint("hold_seconds >= 0", name="hold_range"),
    CheckConstraint(
        "(status IN ('completed', 'failed')) = (finished_at IS NOT NULL)", name="finished_when_ended"
    ),
    Index(
        ONE_OPEN_DRILL, "proxy_id", unique=True, sqlite_where=IS_OPEN_DRILL, postgresql_where=IS_OPEN_DRILL
    ),
    Index(None, "proxy_id", "created_at", "drill_id"),
    Index(None, "finished_at", sqlite_where=IS_ENDED_DRILL, postgresql_where=IS_ENDED_DRILL),
    comment="Moves to a standby and back again, made to know that it works",
)
