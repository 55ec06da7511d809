"""Any value that the store may be given, for hypothesis."""

from datetime import UTC, datetime, timedelta, timezone
from typing import TypeVar

from hypothesis import strategies as st
from tests.record_values import new_id

from switchover.model.actor import Actor, ActorKind
from switchover.model.address import Address
from switchover.model.events import EventStatus, EventType, FailoverEvent, Stages, Trigger
from switchover.model.gradual import GradualMove, GradualPolicy
from switchover.model.instance import AdminState, Instance, Usage
from switchover.model.metrics import InstanceMetrics
from switchover.model.observation import Flapping, Health, InstanceHealth, Outcome
from switchover.model.policy import (
    BalancingAlgorithm,
    CheckType,
    FailoverPolicy,
    HealthCheck,
    Listener,
    Protocol,
    Scheme,
    StatusRange,
    Strategy,
    Traffic,
)
from switchover.model.proxy import Pin
from switchover.model.recovery import RecoveryAction, RecoveryActionType
from switchover.model.redundancy import RedundancyLevel, RedundancySource, RedundancyStatus
from switchover.model.steadiness import AllDown, FailbackMode, FailbackWindow, FlapDamping
from switchover.model.trail import AuditEntry, OutboxMessage, Topic

T = TypeVar("T")

# Any zone is given; UTC comes back, which is the same moment and so equal.
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(hours=9))])
TIMES = st.datetimes(
    min_value=datetime(2000, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - as above
    timezones=ZONES,
)
# PostgreSQL has no NUL in text, and half a surrogate pair is no text.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
COUNTS = st.integers(0, 2**62)
SMALL = st.integers(0, 2**31 - 1)
AMOUNTS = st.floats(0, 1e12)
SECONDS = st.floats(0.05, 1e6)
SHARES = st.floats(0, 1)
PERCENTS = st.floats(0, 100)
PORTS = st.integers(1, 65535)
IDS = st.uuids()
# Drawn ids repeat when hypothesis replays an example; what a store must see once comes from a counter.
FRESH_IDS = st.builds(new_id)
FRESH_NAMES = FRESH_IDS.map(str)
DOCUMENTS = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e12, 1e12) | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


