"""What keeps a proxy from moving too often as columns, and back: damping, failback, pin."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from switchover.model.policy import FailoverPolicy
from switchover.model.proxy import Pin
from switchover.model.steadiness import FailbackWindow, FlapDamping


def steadiness_columns(policy: FailoverPolicy) -> dict[str, Any]:
    """The columns of a policy's steadiness."""
    window = policy.failback_window
    return {
        "flap_damping": asdict(policy.flap_damping),
        "min_dwell_seconds": policy.min_dwell_seconds,
        "failback": policy.given_failback,
        "failback_window": None
        if window is None
        else {
            "start": window.start.isoformat(),
            "end": window.end.isoformat(),
            "time_zone": window.time_zone,
        },
        "all_down": policy.all_down,
    }


def steadiness_of(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    """The fields of a policy that these columns hold; a version before them left null, which is the default."""
    window = row.failback_window
    return {
        "flap_damping": FlapDamping(**(row.flap_damping or {})),
        "min_dwell_seconds": row.min_dwell_seconds,
        "given_failback": row.failback,
        "failback_window": None
        if window is None
        else FailbackWindow(
            start=time.fromisoformat(window["start"]),
            end=time.fromisoformat(window["end"]),
            time_zone=window["time_zone"],
        ),
        "all_down": row.all_down,
    }


def pin_document(pin: Pin | None) -> dict[str, Any] | None:
    """What is known of a pin as JSON; None without one."""
    if pin is None:
        return None
    return {
        "instance_id": str(pin.instance_id),
        "by": pin.by,
        "reason": pin.reason,
        "at": _text(pin.at),
        "until": _text(pin.until),
    }


def pin_note_of(document: Mapping[str, Any] | None) -> Pin | None:
    """The pin in `pin_document`'s JSON."""
    if document is None:
        return None
    return Pin(
        instance_id=UUID(document["instance_id"]),
        by=document["by"],
        reason=document["reason"],
        at=_moment(document["at"]),
        until=_moment(document["until"]),
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
