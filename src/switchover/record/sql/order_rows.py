"""The order about an instance as a document, and back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from switchover.model.admin import AdminOrder, AdminState


def order_document(order: AdminOrder | None, changed_at: datetime | None) -> dict[str, Any] | None:
    """What is stored of an order that is in force since `changed_at`, and of those below it; None for none."""
    return None if order is None else {"in_force_since": _text(changed_at), **_document(order)}


def order_of(
    document: Mapping[str, Any] | None, state: AdminState, changed_at: datetime | None
) -> AdminOrder | None:
    """The order that made an instance `state` at `changed_at`.

    None when the document tells of another: a replica of the version before writes the state and knows no document.
    """
    if document is None or changed_at is None:
        return None
    if (document["state"], document["in_force_since"]) != (state.value, _text(changed_at)):
        return None
    return _order(document)


def _document(order: AdminOrder) -> dict[str, Any]:
    return {
        "state": order.state.value,
        "actor": order.actor,
        "reason": order.reason,
        "ordered_at": _text(order.ordered_at),
        "expires_at": _text(order.expires_at),
        "drain_timeout_seconds": order.drain_timeout_seconds,
        "drained_at": _text(order.drained_at),
        "left_open": order.left_open,
        "epoch": order.epoch,
        "before": None if order.before is None else _document(order.before),
    }


def _order(document: Mapping[str, Any]) -> AdminOrder:
    below: Mapping[str, Any] | None = document["before"]
    return AdminOrder(
        state=AdminState(document["state"]),
        actor=document["actor"],
        reason=document["reason"],
        ordered_at=datetime.fromisoformat(document["ordered_at"]),
        expires_at=_moment(document["expires_at"]),
        drain_timeout_seconds=document["drain_timeout_seconds"],
        drained_at=_moment(document["drained_at"]),
        left_open=document["left_open"],
        epoch=document["epoch"],
        before=None if below is None else _order(below),
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
