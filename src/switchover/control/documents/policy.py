"""The configuration of a proxy: `config` in the API and in the declarative file."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from dataclasses import Field as DataclassField
from datetime import time
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import Field

from switchover.control.documents.document import Document, read
from switchover.control.documents.fields import (
    Between,
    BindAddress,
    Boolean,
    Choice,
    HostHeader,
    OffOrSeconds,
    Parsed,
    Port,
    Refused,
    RequestPath,
    Seconds,
    Sentence,
    ServerName,
    ServiceName,
    ShortSeconds,
    Statuses,
    Threshold,
)
from switchover.control.documents.gradual import GradualDocument
from switchover.control.documents.recovery import RecoveryActionDocument
from switchover.control.documents.rules import RulesDocument, merged_rules, rules_document
from switchover.control.documents.steadiness import (
    DwellSeconds,
    FailbackWindowDocument,
    FlapDampingDocument,
    failback_window,
    setting,
)
from switchover.model.errors import FieldProblem, InvalidInput
from switchover.model.gradual import GradualPolicy
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
    relation_problems,
)
from switchover.model.quorum import MOST_OBSERVERS, Quorum
from switchover.model.recovery import RecoveryAction
from switchover.model.rules import SafetyRules
from switchover.model.steadiness import AllDown, FailbackMode, FailbackWindow, FlapDamping

_PREFIX = "config"
_METHODS = ("GET", "HEAD", "OPTIONS")


def _method(value: Any) -> str:
    if value not in _METHODS:
        raise Refused(f"allowed are {', '.join(_METHODS)}: a probe must change nothing")
    return str(value)


def _protocol(value: Any) -> Protocol:
    if value == Protocol.TCP.value:
        raise Refused("TCP listeners are not supported yet; allowed is http")
    if value != Protocol.HTTP.value:
        raise Refused("allowed is http")
    return Protocol.HTTP


class HealthCheckDocument(Document):
    """How the instances of a proxy are probed. A field that is not given stays as it is stored."""

    type: Annotated[CheckType, Choice()] | None = setting("What is asked.", default="tcp")
    scheme: Annotated[Scheme, Choice()] | None = setting("For http: http or https.", default="http")
    method: Annotated[str, Parsed(_method, {"enum": list(_METHODS)})] | None = setting(
        "For http: the method.", default="GET"
    )
    path: RequestPath | None = setting("For http: what is asked for.", default="/")
    host: HostHeader | None = setting("For http: the Host header; null sends the address.", default=None)
    port: Port | None = setting("Probe this port instead of the instance's own.", default=None)
    expected_statuses: Annotated[list[Statuses], Field(min_length=1, max_length=32)] | None = setting(
        "For http: 1 to 32 statuses and ranges that pass.", default=["200-399"]
    )
    body_contains: Sentence | None = setting("For http: text that the body must contain.", default=None)
    max_response_bytes: Annotated[int, Between(1, 1_048_576, "bytes")] | None = setting(
        "For http: how much of the body is read.", default=65536
    )
    server_name: ServerName | None = setting("For tls and https: the name sent and verified.", default=None)
    verify: Boolean | None = setting(
        "For tls and https: whether the certificate must be valid and match.", default=True
    )
    expiry_warning_days: Annotated[int, Between(0, 3650, "days")] | None = setting(
        "For tls and https: a certificate that ends sooner is noticed.", default=14
    )
    service: ServiceName | None = setting("For grpc: the service; empty asks for the server.", default="")


class ListenerDocument(Document):
    """Where nodes accept the proxy's traffic. `port` is required for the first listener."""

    address: BindAddress | None = setting("An IP address of the node.", default="127.0.0.1")
    port: Port | None = Field(default=None, description="The port.")
    protocol: Annotated[Protocol, Parsed(_protocol, {"enum": ["http"]})] | None = setting(
        "What is spoken there.", default="http"
    )


class TrafficDocument(Document):
    """How nodes treat one request."""

    request_timeout_seconds: OffOrSeconds | None = setting(
        "The whole request, retries included; 0 turns it off.", default=60
    )
    try_idle_timeout_seconds: OffOrSeconds | None = setting(
        "How long one try may be silent; 0 turns it off.", default=5
    )
    retries: Annotated[int, Between(0, 10)] | None = setting(
        "How often a request is tried again elsewhere.", default=2
    )


