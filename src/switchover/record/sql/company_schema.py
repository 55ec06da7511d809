"""The tables of the company of replicas: who lives, who owns what, and what they tell each other. See `schema`."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
)

from switchover.model.observation import Health
from switchover.model.plan import Phase, ReceiptKind
from switchover.record.sql.columns import IndexedText, Name, UtcTime, word_column
from switchover.record.sql.naming import metadata

replicas = Table(
    "replicas",
    metadata,
    Column("replica_id", Uuid, primary_key=True, comment="One run of a process"),
    Column("name", Text, nullable=False, comment="What people call it"),
    Column("url", Text, nullable=False, comment="Where the others reach its API"),
    Column("started_at", UtcTime, nullable=False, comment="When it started, by its own clock"),
    Column("renewed_at", UtcTime, nullable=False, comment="Its last sign of life"),
    Column("expires_at", UtcTime, nullable=False, comment="End of its session, and of all its leases"),
    Column("doubt", Text, comment="Why it does not believe what it sees; null while it does"),
    comment="Replicas and their sessions, by the clock of the database",
)

leases = Table(
    "leases",
    metadata,
    Column("proxy_id", ForeignKey("proxies.proxy_id"), primary_key=True, comment="The proxy"),
    # No foreign key: a replica that is gone still was the last holder.
    Column("replica_id", Uuid, nullable=False, comment="Who decides about it while their session lasts"),
    Column(
        "token", BigInteger, nullable=False, comment="Fence of the holder's writes, +1 with every new holder"
    ),
    Column("taken_at", UtcTime, nullable=False, comment="Since when"),
    Index(None, "replica_id"),
    comment="Who owns which proxy",
)

nodes = Table(
    "nodes",
    metadata,
    Column("node_id", IndexedText, primary_key=True, comment="The node"),
    Column("replica_id", Uuid, comment="Replica that it is connected to; null while it is away"),
    Column("since", UtcTime, nullable=False, comment="When it came or went"),
    comment="Where each node is connected",
)

node_receipts = Table(
    "node_receipts",
    metadata,
    # No foreign keys: a receipt may outlive its proxy.
    Column("proxy_id", Name, primary_key=True, comment="The proxy"),
    Column("node_id", IndexedText, primary_key=True, comment="The node"),
    word_column("phase", Phase, comment="Which phase of the plan", primary_key=True),
    Column("epoch", BigInteger, nullable=False, comment="Epoch of the plan that was answered"),
    word_column("kind", ReceiptKind, comment="What was answered"),
    Column("detail", Text, nullable=False, comment="In the node's own words"),
    Column("replica_id", Uuid, nullable=False, comment="Who heard it"),
    Column("received_at", UtcTime, nullable=False, comment="When"),
    comment="Newest answer of each node about each proxy",
)

vantage_reports = Table(
    "vantage_reports",
    metadata,
    # No foreign keys: a report may outlive what it is about, and counts for a while only.
    Column("proxy_id", Name, primary_key=True, comment="The proxy"),
    Column("instance_id", Uuid, primary_key=True, comment="Its instance"),
    Column("replica_id", Uuid, primary_key=True, comment="Who looked at it for the proxy's owner"),
    word_column("health", Health, comment="What it believes"),
    Column("consecutive_failures", Integer, nullable=False, comment="As it counted"),
    Column("reported_at", UtcTime, nullable=False, comment="When it told"),
    comment="How replicas see instances of proxies that ask for a quorum",
)
