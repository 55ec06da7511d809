"""A transition of an instance's health, as history keeps it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from switchover.model.observation import Health


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthTransition:
    """What was believed of an instance, and what is believed from then on.

    Attributes:
        transition_id: UUIDv7.
        proxy_id: The proxy that the instance serves.
        instance_id: The instance.
        at: When the observation or report that decided it ended (wall clock, UTC).
        before: The state that it left.
        after: The state that it entered, another one.
        reason: The stable word of the table of transitions, such as `fall_reached` or `reported_healthy`.
        code: The code of the observation that decided it, such as `connect_refused`; None where it had none.
        consecutive_failures: Failures in a row once it was taken in.
        consecutive_passes: Passes in a row once it was taken in.
        first_failed_at: When the run of failures began that it ended or belongs to; None without one.
    """

    transition_id: UUID
    proxy_id: str
    instance_id: UUID
    at: datetime
    before: Health
    after: Health
    reason: str
    code: str | None
    consecutive_failures: int
    consecutive_passes: int
    first_failed_at: datetime | None
