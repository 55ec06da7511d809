"""The Protocols of this room. The seam is batch-shaped, so that an engine for 10,000 instances fits behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from switchover.model.address import Address
from switchover.model.observation import Observation
from switchover.model.policy import HealthCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class DueProbe:
    """One probe to make now.

    Attributes:
        instance_id: The instance to ask.
        address: Where it listens; the check may name another port. None only for a heartbeat, which asks nobody.
        check: How to ask. For `heartbeat` the due probe itself is the missed deadline.
        timeout_seconds: Deadline for everything, from resolving the name to the last byte.
    """

    instance_id: UUID
    address: Address | None
    check: HealthCheck
    timeout_seconds: float


class Prober(Protocol):
    """Asks instances; bounded in concurrency; never raises for what an instance does."""

    async def submit(self, due: Sequence[DueProbe]) -> None:
        """Take probes to make, in order; waits while the bound on accepted probes is reached.

        A probe is accepted until its observation is taken. One for an instance that has one accepted is ignored: it
        leaves no observation of its own. Call it from another task than `observations`, or the bound can never free.
        """

    async def observations(self) -> Sequence[Observation]:
        """Wait until at least one probe ended and return all that have: exactly one observation per probe."""

    async def run(self) -> None:
        """Make probes until cancelled; owned by the caller's TaskGroup."""


class Resolver(Protocol):
    """Turns a host name into one IP address that we are allowed to contact."""

    async def resolve(self, host: str) -> str:
        """The address of `host` (a literal is answered as it is); the lowest one, so that answers are stable.

        Raises:
            NameNotFound: The name does not exist (NXDOMAIN) or has no address.
            ResolutionFailed: The resolver timed out or answered SERVFAIL; nothing is known.
            AddressRefused: Every address is one we never contact (`model.address.refusal`).
        """
