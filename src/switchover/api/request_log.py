"""The outermost layer: a request id for everything, a log line for each request, and never a bare error."""

import re

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from switchover.api.contract import REQUEST_ID_HEADER
from switchover.api.errors import NO_OPERATION, internal
from switchover.api.route import respond
from switchover.model.clock import Clock, IdFactory

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SERVER_ERRORS = 500
_log = structlog.get_logger()


class RequestLog:
    """Names each request and tells about it once it is answered."""

    def __init__(self, app: ASGIApp, *, clock: Clock, ids: IdFactory) -> None:
        self._app = app
        self._clock = clock
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        # What a client calls its request goes into our log: only if it is harmless there.
        request_id = given if _REQUEST_ID.fullmatch(given) else str(self._ids())
        scope.setdefault("state", {})["request_id"] = request_id
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._answer(scope, receive, send, request_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        status = 0
        began = self._clock.monotonic()

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID_HEADER] = request_id
                headers["cache-control"] = "no-store"
                headers["x-content-type-options"] = "nosniff"
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except Exception as error:
            _log.error("request failed", fault="ours", exc_info=error)
            if status:
                raise
            response = respond(internal(NO_OPERATION, request_id))
            await response(scope, receive, send_named)
        self._tell(Request(scope), status, began)

    def _tell(self, request: Request, status: int, began: float) -> None:
        # Reads are many and change nothing; they are told when somebody looks for them.
        tell = (
            _log.error if status >= _SERVER_ERRORS else _log.debug if request.method == "GET" else _log.info
        )
        tell(
            "request",
            method=request.method,
            path=request.url.path,
            status=status,
            user=getattr(request.state, "user", None),
            duration_ms=round((self._clock.monotonic() - began) * 1000, 3),
        )
