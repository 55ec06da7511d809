"""The tables of what bounds automation, and of the moves that it blocked. See `schema`."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Text, Uuid, text

from switchover.model.events import EventType, Trigger
from switchover.record.sql.columns import Document, IndexedText, UtcTime, word_column
from switchover.record.sql.naming import metadata

ONE_BLOCKED_MOVE = "uq_blocked_moves_lasting"
EVERY_SCOPE = "*"
"""The row of no scope: whoever changes any scope holds it, and whoever moves shares it."""

# Literals, as in `schema`.
LASTS = text("ended_at IS NULL")
ENDED = text("ended_at IS NOT NULL")

blocked_moves = Table(
    "blocked_moves",
    metadata,
    Column("blocked_id", Uuid, primary_key=True, comment="UUIDv7"),
    Column("proxy_id", ForeignKey("proxies.proxy_id"), nullable=False, comment="The proxy that did not move"),
    word_column("event_type", EventType, comment="Kind of move that was wanted"),
    word_column("trigger", Trigger, comment="Who wanted it"),
    Column("source_instance_id", ForeignKey("proxy_instances.instance_id"), comment="The active that stayed"),
    Column(
        "target_instance_id", ForeignKey("proxy_instances.instance_id"), comment="Who would have followed"
    ),
    Column("reason", Text, nullable=False, comment="Why it was wanted"),
    Column("reason_code", Text, nullable=False, comment="Stable word behind that sentence"),
    Column("rule", Text, nullable=False, comment="Stable word of the first rule in the way"),
    Column("scope", Text, nullable=False, comment="Whose rule that is"),
    Column("message", Text, nullable=False, comment="What the rule says"),
    Column("evidence", Document, nullable=False, comment="What the decision saw, and every rule in the way"),
    Column("first_at", UtcTime, nullable=False, comment="When it was blocked first"),
    Column("last_at", UtcTime, nullable=False, comment="When it was last noted to be"),
    Column("decisions", BigInteger, nullable=False, comment="How often it was decided until then"),
    Column("ended_at", UtcTime, comment="When the wish or the block ended; null while it lasts"),
    CheckConstraint("decisions >= 1", name="decisions_range"),
    Index(ONE_BLOCKED_MOVE, "proxy_id", unique=True, sqlite_where=LASTS, postgresql_where=LASTS),
    Index(None, "proxy_id", "first_at", "blocked_id"),
    Index(None, "ended_at", sqlite_where=ENDED, postgresql_where=ENDED),
    comment="Moves that were wanted and that a rule blocked",
)

automation_scopes = Table(
    "automation_scopes",
    metadata,
    # No foreign keys: a user is a name in a token, and a proxy's row goes with it.
    Column(
        "scope", IndexedText, primary_key=True, comment="fleet, user:NAME or proxy:ID; * guards all of them"
    ),
    Column("pause", Document, comment="Who paused automation, why, since and until when; null for none"),
    Column("rules", Document, comment="Safety rules of the scope; null for none"),
    Column("gates", Document, comment="Gates of the scope by name; null for none"),
    Column("changed_at", UtcTime, comment="When that last was; null before anything was"),
    comment="What bounds automation, and the rows that are locked while a move is measured against it",
)
