"""The API as an ASGI application."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from switchover.api.auth.tokens import TokenVerifier
from switchover.api.door import Door
from switchover.api.errors import NO_OPERATION, Code, Failure, internal
from switchover.api.forwarding import Forwarding
from switchover.api.limits import RateLimit, RateLimiter
from switchover.api.openapi import DESCRIPTION, TAGS, openapi_document
from switchover.api.paths import methods_of
from switchover.api.reference import reference_page
from switchover.api.request_log import RequestLog
from switchover.api.route import respond
from switchover.api.routes import automation, configuration, failover, history, instances, orders, recovery
from switchover.control.service import ProxyFailoverService
from switchover.model.clock import Clock, IdFactory


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """What an operator decides about the API.

    Attributes:
        version: Of the program, shown in the OpenAPI document.
        most_body_bytes: Larger bodies are 413; 1 or more.
        rate_limit: Of each caller; None for none.
    """

    version: str
    most_body_bytes: int = 256 * 1024
    rate_limit: RateLimit | None = field(default_factory=RateLimit)


def create_api(
    service: ProxyFailoverService,
    verifier: TokenVerifier,
    *,
    clock: Clock,
    ids: IdFactory,
    settings: ApiSettings,
    peers: httpx.AsyncClient | None = None,
) -> FastAPI:
    """The application that serves `service` to whom `verifier` knows.

    `clock` measures durations and rate limits; `ids` names requests that come without a name. By `peers` the other
    replicas are reached; None when there are none.
    """
    app = FastAPI(
        title="switchover",
        version=settings.version,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        # The stock page loads its scripts from the net; `/docs` below needs nothing but this process.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.state.door = Door(
        verifier, None if settings.rate_limit is None else RateLimiter(settings.rate_limit, clock)
    )
    app.state.forwarding = None if peers is None else Forwarding(service, peers, clock)
    app.state.most_body_bytes = settings.most_body_bytes
    # The paths of instances come before those of a proxy, which would take `instances` for an id. The routes are taken
    # as they are: `include_router` would build each of them again, at the first request.
    for router in (
        instances.router,
        failover.router,
        orders.router,
        recovery.router,
        history.router,
        configuration.router,
        automation.router,
    ):
        app.router.routes.extend(router.routes)
    _add_open_routes(app, service)
    app.add_exception_handler(HTTPException, _no_such_route)
    app.add_middleware(RequestLog, clock=clock, ids=ids)
    app.openapi = lambda: openapi_document(app)  # type: ignore[method-assign] # FastAPI's documented way
    return app


def _add_open_routes(app: FastAPI, service: ProxyFailoverService) -> None:
    """What needs no token: whether we live, whether we are ready, and the documentation."""

    async def healthz() -> Mapping[str, str]:
        return {"status": "alive"}

    async def readyz() -> Response:
        reasons = service.hindrances()
        if not reasons:
            # A replica that doubts itself takes orders and serves its nodes as before.
            return JSONResponse({"status": "ready", "reasons": list(service.doubts())})
        return JSONResponse(
            {"status": "not ready", "reasons": list(reasons)},
            status_code=HTTPStatus.SERVICE_UNAVAILABLE,
            headers={"Retry-After": "1"},
        )

    async def docs() -> Response:
        return reference_page()

    # Load balancers often ask with HEAD.
    app.add_api_route("/healthz", healthz, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/readyz", readyz, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/docs", docs, include_in_schema=False)


async def _no_such_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    if status == HTTPStatus.NOT_FOUND:
        return respond(
            Failure(
                status=HTTPStatus.NOT_FOUND,
                code=Code.ROUTE_NOT_FOUND,
                message=f"there is no path {request.url.path}; /docs lists them",
            )
        )
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        # Starlette names the methods of the first route that matches; one path has several.
        allowed = ", ".join(sorted(methods_of(request.url.path))) or "GET"
        return respond(
            Failure(
                status=HTTPStatus.METHOD_NOT_ALLOWED,
                code=Code.METHOD_NOT_ALLOWED,
                message=f"{request.method} is not allowed here; allowed is {allowed}",
                headers={"Allow": allowed},
            )
        )
    return respond(internal(NO_OPERATION, request.state.request_id))
