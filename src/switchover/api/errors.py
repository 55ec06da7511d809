"""The one table of error codes, and how an error becomes an answer."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from switchover.api.auth.refusal import KeysUnavailable, NotPermitted, TokenRefused
from switchover.model.errors import (
    Conflict,
    InvalidInput,
    LostLease,
    NotFound,
    OperatorError,
    Overloaded,
    OwnedElsewhere,
    OwnError,
    StoreUnavailable,
)


class Code(StrEnum):
    """Stable codes that programs compare. An operation has one for invalid input and one for its failure."""

    SAVE_CONFIGURATION_INVALID = "PROXY_FAILOVER_001"
    SAVE_CONFIGURATION_FAILED = "PROXY_FAILOVER_002"
    CONFIGURATION_NOT_FOUND = "PROXY_FAILOVER_003"
    GET_CONFIGURATION_FAILED = "PROXY_FAILOVER_004"
    REGISTER_INSTANCE_INVALID = "PROXY_FAILOVER_005"
    REGISTER_INSTANCE_FAILED = "PROXY_FAILOVER_006"
    LIST_INSTANCES_FAILED = "PROXY_FAILOVER_007"
    REPORT_HEALTH_INVALID = "PROXY_FAILOVER_008"
    REPORT_HEALTH_FAILED = "PROXY_FAILOVER_009"
    EVALUATE_INVALID = "PROXY_FAILOVER_010"
    EVALUATE_FAILED = "PROXY_FAILOVER_011"
    EXECUTE_INVALID = "PROXY_FAILOVER_012"
    EXECUTE_FAILED = "PROXY_FAILOVER_013"
    COMPLETE_INVALID = "PROXY_FAILOVER_014"
    COMPLETE_FAILED = "PROXY_FAILOVER_015"
    REDUNDANCY_NOT_FOUND = "PROXY_FAILOVER_016"
    GET_REDUNDANCY_FAILED = "PROXY_FAILOVER_017"
    DECLARE_REDUNDANCY_FAILED = "PROXY_FAILOVER_018"
    LIST_EVENTS_FAILED = "PROXY_FAILOVER_019"
    CONFLICT = "PROXY_FAILOVER_020"
    PROXY_NOT_FOUND = "PROXY_FAILOVER_021"
    INSTANCE_NOT_FOUND = "PROXY_FAILOVER_022"
    EVENT_NOT_FOUND = "PROXY_FAILOVER_023"
    NOT_AUTHENTICATED = "PROXY_FAILOVER_024"
    NOT_PERMITTED = "PROXY_FAILOVER_025"
    ROUTE_NOT_FOUND = "PROXY_FAILOVER_026"
    METHOD_NOT_ALLOWED = "PROXY_FAILOVER_027"
    BODY_TOO_LARGE = "PROXY_FAILOVER_028"
    NOT_JSON = "PROXY_FAILOVER_029"
    TOO_MANY_REQUESTS = "PROXY_FAILOVER_030"
    REQUEST_INVALID = "PROXY_FAILOVER_031"
    REQUEST_FAILED = "PROXY_FAILOVER_032"
    LIST_PROXIES_FAILED = "PROXY_FAILOVER_033"
    GET_PROXY_FAILED = "PROXY_FAILOVER_034"
    DELETE_PROXY_FAILED = "PROXY_FAILOVER_035"
    CHANGE_INSTANCE_INVALID = "PROXY_FAILOVER_036"
    CHANGE_INSTANCE_FAILED = "PROXY_FAILOVER_037"
    DELETE_INSTANCE_FAILED = "PROXY_FAILOVER_038"
    ADMIN_STATE_INVALID = "PROXY_FAILOVER_039"
    ADMIN_STATE_FAILED = "PROXY_FAILOVER_040"
    LIST_METRICS_FAILED = "PROXY_FAILOVER_041"
    SWITCHOVER_INVALID = "PROXY_FAILOVER_042"
    SWITCHOVER_FAILED = "PROXY_FAILOVER_043"
    UNPIN_FAILED = "PROXY_FAILOVER_044"
    LIST_NODES_FAILED = "PROXY_FAILOVER_045"
    LIST_REPLICAS_FAILED = "PROXY_FAILOVER_046"
    PIN_INVALID = "PROXY_FAILOVER_047"
    PIN_FAILED = "PROXY_FAILOVER_048"
    UNDAMP_FAILED = "PROXY_FAILOVER_049"
    GET_AUTOMATION_FAILED = "PROXY_FAILOVER_050"
    SCOPE_NOT_FOUND = "PROXY_FAILOVER_051"
    PAUSE_INVALID = "PROXY_FAILOVER_052"
    PAUSE_FAILED = "PROXY_FAILOVER_053"
    RULES_INVALID = "PROXY_FAILOVER_054"
    RULES_FAILED = "PROXY_FAILOVER_055"
    GATE_INVALID = "PROXY_FAILOVER_056"
    GATE_FAILED = "PROXY_FAILOVER_057"
    LIST_BLOCKED_FAILED = "PROXY_FAILOVER_058"
    EXPLAIN_EVENT_FAILED = "PROXY_FAILOVER_059"
    EXPLAIN_FAILED = "PROXY_FAILOVER_060"
    LIST_TRANSITIONS_FAILED = "PROXY_FAILOVER_061"
    LIST_AUDIT_FAILED = "PROXY_FAILOVER_062"
    CANCEL_SWITCHOVER_FAILED = "PROXY_FAILOVER_063"
    START_DRILL_INVALID = "PROXY_FAILOVER_064"
    START_DRILL_FAILED = "PROXY_FAILOVER_065"
    LIST_DRILLS_FAILED = "PROXY_FAILOVER_066"
    CANCEL_DRILL_FAILED = "PROXY_FAILOVER_067"
    RECOVER_INSTANCE_INVALID = "PROXY_FAILOVER_068"
    RECOVER_INSTANCE_FAILED = "PROXY_FAILOVER_069"
    RECOVERY_SIGNING_INVALID = "PROXY_FAILOVER_070"
    RECOVERY_SIGNING_FAILED = "PROXY_FAILOVER_071"


MEANINGS: Mapping[Code, str] = {
    Code.SAVE_CONFIGURATION_INVALID: "A configuration to save is not valid.",
    Code.SAVE_CONFIGURATION_FAILED: "A configuration could not be saved.",
    Code.CONFIGURATION_NOT_FOUND: "There is no such configuration for this caller.",
    Code.GET_CONFIGURATION_FAILED: "A configuration could not be read.",
    Code.REGISTER_INSTANCE_INVALID: "An instance to register is not valid.",
    Code.REGISTER_INSTANCE_FAILED: "An instance could not be registered.",
    Code.LIST_INSTANCES_FAILED: "The request for the instances of a proxy is not valid, or they could not be read.",
    Code.REPORT_HEALTH_INVALID: "A health report is not valid.",
    Code.REPORT_HEALTH_FAILED: "A health report could not be taken.",
    Code.EVALUATE_INVALID: "A request to evaluate is not valid.",
    Code.EVALUATE_FAILED: "A proxy could not be evaluated.",
    Code.EXECUTE_INVALID: "An order to fail over is not valid.",
    Code.EXECUTE_FAILED: "A failover could not be executed.",
    Code.COMPLETE_INVALID: "The outcome of an event is not valid.",
    Code.COMPLETE_FAILED: "An event could not be completed.",
    Code.REDUNDANCY_NOT_FOUND: "There is no redundancy status for this caller: the proxy does not exist.",
    Code.GET_REDUNDANCY_FAILED: "A redundancy status could not be read.",
    Code.DECLARE_REDUNDANCY_FAILED: "A redundancy status to declare is not valid, or could not be stored.",
    Code.LIST_EVENTS_FAILED: "The request for the events of a proxy is not valid, or they could not be read.",
    Code.CONFLICT: "It contradicts the current state, which `details` shows.",
    Code.PROXY_NOT_FOUND: "There is no such proxy for this caller.",
    Code.INSTANCE_NOT_FOUND: "There is no such instance for this caller.",
    Code.EVENT_NOT_FOUND: "There is no such event for this caller.",
    Code.NOT_AUTHENTICATED: "There is no valid bearer token.",
    Code.NOT_PERMITTED: "None of the caller's roles grants what the operation needs.",
    Code.ROUTE_NOT_FOUND: "There is no such path.",
    Code.METHOD_NOT_ALLOWED: "The path does not take this method; the header Allow says which.",
    Code.BODY_TOO_LARGE: "The body is larger than the limit.",
    Code.NOT_JSON: "The body's content type is not JSON.",
    Code.TOO_MANY_REQUESTS: "The caller's rate limit is reached; the header Retry-After says when to go on.",
    Code.REQUEST_INVALID: "A path or query parameter of an operation without a code of its own is not valid.",
    Code.REQUEST_FAILED: "A request failed before it reached an operation.",
    Code.LIST_PROXIES_FAILED: "The request for the proxies is not valid, or they could not be read.",
    Code.GET_PROXY_FAILED: "A proxy could not be read.",
    Code.DELETE_PROXY_FAILED: "A proxy could not be deleted.",
    Code.CHANGE_INSTANCE_INVALID: "A change of an instance is not valid.",
    Code.CHANGE_INSTANCE_FAILED: "An instance could not be changed.",
    Code.DELETE_INSTANCE_FAILED: "An instance could not be deleted.",
    Code.ADMIN_STATE_INVALID: "An admin state is not valid.",
    Code.ADMIN_STATE_FAILED: "An admin state could not be set.",
    Code.LIST_METRICS_FAILED: "The request for metrics is not valid, or they could not be read.",
    Code.SWITCHOVER_INVALID: "An order to switch over is not valid.",
    Code.SWITCHOVER_FAILED: "A switchover could not be executed.",
    Code.UNPIN_FAILED: "A pin could not be taken off.",
    Code.LIST_NODES_FAILED: "The nodes could not be listed.",
    Code.LIST_REPLICAS_FAILED: "The replicas could not be listed.",
    Code.PIN_INVALID: "A pin to set is not valid.",
    Code.PIN_FAILED: "A pin could not be set.",
    Code.UNDAMP_FAILED: "An instance's damping could not be cleared.",
    Code.GET_AUTOMATION_FAILED: "The request for what bounds automation is not valid, or it could not be read.",
    Code.SCOPE_NOT_FOUND: "There is no such scope, or no such gate in it, for this caller.",
    Code.PAUSE_INVALID: "A pause, or the scope that is to be paused or resumed, is not valid.",
    Code.PAUSE_FAILED: "Automation could not be paused or resumed.",
    Code.RULES_INVALID: "Safety rules, or their scope, are not valid.",
    Code.RULES_FAILED: "Safety rules could not be stored.",
    Code.GATE_INVALID: "A gate, its name or its scope is not valid.",
    Code.GATE_FAILED: "A gate could not be stored.",
    Code.LIST_BLOCKED_FAILED: "The request for the blocked moves of a proxy is not valid, or they could not be read.",
    Code.EXPLAIN_EVENT_FAILED: "A recorded move could not be explained.",
    Code.EXPLAIN_FAILED: "What happens now could not be explained.",
    Code.LIST_AUDIT_FAILED: "The request for the audit entries of a proxy is not valid, or they could not be read.",
    Code.LIST_TRANSITIONS_FAILED: "The request for transitions of health is not valid, or they could not be read.",
    Code.CANCEL_SWITCHOVER_FAILED: "A scheduled switchover could not be cancelled.",
    Code.START_DRILL_INVALID: "An order for a drill is not valid.",
    Code.START_DRILL_FAILED: "A drill could not be ordered.",
    Code.LIST_DRILLS_FAILED: "The request for the drills of a proxy is not valid, or they could not be read.",
    Code.CANCEL_DRILL_FAILED: "A drill could not be cancelled.",
    Code.RECOVER_INSTANCE_INVALID: "An order to recover an instance is not valid.",
    Code.RECOVER_INSTANCE_FAILED: "The recovery of an instance could not be ordered.",
    Code.RECOVERY_SIGNING_INVALID: "A secret for a recovery webhook is not valid.",
    Code.RECOVERY_SIGNING_FAILED: "The secret of a recovery webhook could not be rotated.",
}

_NOT_FOUND: Mapping[str, Code] = {
    "configuration": Code.CONFIGURATION_NOT_FOUND,
    "proxy": Code.PROXY_NOT_FOUND,
    "instance": Code.INSTANCE_NOT_FOUND,
    "event": Code.EVENT_NOT_FOUND,
    "scope": Code.SCOPE_NOT_FOUND,
    "gate": Code.SCOPE_NOT_FOUND,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a client is told about an error."""

    status: HTTPStatus
    code: Code
    message: str
    details: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def envelope(self) -> dict[str, Any]:
        """The body of the answer."""
        error: dict[str, Any] = {
            "code": self.code.value,
            "message": self.message,
            "statusCode": self.status.value,
        }
        if self.details:
            error["details"] = _jsonable(self.details)
        return {"error": error}


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationCodes:
    """An operation's own codes; `not_found` where it has one for whatever it does not find."""

    invalid: Code
    failed: Code
    not_found: Code | None = None


