"""An admin order as people give it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import ConfigDict, Field

from switchover.control.documents.document import Document, read
from switchover.control.documents.fields import Between, Choice, Sentence
from switchover.model.admin import (
    DEFAULT_DRAIN_SECONDS,
    MOST_DRAIN_SECONDS,
    MOST_ORDERS,
    AdminOrder,
    AdminState,
    laid_upon,
)
from switchover.model.errors import Conflict
from switchover.model.instance import Instance

LONGEST_SECONDS = 31 * 86_400.0


class AdminOrderDocument(Document):
    """What an instance is ordered to be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"adminState": "drain", "reason": "Kernel update", "expiresInSeconds": 7200}]
        }
    )

    admin_state: Annotated[AdminState, Choice()] = Field(description="ready, drain or maintenance.")
    reason: Sentence | None = Field(default=None, description="Why, for the record.")
    expires_in_seconds: Annotated[float, Between(1, LONGEST_SECONDS, "seconds")] | None = Field(
        default=None,
        description="After which it reverts by itself to what was ordered before; without it the order stands.",
    )
    drain_timeout_seconds: Annotated[float, Between(0, MOST_DRAIN_SECONDS, "seconds")] | None = Field(
        default=None,
        description="How long requests that are open on it may take once its traffic has moved.",
        json_schema_extra={"default": DEFAULT_DRAIN_SECONDS},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminOrderData:
    """What was ordered, as it is in force."""

    state: AdminState
    expires_in: timedelta | None
    drain_timeout_seconds: float
    is_bare: bool

    def order(
        self, instance: Instance, epoch: int, actor_name: str, reason: str | None, now: datetime
    ) -> AdminOrder:
        """The order upon those that stand about `instance`.

        Raises:
            Conflict: There are too many of them.
        """
        order = laid_upon(
            AdminOrder(
                state=self.state,
                actor=actor_name,
                reason=reason,
                ordered_at=now,
                expires_at=None if self.expires_in is None else now + self.expires_in,
                drain_timeout_seconds=self.drain_timeout_seconds,
                epoch=epoch,
            ),
            standing(instance),
        )
        if order.depth > MOST_ORDERS:
            raise Conflict(
                f"instance {instance.name} has {MOST_ORDERS} orders with an end on top of each other, which are the most; "
                "give one without expiresInSeconds first",
                {"orders": MOST_ORDERS},
            )
        return order


def standing(instance: Instance) -> AdminOrder | None:
    """The order in force about an instance; made up where nobody knows who gave it. None for READY, as registered."""
    if instance.admin_order is not None or instance.admin_state is AdminState.READY:
        return instance.admin_order
    return AdminOrder(
        state=instance.admin_state,
        actor="",
        ordered_at=instance.admin_changed_at or instance.created_at,
    )


def parse_admin_order(
    admin_state: object, expires_in_seconds: float | None = None, drain_timeout_seconds: float | None = None
) -> AdminOrderData:
    """The order that these values make.

    Raises:
        InvalidInput: With every problem.
    """
    document = read(
        AdminOrderDocument,
        {
            "adminState": admin_state,
            "expiresInSeconds": expires_in_seconds,
            "drainTimeoutSeconds": drain_timeout_seconds,
        },
    )
    expires, timeout = document.expires_in_seconds, document.drain_timeout_seconds
    return AdminOrderData(
        state=document.admin_state,
        expires_in=None if expires is None else timedelta(seconds=expires),
        drain_timeout_seconds=DEFAULT_DRAIN_SECONDS if timeout is None else timeout,
        is_bare=expires is None and timeout is None,
    )
