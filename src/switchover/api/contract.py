"""What the OpenAPI document says of answers: every status that an operation can give, and what comes with it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from switchover.api.errors import Code
from switchover.api.operations.operation import Operation
from switchover.api.paths import leads_elsewhere
from switchover.api.schemas.body import ErrorAnswer

REQUEST_ID_HEADER = "x-request-id"


def _header(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "required": True, "schema": dict(schema)}


_TEXT = {"type": "string"}
_WARNING = {
    "description": "Since when the store does not answer, so that this is what was known then (RFC 7234, code 110).",
    "required": False,
    "schema": _TEXT,
}
_REQUEST_ID = _header("Names this request in our log; the client's own is kept when it sends one.", _TEXT)
_RETRY_AFTER = _header("Seconds until trying again makes sense.", {"type": "integer", "minimum": 1})
_CHALLENGE = _header("How to authenticate (RFC 6750).", _TEXT)
_ALLOW = _header("The methods of the path that it is.", _TEXT)


def documented_responses(operation: Operation) -> dict[int | str, dict[str, Any]]:
    """Every answer of `operation`, for FastAPI."""
    codes = operation.codes
    answers: dict[int | str, dict[str, Any]] = {
        operation.success.value: {"headers": {REQUEST_ID_HEADER: _REQUEST_ID, "Warning": _WARNING}},
        **_failure(
            HTTPStatus.BAD_REQUEST, codes.invalid, "Something sent is not valid; every problem is listed."
        ),
        **_failure(
            HTTPStatus.UNAUTHORIZED,
            Code.NOT_AUTHENTICATED,
            "No valid token.",
            {"WWW-Authenticate": _CHALLENGE},
        ),
        **_failure(
            HTTPStatus.FORBIDDEN, Code.NOT_PERMITTED, "Not permitted.", {"WWW-Authenticate": _CHALLENGE}
        ),
        **_failure(
            HTTPStatus.TOO_MANY_REQUESTS,
            Code.TOO_MANY_REQUESTS,
            "Too many requests.",
            {"Retry-After": _RETRY_AFTER},
        ),
        **_failure(HTTPStatus.INTERNAL_SERVER_ERROR, codes.failed, "It failed, and that is our fault."),
        **_failure(
            HTTPStatus.SERVICE_UNAVAILABLE,
            codes.failed,
            "Not available for the moment.",
            {"Retry-After": _RETRY_AFTER},
        ),
    }
    if operation.misses:
        answers |= _failure(
            HTTPStatus.NOT_FOUND, _missing(operation), "It does not exist, or belongs to somebody else."
        )
    if leads_elsewhere(operation):
        answers |= _failure(
            HTTPStatus.METHOD_NOT_ALLOWED,
            Code.METHOD_NOT_ALLOWED,
            "The proxy id is a reserved word, and the path that of something else.",
            {"Allow": _ALLOW},
        )
    if operation.conflicts:
        answers |= _failure(HTTPStatus.CONFLICT, Code.CONFLICT, "It contradicts the current state.")
    if operation.takes_body:
        answers |= _failure(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Code.BODY_TOO_LARGE, "The body is too large."
        )
        answers |= _failure(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, Code.NOT_JSON, "The body is not JSON.")
    return answers


def _missing(operation: Operation) -> Code:
    if operation.codes.not_found is not None:
        return operation.codes.not_found
    if "{instanceId}" in operation.path:
        return Code.INSTANCE_NOT_FOUND
    return Code.EVENT_NOT_FOUND if "{eventId}" in operation.path else Code.PROXY_NOT_FOUND


def _failure(
    status: HTTPStatus, code: Code, description: str, headers: dict[str, Any] | None = None
) -> dict[int | str, dict[str, Any]]:
    example = {"error": {"code": code.value, "message": description, "statusCode": status.value}}
    return {
        status.value: {
            "model": ErrorAnswer,
            "description": description,
            "headers": {REQUEST_ID_HEADER: _REQUEST_ID, **(headers or {})},
            "content": {"application/json": {"example": example}},
        }
    }
