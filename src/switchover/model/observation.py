"""What was seen of an instance, and what we believe of its health."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Health(StrEnum):
    """Measured health of an instance."""

    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class Outcome(StrEnum):
    """What one probe showed. INCONCLUSIVE is our own fault and never counts against the instance."""

    PASS = "pass"  # noqa: S105 - the outcome of a probe, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The fact that one probe left.

    Attributes:
        instance_id: The instance that was probed.
        outcome: PASS, FAIL or INCONCLUSIVE.
        code: Why, as a stable word: `ok`, `connect_refused`, `timeout`, `status`, `body`, `tls`, `dns`, ….
        detail: Why, for a person; one line, no secret.
        started_at: When the probe started (wall clock, UTC).
        ended_at: When it ended (wall clock, UTC).
        latency_ms: Duration on the monotonic clock; None when nothing was measured.
        resolved_host: The IP address that the probe connected to; None when it never got that far.
        certificate_expires_at: End of the peer's certificate, for TLS; None otherwise.
    """

    instance_id: UUID
    outcome: Outcome
    code: str
    detail: str
    started_at: datetime
    ended_at: datetime
    latency_ms: float | None = None
    resolved_host: str | None = None
    certificate_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A verdict about an instance's health that someone sends through the API.

    Attributes:
        instance_id: The instance that it is about.
        verdict: Taken at its word.
        reported_at: When it arrived (wall clock, UTC).
    """

    instance_id: UUID
    verdict: Health
    reported_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Flapping:
    """How often an instance has been falling lately.

    Attributes:
        score: The flap score as it was at `scored_at`, in falls; it decays from there.
        scored_at: When the instance last fell; None while it never did.
        suppressed_since: When the score last reached the suppress limit; it stays after the suppression has ended, until
            the next fall.
    """

    score: float = 0.0
    scored_at: datetime | None = None
    suppressed_since: datetime | None = None


STEADY = Flapping()


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceHealth:
    """What we believe of one instance. Survives a restart.

    Attributes:
        state: UNKNOWN, HEALTHY or UNHEALTHY.
        consecutive_failures: Failures since the last pass.
        consecutive_passes: Passes since the last failure.
        last_outcome: The last PASS or FAIL; None before the first.
        inconclusive_count: How many probes told nothing, for our own fault.
        last_checked_at: End of the last conclusive probe or report.
        changed_at: When `state` last changed; None while it never did.
        first_failed_at: When the current run of failures began; None without one. An event's `detected` time.
        last_code: The code of the last observation or `report`.
        last_detail: The detail of the last observation.
        flapping: How often it has been falling lately.
    """

    state: Health = Health.UNKNOWN
    consecutive_failures: int = 0
    consecutive_passes: int = 0
    last_outcome: Outcome | None = None
    inconclusive_count: int = 0
    last_checked_at: datetime | None = None
    changed_at: datetime | None = None
    first_failed_at: datetime | None = None
    last_code: str | None = None
    last_detail: str | None = None
    flapping: Flapping = STEADY

    @property
    def in_transition(self) -> bool:
        """Whether it should be probed at the fast interval: UNKNOWN, or the last result differs from the state."""
        match self.state, self.last_outcome:
            case Health.UNKNOWN, _:
                return True
            case Health.HEALTHY, Outcome.FAIL:
                return True
            case Health.UNHEALTHY, Outcome.PASS:
                return True
            case _:
                return False


UNSEEN = InstanceHealth()