def maybe(values: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    return st.none() | values


HEALTH_CHECKS = st.builds(
    HealthCheck,
    type=st.sampled_from(CheckType),
    scheme=st.sampled_from(Scheme),
    method=st.sampled_from(["GET", "HEAD", "OPTIONS"]),
    path=TEXTS,
    host=maybe(TEXTS),
    port=maybe(PORTS),
    expected_statuses=st.lists(
        st.builds(StatusRange, st.integers(100, 599), st.integers(100, 599)), max_size=3
    ).map(tuple),
    body_contains=maybe(TEXTS),
    max_response_bytes=SMALL,
    server_name=maybe(TEXTS),
    verify=st.booleans(),
    expiry_warning_days=SMALL,
    service=TEXTS,
)
STEPS = st.lists(st.integers(1, 100), min_size=1, max_size=10).map(tuple)
POLICIES = st.builds(
    FailoverPolicy,
    failover_strategy=st.sampled_from(Strategy),
    health_check_interval_seconds=SECONDS,
    given_timeout_seconds=maybe(SECONDS),
    unhealthy_threshold=st.integers(1, 100),
    healthy_threshold=st.integers(1, 100),
    max_recovery_attempts=SMALL,
    recovery_backoff_seconds=SECONDS,
    enable_auto_failover=st.booleans(),
    enable_auto_recovery=st.booleans(),
    enable_load_balancing=st.booleans(),
    load_balancing_algorithm=st.sampled_from(BalancingAlgorithm),
    health_check=HEALTH_CHECKS,
    # Every example leaves its proxy behind, so each listens at a place of its own.
    listener=st.none()
    | st.builds(Listener, address=FRESH_NAMES, port=PORTS, protocol=st.sampled_from(Protocol)),
    traffic=st.builds(
        Traffic, request_timeout_seconds=AMOUNTS, try_idle_timeout_seconds=AMOUNTS, retries=st.integers(0, 10)
    ),
    exclusive=st.booleans(),
    switch_timeout_seconds=SECONDS,
    given_fast_interval_seconds=maybe(SECONDS),
    given_failback_hold_down_seconds=maybe(AMOUNTS),
    max_failbacks=SMALL,
    flap_damping=st.builds(
        FlapDamping,
        enabled=st.booleans(),
        half_life_seconds=SECONDS,
        suppress_limit=AMOUNTS,
        reuse_limit=AMOUNTS,
        max_hold_seconds=SECONDS,
    ),
    min_dwell_seconds=AMOUNTS,
    given_failback=maybe(st.sampled_from(FailbackMode)),
    failback_window=maybe(
        st.builds(
            FailbackWindow,
            start=st.times(timezones=st.none()),
            end=st.times(timezones=st.none()),
            time_zone=TEXTS,
        )
    ),
    all_down=st.sampled_from(AllDown),
    recovery_action=st.builds(
        RecoveryAction, type=st.sampled_from(RecoveryActionType), url=maybe(TEXTS), command=maybe(TEXTS)
    ),
    gradual=maybe(
        st.builds(
            GradualPolicy,
            steps=STEPS,
            dwell_seconds=SECONDS,
            max_error_rate=SHARES,
            min_requests=SMALL,
        )
    ),
)
PINS = st.builds(
    Pin, instance_id=IDS, by=maybe(TEXTS), reason=maybe(TEXTS), at=maybe(TIMES), until=maybe(TIMES)
)
HEALTHS = st.builds(
    InstanceHealth,
    state=st.sampled_from(Health),
    consecutive_failures=COUNTS,
    consecutive_passes=COUNTS,
    last_outcome=maybe(st.sampled_from(Outcome)),
    inconclusive_count=COUNTS,
    last_checked_at=maybe(TIMES),
    changed_at=maybe(TIMES),
    first_failed_at=maybe(TIMES),
    last_code=maybe(TEXTS),
    last_detail=maybe(TEXTS),
    flapping=st.builds(Flapping, score=AMOUNTS, scored_at=maybe(TIMES), suppressed_since=maybe(TIMES)),
)
USAGES = st.builds(
    Usage,
    total_requests=COUNTS,
    successful_requests=COUNTS,
    failed_requests=COUNTS,
    average_latency_ms=maybe(AMOUNTS),
    error_rate=maybe(SHARES),
)
INSTANCES = st.builds(
    Instance,
    instance_id=FRESH_IDS,
    proxy_id=st.just("web"),
    name=FRESH_NAMES,
    instance_type=TEXTS,
    priority=SMALL,
    weight=st.integers(1, 1000),
    address=maybe(st.builds(Address, host=TEXTS, port=PORTS)),
    resolved_host=maybe(TEXTS),
    admin_state=st.sampled_from(AdminState),
    admin_changed_at=maybe(TIMES),
    damping_cleared_at=maybe(TIMES),
    health=HEALTHS,
    usage=USAGES,
    created_at=TIMES,
)
OPEN_MOVES = st.builds(
    FailoverEvent,
    event_id=FRESH_IDS,
    proxy_id=st.just("web"),
    event_type=st.sampled_from([kind for kind in EventType if kind is not EventType.RECOVERY]),
    status=st.just(EventStatus.IN_PROGRESS),
    trigger=st.sampled_from(Trigger),
    source_instance_id=st.none(),
    target_instance_id=st.none(),
    reason=TEXTS,
    reason_code=TEXTS,
    epoch=COUNTS,
    actor=TEXTS,
    evidence=DOCUMENTS,
    error_message=maybe(TEXTS),
    stages=st.builds(
        Stages,
        detected_at=maybe(TIMES),
        decided_at=maybe(TIMES),
        committed_at=TIMES,
        applied_at=maybe(TIMES),
        verified_at=maybe(TIMES),
    ),
    duration_ms=maybe(AMOUNTS),
    created_at=TIMES,
    completed_at=st.none(),
    gradual=maybe(
        st.builds(
            GradualMove,
            source_instance_id=IDS,
            target_instance_id=IDS,
            steps=STEPS,
            step=SMALL,
            since=TIMES,
            requests=COUNTS,
            failures=COUNTS,
        )
    ),
)
STATUSES = st.builds(
    RedundancyStatus,
    proxy_id=st.just("web"),
    total_instances=SMALL,
    healthy_instances=SMALL,
    unhealthy_instances=SMALL,
    active_instance_id=maybe(IDS),
    backup_instance_ids=st.lists(IDS, max_size=4).map(tuple),
    redundancy_level=st.sampled_from(RedundancyLevel),
    is_degraded=st.booleans(),
    last_failover_at=maybe(TIMES),
    last_failover_reason=maybe(TEXTS),
    epoch=COUNTS,
    source=st.sampled_from(RedundancySource),
    updated_at=TIMES,
)
SAMPLES = st.builds(
    InstanceMetrics,
    metrics_id=FRESH_IDS,
    instance_id=st.just(new_id()),
    recorded_at=TIMES,
    cpu_percent=maybe(PERCENTS),
    memory_percent=maybe(PERCENTS),
    request_rate=maybe(AMOUNTS),
    average_latency_ms=maybe(AMOUNTS),
    error_rate=maybe(SHARES),
    connection_count=maybe(COUNTS),
    throughput_mbps=maybe(AMOUNTS),
)
ENTRIES = st.builds(
    AuditEntry,
    entry_id=FRESH_IDS,
    at=TIMES,
    actor=st.builds(Actor, kind=st.sampled_from(ActorKind), name=TEXTS, sees_all=st.booleans()),
    action=TEXTS,
    proxy_id=FRESH_NAMES,
    subject_id=maybe(IDS),
    detail=DOCUMENTS,
)
MESSAGES = st.builds(
    OutboxMessage,
    message_id=FRESH_IDS,
    at=TIMES,
    topic=st.sampled_from(Topic),
    proxy_id=st.just("web"),
    owner_id=TEXTS,
    payload=DOCUMENTS,
)
