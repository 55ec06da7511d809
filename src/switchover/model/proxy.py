"""The proxy: the logical service, and who carries it now."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from switchover.model.errors import FieldProblem, InvalidInput
from switchover.model.policy import FailoverPolicy

_PROXY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
RESERVED_PROXY_IDS = frozenset({"failover", "instances"})
PROXY_ID_SHAPE = (
    "allowed are 1 to 63 letters, digits, dots, underscores and hyphens, the first a letter or digit; "
    "`failover` and `instances` are reserved"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """An operator's wish that the active stays where it is.

    Attributes:
        instance_id: The active that was pinned.
        by: Name of who pinned it; None when that is not on record.
        reason: Why, in their words; None without any.
        at: When; None when that is not on record.
        until: When it ends by itself; None when it does not.
    """

    instance_id: UUID
    by: str | None = None
    reason: str | None = None
    at: datetime | None = None
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it has not ended by itself."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A logical front with a policy.

    Attributes:
        proxy_id: Its name; see `check_proxy_id`.
        owner_id: The user it belongs to.
        policy: What people decided about it.
        active_instance_id: The instance that carries the traffic; None before the first activation. It may name an
            instance that is gone, when nothing could replace it.
        epoch: Fencing number, +1 with every change of the active instance; 0 before the first activation.
        generation: Revision of the desired configuration, +1 with every change by people.
        pinned_instance_id: The instance an operator's manual move chose; failback leaves it alone.
        pin_note: Who pinned it, why and until when; of no meaning when it names another instance. See `pin`.
        created_at: Wall clock, UTC.
        updated_at: Wall clock, UTC.
    """

    proxy_id: str
    owner_id: str
    policy: FailoverPolicy = field(default_factory=FailoverPolicy)
    active_instance_id: UUID | None = None
    epoch: int = 0
    generation: int = 1
    pinned_instance_id: UUID | None = None
    pin_note: Pin | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def pin(self) -> Pin | None:
        """The pin with what is known of it, ended or not; None without one."""
        if self.pinned_instance_id is None:
            return None
        if self.pin_note is not None and self.pin_note.instance_id == self.pinned_instance_id:
            return self.pin_note
        return Pin(instance_id=self.pinned_instance_id)

    def pin_at(self, now: datetime) -> Pin | None:
        """The pin that holds at `now`; None without one."""
        return self.pin if self.pin is not None and self.pin.holds(now) else None


def check_proxy_id(proxy_id: object) -> str:
    """The id itself when it is well formed.

    Raises:
        InvalidInput: It is missing, has another shape or is reserved.
    """
    if (
        not isinstance(proxy_id, str)
        or _PROXY_ID.fullmatch(proxy_id) is None
        or proxy_id in RESERVED_PROXY_IDS
    ):
        raise InvalidInput(FieldProblem("proxyId", proxy_id, PROXY_ID_SHAPE))
    return proxy_id
