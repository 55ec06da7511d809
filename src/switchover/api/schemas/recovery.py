"""Recoveries and the secrets of their webhooks, as answers tell them."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from switchover.api.schemas.body import Body
from switchover.control.results import RecoveryState
from switchover.model.recovery import RecoveryActionType, RecoverySecrets


class RecoveryBody(Body):
    """How an instance is being brought back."""

    event_id: UUID
    action: RecoveryActionType
    attempt: int = Field(description="Under way, or the last one; 0 before the first.")
    most_attempts: int
    is_under_way: bool = Field(description="Whether the answer of that attempt is awaited.")
    next_at: datetime | None = Field(
        description="When the next attempt is due; after the last one, when the recovery has failed."
    )
    detail: str | None = Field(description="What the last attempt came to.")

    @classmethod
    def of(cls, state: RecoveryState) -> Self:
        """The body of `state`."""
        return cls(
            event_id=state.event_id,
            action=RecoveryActionType(state.action),
            attempt=state.attempt,
            most_attempts=state.most_attempts,
            is_under_way=state.is_under_way,
            next_at=state.next_at,
            detail=state.detail,
        )


class RecoverySecretBody(Body):
    """That a secret took its place."""

    proxy_id: str
    secret: str | None = Field(
        description="What we made, this once; null when it was given. It is never shown again."
    )
    rotated_at: datetime
    former_signs: bool = Field(description="Whether the secret before signs too, until the next rotation.")

    @classmethod
    def of(cls, secrets: RecoverySecrets, *, shown: bool) -> Self:
        """The body of `secrets`; with the secret itself only if it is to be shown."""
        return cls(
            proxy_id=secrets.proxy_id,
            secret=secrets.secret if shown else None,
            rotated_at=secrets.rotated_at,
            former_signs=secrets.former is not None,
        )