class QuorumDocument(Document):
    """How many replicas must see an instance down before that counts."""

    observers: Annotated[int, Between(1, MOST_OBSERVERS)] | None = setting(
        "How many replicas probe each instance; 1 is the proxy's owner alone.", default=1
    )
    agree: Annotated[int, Between(1, MOST_OBSERVERS)] | None = setting(
        "How many of them must see it down, at most observers.", default=1
    )


class PolicyDocument(Document):
    """What people decide about one proxy.

    A field that is missing stays as it is stored (a new proxy begins with the defaults); null puts it back to its
    default. `healthCheck`, `listener`, `traffic`, `flapDamping`, `failbackWindow`, `rules`, `recoveryAction`, `quorum` and
    `gradual` are merged field by field.
    """

    failover_strategy: Annotated[Strategy, Choice()] | None = setting(
        "How the next active is chosen.", default="priority"
    )
    health_check_interval_seconds: Seconds | None = setting("Between two probes.", default=30)
    given_timeout_seconds: Seconds | None = setting(
        "Deadline of one probe, at most the interval; follows a shorter interval while it is not given.",
        default=5,
        alias="healthCheckTimeoutSeconds",
    )
    unhealthy_threshold: Threshold | None = setting("Failures in a row that mean unhealthy.", default=3)
    healthy_threshold: Threshold | None = setting("Passes in a row that mean healthy again.", default=2)
    max_recovery_attempts: Annotated[int, Between(0, 100)] | None = setting(
        "Attempts to bring a failed instance back; 0 for none.", default=3
    )
    recovery_backoff_seconds: ShortSeconds | None = setting(
        "The pause after the first of them; it doubles up to 300, a fifth of it left to chance.", default=5
    )
    enable_auto_failover: Boolean | None = setting("Move away from a failed active.", default=True)
    enable_auto_recovery: Boolean | None = setting("Recover instances and fail back to them.", default=True)
    enable_load_balancing: Boolean | None = setting(
        "Every eligible instance carries traffic; not together with exclusive.", default=False
    )
    load_balancing_algorithm: Annotated[BalancingAlgorithm, Choice()] | None = setting(
        "How the traffic is spread then.", default="round_robin"
    )
    health_check: HealthCheckDocument | None = setting("How instances are probed.", default={})
    listener: ListenerDocument | None = setting(
        "Where nodes accept the traffic; without one no node carries this proxy.", default=None
    )
    traffic: TrafficDocument | None = setting("How nodes treat a request.", default={})
    exclusive: Boolean | None = setting(
        "Never give new requests to two instances at the same time.", default=False
    )
    switch_timeout_seconds: Seconds | None = setting(
        "How long nodes have to apply a move before its event is failed.", default=10
    )
    given_fast_interval_seconds: Seconds | None = setting(
        "Between two probes while in transition, at most the interval and by default 1 or the shorter interval.",
        default=1,
        alias="fastIntervalSeconds",
    )
    given_failback_hold_down_seconds: ShortSeconds | None = setting(
        "How long the preferred instance must be well before a failback; recoveryBackoffSeconds by default.",
        default=5,
        alias="failbackHoldDownSeconds",
    )
    max_failbacks: Annotated[int, Between(1, 100)] | None = setting(
        "Failed failbacks within an hour after which an instance is damped.", default=3
    )
    flap_damping: FlapDampingDocument | None = setting(
        "When an instance that keeps falling is left alone.", default={}
    )
    min_dwell_seconds: DwellSeconds | None = setting(
        "Between two automatic moves, failovers included; 0 turns it off.", default=1
    )
    given_failback: Annotated[FailbackMode, Choice()] | None = setting(
        "Who moves back to the preferred instance: automatic by default, never while enableAutoRecovery is false.",
        default="automatic",
        alias="failback",
    )
    failback_window: FailbackWindowDocument | None = setting(
        "When in the day an automatic failback may happen; without one at any time.", default=None
    )
    all_down: Annotated[AllDown, Choice()] | None = setting(
        "What nodes do while no instance could serve: keep the last active, send to every instance, or answer 503.",
        default="keep_last",
    )
    rules: RulesDocument | None = setting(
        "Safety rules, beside those of the user and of the fleet.", default={}
    )
    recovery_action: RecoveryActionDocument | None = setting(
        "What is called to bring a failed instance back.", default={}
    )
    quorum: QuorumDocument | None = setting(
        "How many replicas must see an instance down.", default={"observers": 1, "agree": 1}
    )
    gradual: GradualDocument | None = setting(
        "Failbacks and switchovers in steps; at once without.", default=None
    )


