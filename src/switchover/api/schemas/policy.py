"""A policy with every setting in force, as answers tell it."""

from datetime import datetime
from typing import Self

from pydantic import Field

from switchover.api.schemas.body import Body
from switchover.control.documents import policy_document
from switchover.control.documents.rules import rules_document
from switchover.model.policy import BalancingAlgorithm, CheckType, FailoverPolicy, Protocol, Scheme, Strategy
from switchover.model.recovery import RecoveryActionType
from switchover.model.rules import SafetyRules, Weekday
from switchover.model.steadiness import AllDown, FailbackMode


class HealthCheckBody(Body):
    """How the instances of a proxy are probed."""

    type: CheckType
    scheme: Scheme
    method: str
    path: str
    host: str | None
    port: int | None
    expected_statuses: list[int | str]
    body_contains: str | None
    max_response_bytes: int
    server_name: str | None
    verify: bool
    expiry_warning_days: int
    service: str


class ListenerBody(Body):
    """Where nodes accept the proxy's traffic."""

    address: str
    port: int
    protocol: Protocol


class TrafficBody(Body):
    """How nodes treat one request."""

    request_timeout_seconds: float
    try_idle_timeout_seconds: float
    retries: int


class FlapDampingBody(Body):
    """When an instance that keeps falling is left alone."""

    enabled: bool
    half_life_seconds: float
    suppress_limit: float
    reuse_limit: float
    max_hold_seconds: float


class FailbackWindowBody(Body):
    """The part of each day in which an automatic failback may happen."""

    start: str
    end: str
    time_zone: str


class MoveLimitBody(Body):
    """At most so many automatic moves within any span of that length."""

    moves: int
    window_seconds: float


class FreezeBody(Body):
    """A span of time in which nothing moves: once, or each week."""

    name: str
    starts_at: datetime | None = Field(default=None, description="Missing in a weekly one.")
    ends_at: datetime | None = Field(default=None, description="Missing in a weekly one.")
    days: list[Weekday] = Field(default=[], description="Missing in a single span.")
    start: str = Field(default="", description="HH:MM; missing in a single span.")
    end: str = Field(default="", description="HH:MM; missing in a single span.")
    time_zone: str = Field(default="", description="An IANA name; missing in a single span.")


class RulesBody(Body):
    """Safety rules; the request's schema says what each one means."""

    min_serving: int | None
    move_limit: MoveLimitBody | None
    gates: list[str]
    freezes: list[FreezeBody]

    @classmethod
    def of(cls, rules: SafetyRules) -> Self:
        """The body of `rules`."""
        return cls.model_validate(rules_document(rules))


class RecoveryActionBody(Body):
    """What is called to bring a failed instance back."""

    type: RecoveryActionType
    url: str | None
    command: str | None


class QuorumBody(Body):
    """How many replicas must see an instance down before that counts."""

    observers: int
    agree: int


class GradualBody(Body):
    """How failbacks and ordered switchovers give the traffic to their target in steps."""

    steps: list[int]
    dwell_seconds: float
    max_error_rate: float
    min_requests: int


class PolicyBody(Body):
    """Every setting of a proxy as it is in force; the request's schema says what each one means."""

    failover_strategy: Strategy
    health_check_interval_seconds: float
    health_check_timeout_seconds: float
    unhealthy_threshold: int
    healthy_threshold: int
    max_recovery_attempts: int
    recovery_backoff_seconds: float
    enable_auto_failover: bool
    enable_auto_recovery: bool
    enable_load_balancing: bool
    load_balancing_algorithm: BalancingAlgorithm
    health_check: HealthCheckBody
    listener: ListenerBody | None
    traffic: TrafficBody
    exclusive: bool
    switch_timeout_seconds: float
    fast_interval_seconds: float
    failback_hold_down_seconds: float
    max_failbacks: int
    flap_damping: FlapDampingBody
    min_dwell_seconds: float
    failback: FailbackMode
    failback_window: FailbackWindowBody | None
    all_down: AllDown
    rules: RulesBody
    recovery_action: RecoveryActionBody
    quorum: QuorumBody
    gradual: GradualBody | None

    @classmethod
    def of(cls, policy: FailoverPolicy) -> Self:
        """The body of `policy`."""
        return cls.model_validate(policy_document(policy))
