"""A proxy's failover policy: every setting, its unit, its default and the relations between them.

Fields that follow another one when they are not given hold None; the property beside each says
what is in force. So a merge can tell "not given" from "given the same number".
"""

from dataclasses import dataclass, field
from enum import StrEnum

from switchover.model.errors import FieldProblem
from switchover.model.gradual import GradualPolicy, steps_problem
from switchover.model.quorum import Quorum
from switchover.model.recovery import RecoveryAction, RecoveryActionType
from switchover.model.rules import NO_RULES, SafetyRules
from switchover.model.steadiness import (
    AllDown,
    FailbackMode,
    FailbackWindow,
    FlapDamping,
    flap_damping_problems,
)

MOST_FAILBACK_HOLD_DOWN_SECONDS = 300.0
"""Ceiling of the growing hold-down, and how long a damped instance must be well."""


class Strategy(StrEnum):
    """How the next active instance is chosen."""

    PRIORITY = "priority"
    ROUND_ROBIN = "round_robin"
    LEAST_CONNECTIONS = "least_connections"


class BalancingAlgorithm(StrEnum):
    """How requests are spread when load balancing is on."""

    ROUND_ROBIN = "round_robin"
    LEAST_CONNECTIONS = "least_connections"
    WEIGHTED = "weighted"


class CheckType(StrEnum):
    """How an instance is probed."""

    TCP = "tcp"
    HTTP = "http"
    TLS = "tls"
    GRPC = "grpc"
    HEARTBEAT = "heartbeat"
    NONE = "none"


class Protocol(StrEnum):
    """What a listener speaks."""

    HTTP = "http"
    TCP = "tcp"


class Scheme(StrEnum):
    """Whether an HTTP probe goes over TLS."""

    HTTP = "http"
    HTTPS = "https"


