"""One probe under way: what every kind of probe is given."""

import ssl
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from switchover.model.address import Address
from switchover.model.policy import HealthCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One probe under way, its name resolved.

    Attributes:
        address: The instance's address as given.
        check: How to ask.
        ip: The checked IP address to connect to.
        timeout_seconds: The probe's deadline, kept by the engine.
        now: When it started (wall clock, UTC): what a certificate's end is compared with.
        trust: Contexts for TLS.
    """

    address: Address
    check: HealthCheck
    ip: str
    timeout_seconds: float
    now: datetime
    trust: "Trust"

    @property
    def port(self) -> int:
        """The port to connect to: the check's, else the instance's own."""
        return self.check.port or self.address.port

    @property
    def server_name(self) -> str:
        """The name that TLS sends and verifies: the check's, else the instance's host, without the root's dot."""
        return (self.check.server_name or self.address.host).rstrip(".")


class Trust:
    """Contexts for TLS, made when first needed: loading the system's trust store takes some 20 ms.

    Args:
        verifying: What decides whom to trust; None is the system's trust store.
    """

    def __init__(self, verifying: ssl.SSLContext | None = None) -> None:
        self._given = verifying

    def context(self, *, verify: bool) -> ssl.SSLContext:
        """The context that verifies certificates, or the one that takes any."""
        return self._verifying if verify else self._credulous

    @cached_property
    def _verifying(self) -> ssl.SSLContext:
        return self._given or ssl.create_default_context()

    @cached_property
    def _credulous(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
