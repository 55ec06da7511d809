"""Calls for an instance, as recoveries make them."""

from typing import Any
from uuid import UUID

from switchover.model.address import Address
from switchover.model.recovery import RecoveryAction, RecoveryCall

A_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENT_ID = UUID("01980f3c-0000-7000-8000-000000000007")


def a_call(action: RecoveryAction, **changes: Any) -> RecoveryCall:
    values: dict[str, Any] = {
        "event_id": EVENT_ID,
        "attempt": 2,
        "most_attempts": 3,
        "owner_id": "ann",
        "proxy_id": "web",
        "instance_id": UUID("01980f3c-0000-7000-8000-000000000001"),
        "instance_name": "web-1; touch never",
        "instance_type": "standard",
        "address": Address(host="10.0.0.1", port=8080),
        "reason": "Instance unhealthy (3 failures)",
        "secrets": (A_SECRET,),
        **changes,
    }
    return RecoveryCall(action=action, **values)
