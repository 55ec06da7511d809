"""The tables of what changes leave behind: messages to hand over, and who changed what. See `schema`."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    Uuid,
    text,
)

from switchover.model.actor import ActorKind
from switchover.model.trail import Topic
from switchover.record.sql.columns import Document, IndexedText, UtcTime, word_column
from switchover.record.sql.naming import metadata

# Literals, as in `schema`.
UNDELIVERED = text("delivered_at IS NULL")

DELIVERED = text("delivered_at IS NOT NULL")

outbox_messages = Table(
    "outbox_messages",
    metadata,
    Column("message_id", Uuid, primary_key=True, comment="UUIDv7; handed over in this order"),
    Column("occurred_at", UtcTime, nullable=False, comment="When the fact came to be"),
    word_column("topic", Topic, comment="What it tells"),
    Column("proxy_id", ForeignKey("proxies.proxy_id"), nullable=False, comment="The proxy it concerns"),
    Column("owner_id", Text, nullable=False, comment="Whose proxy that is"),
    Column("payload", Document, nullable=False, comment="The fact in the API's names"),
    Column("delivered_at", UtcTime, comment="When it was handed over; null while pending"),
    Index("ix_outbox_messages_pending", "message_id", sqlite_where=UNDELIVERED, postgresql_where=UNDELIVERED),
    Index(None, "delivered_at", sqlite_where=DELIVERED, postgresql_where=DELIVERED),
    comment="Messages stored in the transaction of the fact that they tell",
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("entry_id", Uuid, primary_key=True, comment="UUIDv7"),
    Column("occurred_at", UtcTime, nullable=False, comment="When"),
    word_column("actor_kind", ActorKind, comment="Person, automation or library"),
    Column("actor_name", Text, nullable=False, comment="Who"),
    Column("actor_sees_all", Boolean, nullable=False, comment="Whether ownership did not limit them"),
    Column("action", Text, nullable=False, comment="Stable word for what was done"),
    # No foreign key: a refused order may name a proxy that never was.
    Column("proxy_id", IndexedText, nullable=False, comment="The proxy it concerns"),
    Column("subject_id", Uuid, comment="The instance or event it concerns"),
    Column("detail", Document, nullable=False, comment="What changed; no secret"),
    Index(None, "proxy_id", "occurred_at", "entry_id"),
    comment="Who changed what, when",
)
