"""Every table, with its keys, checks, indexes and comments. The migrations build the same.

Those of the contract are here; what belongs to one subject has a module of its own, among `PARTS`.

A time column ends in `_at` (or is the contract's `last_health_check`). Deleting is soft: `deleted_at`
is set and history keeps its names. The partial unique indexes are rules of the domain; the constants
name them, so that a violation can be told in the domain's words.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    Uuid,
    text,
)

from switchover.model.events import EventStatus, EventType, Trigger
from switchover.model.instance import AdminState
from switchover.model.observation import Health, Outcome
from switchover.model.policy import BalancingAlgorithm, Protocol, Strategy
from switchover.model.redundancy import RedundancyLevel, RedundancySource
from switchover.model.steadiness import AllDown, FailbackMode
from switchover.record.migrations.phases import Phase as RevisionPhase
from switchover.record.sql import (
    company_schema,
    drill_schema,
    naming,
    safety_schema,
    trail_schema,
    transition_schema,
)
from switchover.record.sql.columns import Document, IndexedText, Name, OptionalDocument, UtcTime, word_column

PARTS = (company_schema, drill_schema, safety_schema, trail_schema, transition_schema)
"""The modules of the other tables, which make `metadata` whole."""
metadata = naming.metadata

ONE_LISTENER = "uq_proxy_failover_configurations_listener"
ONE_INSTANCE_NAME = "uq_proxy_instances_name"
ONE_OPEN_MOVE = "uq_proxy_failover_events_open_move"
ONE_SCHEDULED_MOVE = "uq_proxy_failover_events_scheduled_move"
ONE_OPEN_RECOVERY = "uq_proxy_failover_events_open_recovery"

# Literals, never parameters: a partial index serves a query only when the planner sees the same words.
LIVE = text("deleted_at IS NULL")
IS_OPEN = text("status IN ('pending', 'in_progress')")
IS_MOVE = text("event_type <> 'recovery'")
IS_RECOVERY = text("event_type = 'recovery'")
IS_OPEN_MOVE = text(f"status = 'in_progress' AND {IS_MOVE.text}")
IS_SCHEDULED_MOVE = text(f"status = 'pending' AND {IS_MOVE.text}")
IS_COMMITTED_MOVE = text(f"committed_at IS NOT NULL AND {IS_MOVE.text}")
_OPEN_RECOVERY = text(f"{IS_OPEN.text} AND {IS_RECOVERY.text}")

proxies = Table(
    "proxies",
    metadata,
    Column("proxy_id", Name, primary_key=True, comment="Name of the proxy"),
    Column("owner_id", IndexedText, nullable=False, comment="User it belongs to"),
    # No foreign key: it would close a circle with proxy_instances. A move checks its target instead.
    Column("active_instance_id", Uuid, comment="Instance that carries the traffic; may name a deleted one"),
    Column("epoch", BigInteger, nullable=False, comment="Fencing number, +1 with every change of the active"),
    Column("generation", BigInteger, nullable=False, comment="Revision of the desired configuration"),
    Column("pinned_instance_id", Uuid, comment="Instance that failback leaves alone"),
    Column("pin_note", OptionalDocument, comment="Who pinned which instance, why, until when"),
    Column("created_at", UtcTime, nullable=False, comment="When it was created, or revived"),
    Column("updated_at", UtcTime, nullable=False, comment="When people last changed it"),
    Column("deleted_at", UtcTime, comment="When it was deleted; null while it lives"),
    Column(
        "change_number",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="+1 with all that is stored of it",
    ),
    Column("changed_at", UtcTime, comment="When that last was; null before anything was"),
    CheckConstraint("epoch >= 0", name="epoch_range"),
    CheckConstraint("generation >= 1", name="generation_range"),
    Index(None, "owner_id", "proxy_id"),
    Index(None, "changed_at"),
    comment="Logical fronts, who carries each now, and in which epoch",
)

proxy_failover_configurations = Table(
    "proxy_failover_configurations",
    metadata,
    Column("proxy_id", ForeignKey("proxies.proxy_id"), primary_key=True, comment="The proxy"),
    word_column("failover_strategy", Strategy, comment="How the next active is chosen"),
    Column("health_check_interval_seconds", Float, nullable=False, comment="Between two probes"),
    Column("health_check_timeout_seconds", Float, comment="Deadline of a probe; null follows the interval"),
    Column(
        "unhealthy_threshold", Integer, nullable=False, comment="Consecutive failures that mean unhealthy"
    ),
    Column("healthy_threshold", Integer, nullable=False, comment="Consecutive passes that mean healthy"),
    Column("max_recovery_attempts", Integer, nullable=False, comment="Attempts to bring an instance back"),
    Column("recovery_backoff_seconds", Float, nullable=False, comment="First pause between attempts"),
    Column("enable_auto_failover", Boolean, nullable=False, comment="Whether we move by ourselves"),
    Column("enable_auto_recovery", Boolean, nullable=False, comment="Whether we recover and fail back"),
    Column("enable_load_balancing", Boolean, nullable=False, comment="Whether all eligible carry traffic"),
    word_column("load_balancing_algorithm", BalancingAlgorithm, comment="How traffic is spread then"),
    Column("health_check", Document, nullable=False, comment="How instances are probed"),
    Column(
        "listener_address", IndexedText, comment="IP address that nodes listen on; null: no node carries it"
    ),
    Column("listener_port", Integer, comment="Port that nodes listen on"),
    word_column("listener_protocol", Protocol, comment="What is spoken there", nullable=True),
    Column("traffic", Document, nullable=False, comment="How nodes treat a request"),
    Column("exclusive", Boolean, nullable=False, comment="Whether a move breaks before it makes"),
    Column("switch_timeout_seconds", Float, nullable=False, comment="How long nodes have to apply a move"),
    Column("fast_interval_seconds", Float, comment="Between probes in transition; null follows the interval"),
    Column("failback_hold_down_seconds", Float, comment="Well before failback; null follows the backoff"),
    Column("max_failbacks", Integer, nullable=False, comment="Failed failbacks before damping"),
    Column("flap_damping", OptionalDocument, comment="When an instance that keeps falling is left alone"),
    Column(
        "min_dwell_seconds",
        Float,
        nullable=False,
        server_default="1",
        comment="Between two automatic moves",
    ),
    word_column("failback", FailbackMode, comment="Who fails back; null follows recovery", nullable=True),
    Column("failback_window", OptionalDocument, comment="When in the day we fail back; null: any time"),
    word_column(
        "all_down", AllDown, comment="What nodes do while none could serve", server_default="keep_last"
    ),
    Column("rules", Document, comment="Safety rules of the proxy itself; null for none"),
    Column("quorum", Document, comment="How many replicas must see an instance down; null: its owner alone"),
    Column("deleted_at", UtcTime, comment="When the proxy was deleted; frees its listener"),
    Column("recovery_action", Document, comment="What is called to bring an instance back; null for nothing"),
    CheckConstraint("health_check_interval_seconds > 0", name="interval_range"),
    CheckConstraint("health_check_timeout_seconds > 0", name="timeout_range"),
    CheckConstraint("fast_interval_seconds > 0", name="fast_interval_range"),
    CheckConstraint("switch_timeout_seconds > 0", name="switch_timeout_range"),
    CheckConstraint("recovery_backoff_seconds >= 0", name="recovery_backoff_range"),
    CheckConstraint("failback_hold_down_seconds >= 0", name="failback_hold_down_range"),
    CheckConstraint("unhealthy_threshold >= 1", name="unhealthy_threshold_range"),
    CheckConstraint("healthy_threshold >= 1", name="healthy_threshold_range"),
    CheckConstraint("max_recovery_attempts >= 0", name="max_recovery_attempts_range"),
    CheckConstraint("max_failbacks >= 0", name="max_failbacks_range"),
    CheckConstraint("min_dwell_seconds >= 0", name="min_dwell_range"),
    CheckConstraint("listener_port BETWEEN 1 AND 65535", name="listener_port_range"),
    CheckConstraint(
        "(listener_address IS NULL) = (listener_port IS NULL)"
        " AND (listener_port IS NULL) = (listener_protocol IS NULL)",
        name="listener_whole",
    ),
    Index(
        ONE_LISTENER,
        "listener_address",
        "listener_port",
        unique=True,
        sqlite_where=LIVE,
        postgresql_where=LIVE,
    ),
    comment="Failover policy of each proxy, as people gave it",
)

proxy_instances = Table(
    "proxy_instances",
    metadata,
    Column("instance_id", Uuid, primary_key=True, comment="UUIDv7"),
    Column("proxy_id", ForeignKey("proxies.proxy_id"), nullable=False, comment="The proxy it serves"),
    Column("instance_name", IndexedText, nullable=False, comment="Unique within the proxy"),
    Column("instance_type", Text, nullable=False, comment="Free label of the operator"),
    Column("priority", Integer, nullable=False, comment="Lower is preferred"),
    Column("weight", Integer, nullable=False, comment="Share in weighted load balancing"),
    Column("address_host", Text, comment="Where it listens; null: it lives by reports"),
    Column("address_port", Integer, comment="Port it listens on"),
    Column("resolved_host", Text, comment="IP address that nodes are given"),
    word_column("admin_state", AdminState, comment="What people ordered"),
    Column("admin_changed_at", UtcTime, comment="When they did"),
    Column("damping_cleared_at", UtcTime, comment="When an operator last cleared its damping"),
    word_column("health_status", Health, comment="What was measured"),
    Column("consecutive_failures", BigInteger, nullable=False, comment="Failures since the last pass"),
    Column("consecutive_passes", BigInteger, nullable=False, comment="Passes since the last failure"),
    word_column("last_outcome", Outcome, comment="Last pass or fail", nullable=True),
    Column("inconclusive_count", BigInteger, nullable=False, comment="Probes that told nothing"),
    Column("last_health_check", UtcTime, comment="End of the last conclusive probe or report"),
    Column("health_changed_at", UtcTime, comment="When the health last changed"),
    Column("first_failed_at", UtcTime, comment="When the current run of failures began"),
    Column("last_check_code", Text, comment="Code of the last observation"),
    Column("last_check_detail", Text, comment="Words of the last observation"),
    Column("flap_score", Float, nullable=False, server_default="0", comment="Falls, decayed until scored"),
    Column("flap_scored_at", UtcTime, comment="When it last fell"),
    Column("suppressed_since", UtcTime, comment="When the score last reached the suppress limit"),
    Column("total_requests", BigInteger, nullable=False, comment="Requests since registration"),
    Column("successful_requests", BigInteger, nullable=False, comment="Of those, without an error"),
    Column("failed_requests", BigInteger, nullable=False, comment="Of those, errors"),
    Column("average_latency_ms", Float, comment="Milliseconds"),
    Column("error_rate", Float, comment="0 to 1"),
    Column("created_at", UtcTime, nullable=False, comment="When it was registered"),
    Column("deleted_at", UtcTime, comment="When it was deleted; null while it is registered"),
    Column("admin_order", Document, comment="Who ordered that, why, until when"),
    # No foreign key: it would close a circle with the events, which are pruned.
    Column("recovery_event_id", Uuid, comment="Its newest recovery; null before the first"),
    CheckConstraint("weight >= 1", name="weight_range"),
    CheckConstraint("address_port BETWEEN 1 AND 65535", name="address_port_range"),
    CheckConstraint("(address_host IS NULL) = (address_port IS NULL)", name="address_whole"),
    CheckConstraint(
        "consecutive_failures >= 0 AND consecutive_passes >= 0 AND inconclusive_count >= 0"
        " AND total_requests >= 0 AND successful_requests >= 0 AND failed_requests >= 0",
        name="counters_range",
    ),
    CheckConstraint("error_rate BETWEEN 0 AND 1", name="error_rate_range"),
    CheckConstraint("flap_score >= 0", name="flap_score_range"),
    Index(
        ONE_INSTANCE_NAME,
        "proxy_id",
        "instance_name",
        unique=True,
        sqlite_where=LIVE,
        postgresql_where=LIVE,
    ),
    comment="Servers that can carry a proxy's traffic, and what is believed of them",
)

proxy_failover_events = Table(
    "proxy_failover_events",
    metadata,
    Column("event_id", Uuid, primary_key=True, comment="UUIDv7"),
    Column("proxy_id", ForeignKey("proxies.proxy_id"), nullable=False, comment="The proxy that moved"),
    word_column("event_type", EventType, comment="Kind of move"),
    word_column("status", EventStatus, comment="Where it stands"),
    word_column("trigger", Trigger, comment="Who started it"),
    Column("source_instance_id", ForeignKey("proxy_instances.instance_id"), comment="The active before"),
    Column("target_instance_id", ForeignKey("proxy_instances.instance_id"), comment="The active after"),
    Column("reason", Text, nullable=False, comment="Sentence, rendered once"),
    Column("reason_code", Text, nullable=False, comment="Stable word behind the sentence"),
    Column("epoch", BigInteger, nullable=False, comment="Epoch of the proxy after this move"),
    Column("actor", Text, nullable=False, comment="Who caused it"),
    Column("evidence", Document, nullable=False, comment="What the decision saw"),
    Column("error_message", Text, comment="Why it failed"),
    Column("detected_at", UtcTime, comment="First failure of the run that caused it, or the order's arrival"),
    Column("decided_at", UtcTime, comment="Decision"),
    Column("committed_at", UtcTime, comment="Intent on record"),
    Column("applied_at", UtcTime, comment="Last receipt"),
    Column("verified_at", UtcTime, comment="The new active answered through a listener"),
    Column("duration_ms", Float, comment="Decided to last receipt; null while open"),
    Column("created_at", UtcTime, nullable=False, comment="When the row was written"),
    Column("completed_at", UtcTime, comment="When it was closed; null while open"),
    Column("node_answers", Document, comment="What each node answered, and when"),
    Column("scheduled_at", UtcTime, comment="For when it was ordered; null for at once"),
    Column("drill_id", Uuid, comment="Drill that it is part of"),
    CheckConstraint("epoch >= 0", name="epoch_range"),
    CheckConstraint("duration_ms >= 0", name="duration_range"),
    CheckConstraint(
        "(status IN ('pending', 'in_progress')) = (completed_at IS NULL)", name="closed_when_completed"
    ),
    Index(ONE_OPEN_MOVE, "proxy_id", unique=True, sqlite_where=IS_OPEN_MOVE, postgresql_where=IS_OPEN_MOVE),
    Index(
        ONE_SCHEDULED_MOVE,
        "proxy_id",
        # Always the same; SQLite tells one unique index from another by its columns.
        "status",
        unique=True,
        sqlite_where=IS_SCHEDULED_MOVE,
        postgresql_where=IS_SCHEDULED_MOVE,
    ),
    Index(
        ONE_OPEN_RECOVERY,
        "target_instance_id",
        unique=True,
        sqlite_where=_OPEN_RECOVERY,
        postgresql_where=_OPEN_RECOVERY,
    ),
    Index(None, "proxy_id", "created_at", "event_id"),
    Index(None, "proxy_id", "epoch", sqlite_where=IS_COMMITTED_MOVE, postgresql_where=IS_COMMITTED_MOVE),
    Index(None, "committed_at", sqlite_where=IS_MOVE, postgresql_where=IS_MOVE),
    Index(None, "completed_at"),
    comment="Every change of an active instance, from intent to outcome",
)

proxy_redundancy_status = Table(
    "proxy_redundancy_status",
    metadata,
    Column("proxy_id", ForeignKey("proxies.proxy_id"), primary_key=True, comment="The proxy"),
    Column("total_instances", Integer, nullable=False, comment="Registered instances"),
    Column("healthy_instances", Integer, nullable=False, comment="Of those, healthy"),
    Column("unhealthy_instances", Integer, nullable=False, comment="Of those, unhealthy"),
    # No foreign keys: an admin may declare instances that nobody registered. ADR 0002 has the backups' shape.
    Column("active_instance_id", Uuid, comment="The active"),
    Column("backup_instance_ids", Document, nullable=False, comment="Backups, in order of preference"),
    word_column("redundancy_level", RedundancyLevel, comment="By the number of instances"),
    Column("is_degraded", Boolean, nullable=False, comment="Whether the next death hurts"),
    Column("last_failover_at", UtcTime, comment="When the active last changed"),
    Column("last_failover_reason", Text, comment="Why"),
    Column("epoch", BigInteger, nullable=False, comment="Epoch of the proxy"),
    word_column("source", RedundancySource, comment="Derived, or declared by an admin"),
    Column("updated_at", UtcTime, nullable=False, comment="When this status came to be"),
    CheckConstraint(
        "total_instances >= 0 AND healthy_instances >= 0 AND unhealthy_instances >= 0", name="counts_range"
    ),
    comment="How many more deaths each proxy survives",
)

recovery_secrets = Table(
    "recovery_secrets",
    metadata,
    Column("proxy_id", ForeignKey("proxies.proxy_id"), primary_key=True, comment="The proxy"),
    Column("secret", Text, nullable=False, comment="Signs its webhook; never listed, never logged"),
    Column("former", Text, comment="The secret before, which signs too until the next rotation"),
    Column("rotated_at", UtcTime, nullable=False, comment="When the secret took its place"),
    comment="What the requests to recovery webhooks are signed with",
)

proxy_instance_metrics = Table(
    "proxy_instance_metrics",
    metadata,
    Column("metrics_id", Uuid, primary_key=True, comment="UUIDv7"),
    Column(
        "instance_id",
        ForeignKey("proxy_instances.instance_id"),
        nullable=False,
        comment="The instance",
    ),
    Column("recorded_at", UtcTime, nullable=False, comment="When it was measured"),
    Column("cpu_percent", Float, comment="0 to 100"),
    Column("memory_percent", Float, comment="0 to 100"),
    Column("request_rate", Float, comment="Requests per second"),
    Column("average_latency_ms", Float, comment="Milliseconds"),
    Column("error_rate", Float, comment="0 to 1"),
    Column("connection_count", BigInteger, comment="Open connections"),
    Column("throughput_mbps", Float, comment="Megabits per second"),
    CheckConstraint("cpu_percent BETWEEN 0 AND 100", name="cpu_range"),
    CheckConstraint("memory_percent BETWEEN 0 AND 100", name="memory_range"),
    CheckConstraint("error_rate BETWEEN 0 AND 1", name="error_rate_range"),
    CheckConstraint(
        "request_rate >= 0 AND average_latency_ms >= 0 AND connection_count >= 0 AND throughput_mbps >= 0",
        name="amounts_range",
    ),
    Index(None, "instance_id", "recorded_at", "metrics_id"),
    Index(None, "recorded_at"),
    comment="Samples of what instances report or nodes measure",
)


schema_revisions = Table(
    "schema_revisions",
    metadata,
    Column("revision", String(32), primary_key=True, comment="Revision of the migrations"),
    word_column("phase", RevisionPhase, comment="Whether older replicas may run beside it"),
    comment="Migrations that were applied, so that an older replica can tell whether it still fits",
)