@dataclass(frozen=True, slots=True)
class StatusRange:
    """Expected HTTP statuses `low` to `high`, both included, 100 to 599."""

    low: int
    high: int

    def __contains__(self, status: int) -> bool:
        return self.low <= status <= self.high

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """How the instances of a proxy are probed.

    Attributes:
        type: tcp, http, tls, grpc, heartbeat or none.
        scheme: For http: `http` or `https`.
        method: For http: GET, HEAD or OPTIONS.
        path: For http: begins with `/`.
        host: For http the Host header; None sends the instance's address.
        port: Probe this port instead of the instance's own.
        expected_statuses: For http: the statuses that pass. Redirects are never followed.
        body_contains: For http: text that the first `max_response_bytes` of the body must contain; None for any.
        max_response_bytes: For http: how much of the body is read at the most.
        server_name: For tls and https: the name sent (SNI) and verified; None uses the instance's host.
        verify: For tls and https: whether the certificate must be valid and match.
        expiry_warning_days: For tls and https: a certificate that ends sooner is noticed.
        service: For grpc: the service name of grpc.health.v1; empty asks for the server as a whole.
    """

    type: CheckType = CheckType.TCP
    scheme: Scheme = Scheme.HTTP
    method: str = "GET"
    path: str = "/"
    host: str | None = None
    port: int | None = None
    expected_statuses: tuple[StatusRange, ...] = (StatusRange(200, 399),)
    body_contains: str | None = None
    max_response_bytes: int = 65536
    server_name: str | None = None
    verify: bool = True
    expiry_warning_days: int = 14
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Where a node accepts the proxy's traffic: an IP address, a port, and what is spoken there."""

    address: str = "127.0.0.1"
    port: int
    protocol: Protocol = Protocol.HTTP


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """How a node treats one request.

    Attributes:
        request_timeout_seconds: The whole request, retries included; 0 turns it off.
        try_idle_timeout_seconds: How long one try may be silent before it is given up; 0 turns it off.
        retries: How often a request is tried again on the next instance, 0 to 10.
    """

    request_timeout_seconds: float = 60.0
    try_idle_timeout_seconds: float = 5.0
    retries: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FailoverPolicy:
    """Everything people decide about one proxy. Durations are seconds, fractions allowed.

    Attributes:
        failover_strategy: How the next active is chosen.
        health_check_interval_seconds: Between two probes of an instance in a steady state.
        given_timeout_seconds: One probe's deadline as given; see `health_check_timeout_seconds`.
        unhealthy_threshold: Consecutive failures that make an instance UNHEALTHY (fall).
        healthy_threshold: Consecutive passes that make it HEALTHY again (rise).
        max_recovery_attempts: Attempts to bring a failed instance back.
        recovery_backoff_seconds: The first pause between them.
        enable_auto_failover: Whether we move away from a failed active by ourselves, and whether nodes may.
        enable_auto_recovery: Whether failed instances are recovered and failed back to.
        enable_load_balancing: Whether every eligible instance carries traffic.
        load_balancing_algorithm: How it is spread then.
        health_check: How instances are probed.
        listener: Where nodes accept the traffic; None when no node carries this proxy.
        traffic: How nodes treat a request.
        exclusive: Whether two instances must never be given new requests at the same time.
        switch_timeout_seconds: How long nodes have to apply a move before its event is failed.
        given_fast_interval_seconds: As given; see `fast_interval_seconds`.
        given_failback_hold_down_seconds: As given; see `failback_hold_down_seconds`.
        max_failbacks: Failed failbacks within an hour after which the instance is damped.
        flap_damping: When an instance that keeps falling is left alone.
        min_dwell_seconds: Between two automatic moves for what probes saw; 0 turns it off.
        given_failback: As given; see `failback`.
        failback_window: When in the day an automatic failback may happen; None for any time.
        all_down: What nodes do while no instance could serve.
        rules: The proxy's own safety rules, beside those of its user and of the fleet.
        recovery_action: What is called to bring a failed instance back.
        quorum: How many replicas must see an instance down before that counts.
        gradual: How failbacks and switchovers are made in steps; None makes them at once.
    """

    failover_strategy: Strategy = Strategy.PRIORITY
    health_check_interval_seconds: float = 30.0
    given_timeout_seconds: float | None = None
    unhealthy_threshold: int = 3
    healthy_threshold: int = 2
    max_recovery_attempts: int = 3
    recovery_backoff_seconds: float = 5.0
    enable_auto_failover: bool = True
    enable_auto_recovery: bool = True
    enable_load_balancing: bool = False
    load_balancing_algorithm: BalancingAlgorithm = BalancingAlgorithm.ROUND_ROBIN
    health_check: HealthCheck = field(default_factory=HealthCheck)
    listener: Listener | None = None
    traffic: Traffic = field(default_factory=Traffic)
    exclusive: bool = False
    switch_timeout_seconds: float = 10.0
    given_fast_interval_seconds: float | None = None
    given_failback_hold_down_seconds: float | None = None
    max_failbacks: int = 3
    flap_damping: FlapDamping = field(default_factory=FlapDamping)
    min_dwell_seconds: float = 1.0
    given_failback: FailbackMode | None = None
    failback_window: FailbackWindow | None = None
    all_down: AllDown = AllDown.KEEP_LAST
    rules: SafetyRules = NO_RULES
    recovery_action: RecoveryAction = field(default_factory=RecoveryAction)
    quorum: Quorum = field(default_factory=Quorum)
    gradual: GradualPolicy | None = None

    @property
    def health_check_timeout_seconds(self) -> float:
        """The deadline of one probe: as given, else 5 s or the interval if that is shorter."""
        if self.given_timeout_seconds is not None:
            return self.given_timeout_seconds
        return min(5.0, self.health_check_interval_seconds)

    @property
    def fast_interval_seconds(self) -> float:
        """Between two probes while in transition: as given, else 1 s or the interval if that is shorter."""
        if self.given_fast_interval_seconds is not None:
            return self.given_fast_interval_seconds
        return min(1.0, self.health_check_interval_seconds)

    @property
    def failback_hold_down_seconds(self) -> float:
        """How long the preferred instance must be well before the first failback: as given, else the recovery backoff."""
        if self.given_failback_hold_down_seconds is not None:
            return self.given_failback_hold_down_seconds
        return self.recovery_backoff_seconds

    @property
    def failback(self) -> FailbackMode:
        """Who moves back to the preferred instance: as given, else we do where `enable_auto_recovery` is on."""
        if self.given_failback is not None:
            return self.given_failback
        return FailbackMode.AUTOMATIC if self.enable_auto_recovery else FailbackMode.NEVER


