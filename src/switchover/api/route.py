"""The route of an operation: what passes the door reaches it, what fails becomes the envelope."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import structlog
from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from switchover.api.auth.refusal import TokenRefused
from switchover.api.contract import documented_responses
from switchover.api.door import Door
from switchover.api.errors import Failure, OwnerSilent, failure_of
from switchover.api.forwarding import NOT_DONE_HEADER, Forwarding
from switchover.api.operations import OPERATIONS
from switchover.api.operations.operation import Operation
from switchover.api.paths import matched_path
from switchover.api.reading import read_body
from switchover.control.documents.document import problems_of
from switchover.control.service import ProxyFailoverService
from switchover.model.errors import FieldProblem, InvalidInput, LostLease, OperatorError, OwnedElsewhere

_log = structlog.get_logger()

E = TypeVar("E", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class OperationRoute(APIRoute):
    """A route that cannot exist without an operation, and so without a permission."""

    def get_route_handler(self) -> Handler:
        """What runs for each request."""
        operation = OPERATIONS[str(self.operation_id)]
        answer = super().get_route_handler()
        known = frozenset(str(field.alias) for field in self.dependant.query_params)
        document = self.body_field.field_info.annotation if self.body_field else None

        async def handle(request: Request) -> Response:
            try:
                door: Door = request.app.state.door
                principal = await door.admit(request, operation.permission)
                request.state.actor = principal.actor
                _refuse_unknown_parameters(request, known)
                if operation.takes_body:
                    request = await read_body(request, request.app.state.most_body_bytes)
                return await _answered(request, operation, answer)
            except RequestValidationError as error:
                return respond(_as_failure(_invalid_input(error, document), operation, request))
            except Exception as error:  # noqa: BLE001 - the edge: whatever went wrong becomes an answer, ours are logged
                return respond(_as_failure(error, operation, request))

        return handle


def offer(router: APIRouter, operation: Operation) -> Callable[[E], E]:
    """Serve `operation` by the decorated function on `router`, documented from the operation's table row."""

    def register(endpoint: E) -> E:
        router.add_api_route(
            matched_path(operation),
            endpoint,
            methods=[operation.method.value],
            operation_id=operation.name,
            name=operation.name,
            summary=operation.summary,
            status_code=operation.success.value,
            response_description="Done.",
            response_model_exclude_unset=True,
            responses=documented_responses(operation),
            openapi_extra={
                "x-permission": operation.permission.value,
                "security": [{"bearer": []}],
            },
        )
        return endpoint

    return register


def respond(failure: Failure) -> Response:
    """`failure` as a response."""
    return JSONResponse(failure.envelope(), status_code=failure.status.value, headers=dict(failure.headers))


async def _answered(request: Request, operation: Operation, answer: Handler) -> Response:
    forwarding: Forwarding | None = request.app.state.forwarding
    if forwarding is None:
        response = await answer(request)
    else:
        response = await forwarding.answer(request, operation, answer)
    service: ProxyFailoverService = request.app.state.service
    if (since := service.stale_since()) is not None:
        response.headers["warning"] = stale_warning(since)
    return response


def stale_warning(since: datetime) -> str:
    """The header of an answer from memory while the store does not answer (RFC 7234 section 5.5.1)."""
    at = since.isoformat(timespec="seconds").replace("+00:00", "Z")
    return f'110 - "the store does not answer since {at}; this is what was known then"'


def _as_failure(error: Exception, operation: Operation, request: Request) -> Failure:
    request_id: str = request.state.request_id
    if isinstance(error, TokenRefused):
        _log.info("token refused", why=error.why)
    elif isinstance(error, OwnedElsewhere | LostLease | OwnerSilent):
        _log.warning("operation not done", operation=operation.name, why=str(error), fault="ours")
    elif not isinstance(error, OperatorError):
        _log.error("operation failed", operation=operation.name, fault="ours", exc_info=error)
    failure = failure_of(error, operation.codes, request_id)
    if isinstance(error, OwnedElsewhere):
        return replace(failure, headers={**failure.headers, NOT_DONE_HEADER: "1"})
    return failure


def _refuse_unknown_parameters(request: Request, known: frozenset[str]) -> None:
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        allowed = f"allowed are {', '.join(sorted(known))}" if known else "this operation has none"
        raise InvalidInput(
            *(
                FieldProblem(name, request.query_params[name], f"there is no such parameter; {allowed}")
                for name in unknown
            )
        )


def _invalid_input(error: RequestValidationError, document: Any) -> InvalidInput:
    # FastAPI puts where a value came from (path, query, body) before its name.
    errors = [{**problem, "loc": problem["loc"][1:]} for problem in error.errors()]
    model = document if isinstance(document, type) and issubclass(document, BaseModel) else None
    return InvalidInput(*problems_of(errors, model))
