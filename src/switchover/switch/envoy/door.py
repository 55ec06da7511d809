"""Where nodes come in, and which node a peer may be: a node id is a claim until something binds it to its peer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
import structlog

from switchover.model.address import Address, is_loopback
from switchover.model.errors import OperatorError
from switchover.switch.envoy.driver import EnvoyDriver

_log = structlog.get_logger(__name__)

SENT_AWAY = "this replica has lost its store; another one may hear it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """What mutual TLS needs, as PEM.

    Attributes:
        certificate: Ours, with what leads to its authority.
        key: Its private key.
        client_ca: The authorities whose certificates nodes may show.
    """

    certificate: bytes
    key: bytes = field(repr=False)
    client_ca: bytes

    def credentials(self) -> grpc.ServerCredentials:
        """For grpc. A peer without a certificate of these authorities does not get past the handshake."""
        return grpc.ssl_server_credentials(
            [(self.key, self.certificate)], root_certificates=self.client_ca, require_client_auth=True
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteDoor:
    """Where remote nodes come in.

    Attributes:
        address: An IP address of this machine and a port.
        tls: None is plaintext, where a node id is taken at its word; for loopback alone.

    Raises:
        OperatorError: Plaintext where others could reach it.
    """

    address: Address
    tls: Tls | None = None

    def __post_init__(self) -> None:
        if self.tls is None and not is_loopback(self.address.host):
            raise OperatorError(
                f"nodes may come to {self.address} by TLS alone: it is not a loopback address"
            )


class Doorkeeper:
    """Lets in the nodes of one door.

    Args:
        drivers: Node id → its driver; who comes to this door is one of these or nobody.
        by_certificate: Whether a peer must show a certificate that names the node.
    """

    def __init__(self, drivers: Mapping[str, EnvoyDriver], *, by_certificate: bool = False) -> None:
        self._drivers = drivers
        self._by_certificate = by_certificate

    async def admit(self, context: grpc.aio.ServicerContext[Any, Any], node_id: str) -> EnvoyDriver:
        """The driver of the node that the peer says it is. Who may not be that node is refused, which ends the stream."""
        driver = self._drivers.get(node_id)
        if driver is None:
            _log.warning("unknown_node_refused", node_id=node_id, fault="operator")
            await context.abort(
                grpc.StatusCode.PERMISSION_DENIED,
                f"node id {node_id!r} is not one that we steer; allowed are the registered ones",
            )
        named = names_in(context.auth_context()) if self._by_certificate else (node_id,)
        if node_id not in named:
            _log.warning("claimed_node_refused", node_id=node_id, certificate_names=named, fault="operator")
            await context.abort(
                grpc.StatusCode.PERMISSION_DENIED,
                f"node id {node_id!r} is not in the certificate, which names {', '.join(named) or 'nobody'}",
            )
        if driver.is_sent_away:
            await context.abort(grpc.StatusCode.UNAVAILABLE, SENT_AWAY)
        return driver


def names_in(auth_context: Mapping[str, Iterable[bytes]]) -> tuple[str, ...]:
    """Whom the peer's certificate names: its DNS names, or its common name where it has none (RFC 6125, 6.4.4)."""
    names = tuple(auth_context.get("peer_dns", ())) or tuple(auth_context.get("x509_common_name", ()))
    return tuple(name.decode(errors="replace") for name in names)
