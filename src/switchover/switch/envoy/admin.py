"""Envoy's admin interface, over its unix socket."""

from dataclasses import dataclass
from pathlib import Path

import httpx

from switchover.model.errors import TargetError

ANSWER_DEADLINE_SECONDS = 2.0


class AdminUnreachable(TargetError):  # noqa: N818 - it names a condition
    """The admin interface did not answer, or not as Envoy would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    """Who answers: its node id, its version and its state (LIVE once it has its first configuration)."""

    node_id: str
    version: str
    state: str


class AdminClient:
    """Asks the Envoy behind one socket. Every method raises `AdminUnreachable`."""

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path

    async def server_info(self) -> ServerInfo:
        """Who is there (`/server_info`)."""
        response = await self._request("GET", "/server_info")
        try:
            document = response.json()
            return ServerInfo(
                node_id=str(document["node"]["id"]),
                version=str(document["version"]),
                state=str(document["state"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise AdminUnreachable(f"{self._socket_path} does not answer like an Envoy: {error!r}") from error

    async def drain(self) -> None:
        """Take no new connections after the drain time, and end each open one after its request."""
        await self._request("POST", "/drain_listeners?graceful")

    async def active_requests(self) -> int:
        """Requests of clients that are not answered yet; those of this interface do not count."""
        response = await self._request("GET", r"/stats?filter=^http\..*\.downstream_rq_active$")
        counts = (line.rpartition(": ") for line in response.text.splitlines())
        return sum(int(count) for name, _, count in counts if not name.startswith("http.admin."))

    async def _request(self, method: str, target: str) -> httpx.Response:
        transport = httpx.AsyncHTTPTransport(uds=str(self._socket_path))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://envoy", timeout=ANSWER_DEADLINE_SECONDS, trust_env=False
        ) as client:
            try:
                return (await client.request(method, target)).raise_for_status()
            except httpx.HTTPError as error:
                raise AdminUnreachable(f"{self._socket_path}: {error!r}") from error
