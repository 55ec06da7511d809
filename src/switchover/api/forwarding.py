"""Getting a request answered by the replica that owns what it is about, so that a caller may ask any of them."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import httpx
import structlog
from starlette.requests import Request
from starlette.responses import Response

from switchover.api.contract import REQUEST_ID_HEADER
from switchover.api.errors import OwnerSilent, TooManyRequests
from switchover.api.limits import RateLimit, RateLimiter
from switchover.api.operations.operation import Operation
from switchover.control.service import ProxyFailoverService
from switchover.model.clock import Clock
from switchover.model.errors import NotFound, OwnedElsewhere, StoreUnavailable

FORWARDED_HEADER = "x-switchover-forwarded"
"""Marks a request that a replica has sent on: it goes no further. It gives no rights."""
NOT_DONE_HEADER = "x-switchover-not-done"
"""Marks the answer of a replica that is not the owner (any more) and has done nothing."""

PATIENCE_SECONDS = 2.0
"""How long a request waits for a proxy that is changing hands. A hand-over takes milliseconds; a crashed owner is
replaced when its lease ends, for which nobody should hold a connection."""
LOOK_SECONDS = 0.1
ANSWER_SECONDS = 15.0
CONNECT_SECONDS = 1.0
MOST_CONNECTIONS = 100
IDLE_SECONDS = 2.0
"""Shorter than the 5 s after which a replica closes an idle connection: a POST must not meet a closing one."""
MISSES = RateLimit(per_second=5, burst=50)
"""How often one user may send us to the store to look whether another replica has made what they name."""

_SENT_ON = ("authorization", "content-type", "accept")
_HANDED_BACK = ("content-type", "retry-after", "www-authenticate", "warning")

_log = structlog.get_logger(__name__)

Here = Callable[[Request], Awaitable[Response]]


def peer_client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A client for the other replicas; close it when done. `transport` is the network by default."""
    return httpx.AsyncClient(
        transport=transport,
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
        limits=httpx.Limits(
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
        ),
        # The caller's token goes to the owner and nowhere else.
        follow_redirects=False,
        trust_env=False,
        verify=ssl.create_default_context(),
    )


class Forwarding:
    """Asks here first, and the owner when it is another replica.

    The only addresses that are contacted are those by which the replicas know each other. A request takes one hop at most.
    The owner verifies the caller's token as it does everybody's.

    Args:
        service: Loads what other replicas have stored.
        peers: How they are reached; see `peer_client`.
        clock: Its monotonic clock measures patience.
    """

    def __init__(self, service: ProxyFailoverService, peers: httpx.AsyncClient, clock: Clock) -> None:
        self._service = service
        self._peers = peers
        self._clock = clock
        self._misses = RateLimiter(MISSES, clock)

    async def answer(self, request: Request, operation: Operation, here: Here) -> Response:
        """What `here` answers, or the owner.

        Raises:
            OwnedElsewhere: Nobody owned it for as long as we wait, or the request was sent on to us by mistake.
            OwnerSilent: The owner cannot be reached, or did not answer in time.
            SwitchoverError: As `here` does. What does not exist is looked for once more after we have caught up.
        """
        gives_up_at = self._clock.monotonic() + PATIENCE_SECONDS
        has_looked = False
        while True:
            try:
                return await here(request)
            except NotFound:
                if has_looked or not await self._look(request.state.user):
                    raise
                has_looked = True
                continue
            except OwnedElsewhere as elsewhere:
                if FORWARDED_HEADER in request.headers:
                    raise
                answer = None
                if elsewhere.url is not None:
                    answer = await self._ask(elsewhere.proxy_id, elsewhere.url, request, operation)
                if answer is not None:
                    return answer
                if self._clock.monotonic() >= gives_up_at:
                    raise
            await self._clock.sleep(LOOK_SECONDS)

    async def _look(self, user: str) -> bool:
        """Whether we have caught up with the others."""
        try:
            self._misses.take(user)
            await self._service.catch_up()
        except (TooManyRequests, StoreUnavailable):
            return False
        return True

    async def _ask(
        self, proxy_id: str, owner_url: str, request: Request, operation: Operation
    ) -> Response | None:
        """The owner's answer; None when it is the owner no more and has done nothing."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._send(owner_url, request, operation)
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.UnsupportedProtocol,
            httpx.InvalidURL,
        ) as error:
            _log.warning("owner unreachable", proxy_id=proxy_id, url=owner_url, error=repr(error))
            raise OwnerSilent(
                f"the replica that owns proxy {proxy_id} cannot be reached; nothing was changed"
            ) from error
        except (httpx.HTTPError, TimeoutError) as error:
            _log.warning("owner silent", proxy_id=proxy_id, url=owner_url, error=repr(error))
            raise OwnerSilent(
                f"the replica that owns proxy {proxy_id} did not answer; look whether it was done before you try again"
            ) from error
        if NOT_DONE_HEADER in answer.headers:
            return None
        if answer.is_success:
            await self._read_back(proxy_id)
        headers = {name: answer.headers[name] for name in _HANDED_BACK if name in answer.headers}
        return Response(answer.content, status_code=answer.status_code, headers=headers)

    async def _send(self, owner_url: str, request: Request, operation: Operation) -> httpx.Response:
        target: bytes = request.scope["raw_path"]
        if query := request.scope["query_string"]:
            target += b"?" + query
        headers = {name: request.headers[name] for name in _SENT_ON if name in request.headers}
        return await self._peers.request(
            request.method,
            httpx.URL(owner_url).copy_with(raw_path=target),
            content=await request.body() if operation.takes_body else None,
            headers={**headers, REQUEST_ID_HEADER: request.state.request_id, FORWARDED_HEADER: "1"},
        )

    async def _read_back(self, proxy_id: str) -> None:
        """Load what the owner has just stored, so that the caller reads it from us too."""
        try:
            await self._service.read_back(proxy_id)
        except StoreUnavailable as error:
            # It is done, and says so; we show it as soon as the store answers.
            _log.warning("could not read a write back", proxy_id=proxy_id, error=str(error), fault="ours")