_IN_FORCE = {
    "given_timeout_seconds": "health_check_timeout_seconds",
    "given_fast_interval_seconds": "fast_interval_seconds",
    "given_failback_hold_down_seconds": "failback_hold_down_seconds",
    "given_failback": "failback",
}

V = TypeVar("V", FailoverPolicy, HealthCheck, Traffic, FlapDamping, RecoveryAction, Quorum, GradualPolicy)


_GROUPS = ("health_check", "traffic", "flap_damping", "recovery_action", "quorum")
"""Settings that are merged field by field; each field is its own, whatever the others are."""


def parse_policy(config: Mapping[str, Any] | None, stored: FailoverPolicy | None = None) -> FailoverPolicy:
    """The policy that `config` makes of `stored` (of the defaults when nothing is stored).

    Raises:
        InvalidInput: With every problem; fields are named `config.…`. Problems between fields are looked for once
            each field is valid alone.
    """
    base = stored or FailoverPolicy()
    if config is None:
        return base
    document = read(PolicyDocument, config, _PREFIX)
    given = document.given()
    changes: dict[str, Any] = {}
    for group in _GROUPS:
        if given.get(group) is not None:
            changes[group] = _merged(getattr(base, group), given.pop(group))
    if given.get("failback_window") is not None:
        changes["failback_window"] = failback_window(base.failback_window, given.pop("failback_window"))
    if given.get("gradual") is not None:
        changes["gradual"] = _merged(base.gradual or GradualPolicy(), given.pop("gradual"))
    if given.get("listener") is not None:
        changes["listener"] = _listener(base.listener, given.pop("listener"))
    if given.get("rules") is not None:
        changes["rules"] = merged_rules(base.rules, given.pop("rules"), f"{_PREFIX}.rules.")
    policy = replace(base, **_values(base, given), **changes)
    problems = relation_problems(policy)
    if problems:
        raise InvalidInput(*problems)
    return policy


def policy_document(policy: FailoverPolicy) -> dict[str, Any]:
    """Every setting of `policy` as it is in force, as JSON in the API's names."""
    return _document(PolicyDocument, policy)


def _merged(stored: V, document: Document) -> V:
    return replace(stored, **_values(stored, document.given()))


def _listener(stored: Listener | None, document: Document) -> Listener:
    given = {name: value for name, value in document.given().items() if value is not None}
    kept = {} if stored is None else {f.name: getattr(stored, f.name) for f in fields(stored)}
    reset = document.model_fields_set - given.keys()
    values = {name: value for name, value in (kept | given).items() if name not in reset}
    if "port" not in values:
        raise InvalidInput(
            FieldProblem(
                f"{_PREFIX}.listener.port", None, "it is required; allowed is a number from 1 to 65535"
            )
        )
    return Listener(**values)


def _values(stored: V, given: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {field.name: field for field in fields(stored)}
    return {
        name: _default(defaults[name])
        if value is None
        else tuple(value)
        if isinstance(value, list)
        else value
        for name, value in given.items()
    }


def _default(field: DataclassField[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _document(document: type[Document], value: object) -> dict[str, Any]:
    return {
        field.alias or name: _json(getattr(value, _IN_FORCE.get(name, name)))
        for name, field in document.model_fields.items()
    }


_DOCUMENTS: Mapping[type, type[Document]] = {
    HealthCheck: HealthCheckDocument,
    Listener: ListenerDocument,
    Traffic: TrafficDocument,
    FlapDamping: FlapDampingDocument,
    FailbackWindow: FailbackWindowDocument,
    RecoveryAction: RecoveryActionDocument,
    Quorum: QuorumDocument,
    GradualPolicy: GradualDocument,
}


def _json(value: Any) -> Any:
    match value:
        case StrEnum():
            return value.value
        case time():
            return f"{value:%H:%M}"
        case StatusRange():
            return value.low if value.low == value.high else str(value)
        case SafetyRules():
            return rules_document(value)
        case tuple():
            return [_json(item) for item in value]
        case _ if type(value) in _DOCUMENTS:
            return _document(_DOCUMENTS[type(value)], value)
        case _:
            return value
