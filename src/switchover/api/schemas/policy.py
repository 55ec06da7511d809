"""A policy with every setting in force, as answers tell it."""

from typing import Self

from switchover.api.schemas.body import Body
from switchover.control.documents import policy_document
from switchover.model.policy import BalancingAlgorithm, CheckType, FailoverPolicy, Protocol, Scheme, Strategy


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


class QuorumBody(Body):
    """How many replicas must see an instance down before that counts."""

    observers: int
    agree: int


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
    quorum: QuorumBody

    @classmethod
    def of(cls, policy: FailoverPolicy) -> Self:
        """The body of `policy`."""
        return cls.model_validate(policy_document(policy))