NO_OPERATION = OperationCodes(invalid=Code.REQUEST_INVALID, failed=Code.REQUEST_FAILED)


class RequestRefused(OperatorError):  # noqa: N818 - it names a condition
    """A request that does not reach its operation.

    Attributes:
        status: Status of the answer.
        code: Code of the answer.
        headers: Headers of the answer.
    """

    status: HTTPStatus
    code: Code

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.headers = headers or {}


class BodyTooLarge(RequestRefused):
    """The body has more bytes than `limit`."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = Code.BODY_TOO_LARGE

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is larger than the limit of {limit} bytes")


class NotJson(RequestRefused):
    """The body claims to be something else than JSON."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = Code.NOT_JSON

    def __init__(self) -> None:
        super().__init__("the body must be JSON; send it with the header Content-Type: application/json")


class TooManyRequests(RequestRefused):
    """The caller's rate limit is reached."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = Code.TOO_MANY_REQUESTS

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("too many requests", {"Retry-After": str(retry_after_seconds)})


class OwnerSilent(OwnError):  # noqa: N818 - it names a condition
    """The replica that owns the proxy cannot be reached, or did not answer in time.

    Attributes:
        retry_after_seconds: When trying again makes sense.
    """

    retry_after_seconds = 1


Unavailable = StoreUnavailable | Overloaded | KeysUnavailable | OwnedElsewhere | LostLease | OwnerSilent
"""What passes when one tries again."""


def failure_of(error: Exception, codes: OperationCodes, request_id: str) -> Failure:
    """What the client is told about `error`: all of it when it is theirs to mend, a request id when it is not."""
    match error:
        case InvalidInput():
            return _invalid(error, codes)
        case NotFound():
            code = codes.not_found or _NOT_FOUND.get(error.kind, Code.PROXY_NOT_FOUND)
            return Failure(status=HTTPStatus.NOT_FOUND, code=code, message=str(error))
        case Conflict():
            state = {"state": error.state} if error.state else None
            return Failure(status=HTTPStatus.CONFLICT, code=Code.CONFLICT, message=str(error), details=state)
        case TokenRefused():
            return not_authenticated(missing=error.missing)
        case NotPermitted():
            return _not_permitted(error)
        case RequestRefused():
            return Failure(status=error.status, code=error.code, message=str(error), headers=error.headers)
        case (
            StoreUnavailable()
            | Overloaded()
            | KeysUnavailable()
            | OwnedElsewhere()
            | LostLease()
            | OwnerSilent()
        ):
            return _unavailable(error, codes, request_id)
        case _:
            return internal(codes, request_id)


def not_authenticated(*, missing: bool) -> Failure:
    """RFC 6750 section 3.1: a request without a token gets no error code, one with a bad token gets only `invalid_token`."""
    challenge = 'Bearer realm="switchover"'
    return Failure(
        status=HTTPStatus.UNAUTHORIZED,
        code=Code.NOT_AUTHENTICATED,
        message="a valid bearer token is required",
        headers={"WWW-Authenticate": challenge if missing else f'{challenge}, error="invalid_token"'},
    )


def _not_permitted(error: NotPermitted) -> Failure:
    return Failure(
        status=HTTPStatus.FORBIDDEN,
        code=Code.NOT_PERMITTED,
        message=str(error),
        headers={"WWW-Authenticate": 'Bearer realm="switchover", error="insufficient_scope"'},
    )


def internal(codes: OperationCodes, request_id: str) -> Failure:
    """An error of ours: the client learns how to name it when asking, and nothing else."""
    return Failure(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        code=codes.failed,
        message="internal error",
        details={"requestId": request_id},
    )


def _unavailable(error: Unavailable, codes: OperationCodes, request_id: str) -> Failure:
    match error:
        case OwnedElsewhere() | LostLease():
            message = f"proxy {error.proxy_id} is changing hands; try again"
        case OwnerSilent():
            message = str(error)
        case StoreUnavailable():
            message = "the store does not answer; try again"
        case _:
            message = "not available for the moment; try again"
    return Failure(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code=codes.failed,
        message=message,
        details={"requestId": request_id},
        headers={"Retry-After": str(max(1, error.retry_after_seconds))},
    )


def _invalid(error: InvalidInput, codes: OperationCodes) -> Failure:
    problems = [
        {"field": problem.field, "value": problem.value, "allowed": problem.allowed}
        for problem in error.problems
    ]
    return Failure(
        status=HTTPStatus.BAD_REQUEST,
        code=codes.invalid,
        message=str(error),
        details={"problems": problems},
    )


def _jsonable(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {str(key): _jsonable(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_jsonable(item) for item in value]
        case _:
            return str(value)
