"""What a probe found: outcome, code and words, before the engine adds when and how long."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from switchover.model.observation import Outcome

MOST_DETAIL_CHARACTERS = 200


class Code(StrEnum):
    """Every code that an observation of this room can carry."""

    OK = "ok"
    CERTIFICATE_EXPIRES_SOON = "certificate_expires_soon"
    """Passes: the certificate ends within `expiry_warning_days`."""
    CERTIFICATE_EXPIRED = "certificate_expired"
    """Fails when certificates are verified; passes, and is told, when they are not."""

    CONNECT_REFUSED = "connect_refused"
    CONNECTION_RESET = "connection_reset"
    CLOSED_EARLY = "closed_early"
    """The peer closed the connection before its answer was whole."""
    HOST_UNREACHABLE = "host_unreachable"
    TIMEOUT = "timeout"
    DNS = "dns"
    """The name does not exist, or has no address."""
    ADDRESS_REFUSED = "address_refused"
    REQUEST_INVALID = "request_invalid"
    """The check itself cannot be sent: the operator's fault, and no later probe would pass."""
    TLS = "tls"
    CERTIFICATE_INVALID = "certificate_invalid"
    MALFORMED_HTTP = "malformed_http"
    HEADERS_TOO_LARGE = "headers_too_large"
    STATUS = "status"
    BODY = "body"
    GRPC = "grpc"
    NOT_SERVING = "not_serving"
    HEARTBEAT_MISSED = "heartbeat_missed"

    CRASHED = "crashed"
    LOOP_STALLED = "loop_stalled"
    DNS_UNAVAILABLE = "dns_unavailable"
    """The resolver timed out or answered SERVFAIL."""
    NO_FILE_DESCRIPTORS = "no_file_descriptors"
    NO_MEMORY = "no_memory"
    NO_LOCAL_ADDRESS = "no_local_address"
    """No source address or port is left for a connection."""
    NETWORK_UNREACHABLE = "network_unreachable"
    """Our own machine has no route, or no such address family."""
    NOT_PERMITTED = "not_permitted"
    NETWORK_ERROR = "network_error"
    """An error of the socket layer that says nothing about whose fault it is."""
    NOT_PROBED = "not_probed"
    """There is nothing to ask: the check is `none`, or the address is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one probe found.

    Attributes:
        outcome: PASS, FAIL or INCONCLUSIVE.
        code: Why, as a stable word.
        detail: Why, for a person; `one_line` is applied before anyone sees it.
        certificate_expires_at: End of the peer's certificate; None without TLS.
    """

    outcome: Outcome
    code: Code
    detail: str
    certificate_expires_at: datetime | None = None

    @classmethod
    def passed(cls, detail: str) -> Self:
        """The instance did what was asked."""
        return cls(outcome=Outcome.PASS, code=Code.OK, detail=detail)

    @classmethod
    def failed(cls, code: Code, detail: str) -> Self:
        """The instance did not, or can never as it is configured."""
        return cls(outcome=Outcome.FAIL, code=code, detail=detail)

    @classmethod
    def inconclusive(cls, code: Code, detail: str) -> Self:
        """Nothing is known, and that is our own fault."""
        return cls(outcome=Outcome.INCONCLUSIVE, code=code, detail=detail)


def one_line(text: str) -> str:
    """`text` as one printable line of at most `MOST_DETAIL_CHARACTERS` characters.

    Parts of it come from an instance or a resolver: nothing in it may break a line, move a terminal's cursor or
    reverse the reading direction, or it could forge the log line after it.
    """
    # Cut first: how long the work takes must not depend on the peer.
    cut = text[: 4 * MOST_DETAIL_CHARACTERS]
    line = " ".join("".join(c if c.isprintable() else " " for c in cut).split())
    return line if len(line) <= MOST_DETAIL_CHARACTERS else line[: MOST_DETAIL_CHARACTERS - 1] + "…"
