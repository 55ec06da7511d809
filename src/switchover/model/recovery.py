"""The recovery of an instance: what is called to bring it back, and the record of each call."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from switchover.model.address import Address
from switchover.model.backoff import Backoff
from switchover.model.events import FailoverEvent

MOST_RECOVERY_PAUSE_SECONDS = 300.0
"""Ceiling of the growing pause between two attempts."""

RECOVERY_JITTER = 0.2
"""How much of a pause is left to chance, in both directions: instances that fell together are not called for together."""


class RecoveryActionType(StrEnum):
    """What is called to bring an instance back."""

    NONE = "none"
    WEBHOOK = "webhook"
    COMMAND = "command"
    CALLBACK = "callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryAction:
    """What is called to bring the instances of a proxy back.

    Attributes:
        type: none, webhook, command or callback.
        url: For webhook: where the signed request goes, http or https.
        command: For command: the name of a command in the configuration file of the process.
    """

    type: RecoveryActionType = RecoveryActionType.NONE
    url: str | None = None
    command: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverySecrets:
    """What a proxy's webhook is signed with. Never listed, never logged.

    Attributes:
        proxy_id: The proxy.
        secret: As Standard Webhooks writes it: `whsec_` and base64.
        former: The secret before; requests carry its signature too until the next rotation. None without one.
        rotated_at: When `secret` took its place.
    """

    proxy_id: str
    secret: str = field(repr=False)
    former: str | None = field(default=None, repr=False)
    rotated_at: datetime

    @property
    def all(self) -> tuple[str, ...]:
        """Every secret that a request is signed with, the newest first."""
        return (self.secret,) if self.former is None else (self.secret, self.former)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCall:
    """One attempt, as whoever is called for it is told.

    Attributes:
        event_id: The recovery event.
        attempt: Its number, 1 for the first; with the event it names the attempt: a repeated call has the same.
        most_attempts: How many there will be at the most.
        action: What is to be called.
        owner_id: Whose proxy it is.
        proxy_id: The proxy.
        instance_id: The instance to bring back.
        instance_name: Its name.
        instance_type: Its operator's label.
        address: Where it listens; None when it lives by reports.
        reason: Why it is to be brought back.
        secrets: What a webhook is signed with; empty for the others.
    """

    event_id: UUID
    attempt: int
    most_attempts: int
    action: RecoveryAction
    owner_id: str
    proxy_id: str
    instance_id: UUID
    instance_name: str
    instance_type: str
    address: Address | None
    reason: str
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def key(self) -> str:
        """The idempotency key: the event's id and the attempt's number."""
        return f"{self.event_id}-{self.attempt}"

    def as_json(self) -> dict[str, Any]:
        """The call in the API's names, without a secret."""
        return {
            "eventId": str(self.event_id),
            "attempt": self.attempt,
            "mostAttempts": self.most_attempts,
            "proxyId": self.proxy_id,
            "instanceId": str(self.instance_id),
            "instanceName": self.instance_name,
            "instanceType": self.instance_type,
            "address": None if self.address is None else str(self.address),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryAnswer:
    """What a call came to.

    Attributes:
        accepted: Whether it did what it was called for; whether that helped, the probes say.
        detail: What it answered or why it failed, for people; bounded.
    """

    accepted: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt, as the event keeps it.

    Attributes:
        number: 1 for the first.
        started_at: When it was decided; the call followed.
        ended_at: When its answer came; None while it is under way, or when whoever made it died.
        next_at: When the next is due, or the event is given up if it was the last; None while it is under way.
        accepted: As answered; None while it is under way.
        detail: As answered; None while it is under way.
    """

    number: int
    started_at: datetime
    ended_at: datetime | None = None
    next_at: datetime | None = None
    accepted: bool | None = None
    detail: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The attempt in the API's names."""
        return {
            "number": self.number,
            "startedAt": self.started_at.isoformat(),
            "endedAt": None if self.ended_at is None else self.ended_at.isoformat(),
            "nextAt": None if self.next_at is None else self.next_at.isoformat(),
            "accepted": self.accepted,
            "detail": self.detail,
        }


def attempts_of(event: FailoverEvent) -> tuple[Attempt, ...]:
    """The attempts of a recovery event, the first one first."""
    return tuple(_attempt_of(document) for document in event.evidence.get("attempts", ()))


def with_attempt(event: FailoverEvent, attempt: Attempt) -> FailoverEvent:
    """The event with `attempt` added, or in place of the one of its number."""
    kept = [known for known in attempts_of(event) if known.number != attempt.number]
    attempts = sorted((*kept, attempt), key=lambda known: known.number)
    return replace(event, evidence={**event.evidence, "attempts": [known.as_json() for known in attempts]})


def pause_seconds(first_seconds: float, number: int, spread: float) -> float:
    """How long to wait after attempt `number`: `first_seconds` · 2^(number - 1), at most 300 s, and `spread` of it more.

    Args:
        first_seconds: `recovery_backoff_seconds` of the policy.
        number: Of the attempt that ended, 1 or more.
        spread: Chance, from -`RECOVERY_JITTER` to `RECOVERY_JITTER`.
    """
    growing = Backoff(first_seconds=first_seconds, most_seconds=MOST_RECOVERY_PAUSE_SECONDS)
    return min(MOST_RECOVERY_PAUSE_SECONDS, growing.delay(number - 1) * (1 + spread))


def _attempt_of(document: Mapping[str, Any]) -> Attempt:
    return Attempt(
        number=document["number"],
        started_at=datetime.fromisoformat(document["startedAt"]),
        ended_at=_moment(document.get("endedAt")),
        next_at=_moment(document.get("nextAt")),
        accepted=document.get("accepted"),
        detail=document.get("detail"),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