def relation_problems(policy: FailoverPolicy) -> tuple[FieldProblem, ...]:
    """What is wrong between fields that are each valid alone; both numbers are in the words."""
    interval = policy.health_check_interval_seconds
    timeout = policy.health_check_timeout_seconds
    fast = policy.fast_interval_seconds
    problems: list[FieldProblem] = []
    if timeout > interval:
        problems.append(
            FieldProblem(
                "config.healthCheckTimeoutSeconds",
                timeout,
                f"allowed is at most healthCheckIntervalSeconds, which is {interval:g}",
            )
        )
    if fast > interval:
        problems.append(
            FieldProblem(
                "config.fastIntervalSeconds",
                fast,
                f"allowed is at most healthCheckIntervalSeconds, which is {interval:g}",
            )
        )
    hold_down = policy.failback_hold_down_seconds
    if hold_down > MOST_FAILBACK_HOLD_DOWN_SECONDS:
        problems.append(
            FieldProblem(
                "config.failbackHoldDownSeconds",
                hold_down,
                f"allowed is at most {MOST_FAILBACK_HOLD_DOWN_SECONDS:g}",
            )
        )
    if policy.exclusive and policy.enable_load_balancing:
        problems.append(
            FieldProblem(
                "config.enableLoadBalancing",
                value=True,
                allowed="allowed is false while exclusive is true: one instance at a time cannot share the load",
            )
        )
    if policy.quorum.agree > policy.quorum.observers:
        problems.append(
            FieldProblem(
                "config.quorum.agree",
                policy.quorum.agree,
                f"allowed is at most quorum.observers, which is {policy.quorum.observers}",
            )
        )
    request, idle = policy.traffic.request_timeout_seconds, policy.traffic.try_idle_timeout_seconds
    if 0 < request < idle:
        problems.append(
            FieldProblem(
                "config.traffic.tryIdleTimeoutSeconds",
                idle,
                f"allowed is at most traffic.requestTimeoutSeconds, which is {request:g}",
            )
        )
    if policy.exclusive and policy.all_down is AllDown.SEND_TO_ALL:
        problems.append(
            FieldProblem(
                "config.allDown",
                policy.all_down.value,
                "allowed are keep_last and fail_fast while exclusive is true: one instance at a time is not all",
            )
        )
    problems += flap_damping_problems(policy.flap_damping)
    problems += _recovery_problems(policy.recovery_action)
    problems += _gradual_problems(policy)
    return tuple(problems)


def _gradual_problems(policy: FailoverPolicy) -> tuple[FieldProblem, ...]:
    if policy.gradual is None:
        return ()
    against = {
        "exclusive is true: one instance at a time cannot share the traffic": policy.exclusive,
        "enableLoadBalancing is true: every eligible instance has its share already": policy.enable_load_balancing,
        "listener is null: no node carries this proxy": policy.listener is None,
    }
    words = [f"allowed is null while {why}" for why, is_so in against.items() if is_so]
    shares = steps_problem(policy.gradual.steps)
    problems = [FieldProblem("config.gradual", {"steps": list(policy.gradual.steps)}, why) for why in words]
    if shares is not None:
        problems.append(FieldProblem("config.gradual.steps", list(policy.gradual.steps), shares))
    return tuple(problems)


def _recovery_problems(action: RecoveryAction) -> tuple[FieldProblem, ...]:
    if action.type is RecoveryActionType.WEBHOOK and action.url is None:
        return (FieldProblem("config.recoveryAction.url", None, "it is required for a webhook"),)
    if action.type is RecoveryActionType.COMMAND and action.command is None:
        return (FieldProblem("config.recoveryAction.command", None, "it is required for a command"),)
    return ()
