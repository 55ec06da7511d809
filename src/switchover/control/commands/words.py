"""What people add to an order: why, and until when."""

from datetime import UTC, datetime

from switchover.model.errors import FieldProblem, InvalidInput

REASON_LENGTH = 500


def checked_reason(reason: str | None, *, needed: bool = False) -> str | None:
    """The reason as it is kept; None when there is none.

    Raises:
        InvalidInput: It is empty, too long or not printable; or it is missing and `needed`, because of `force`.
    """
    if reason is None:
        if needed:
            allowed = f"allowed are 1 to {REASON_LENGTH} printable characters; force needs a reason"
            raise InvalidInput(FieldProblem("reason", None, allowed))
        return None
    if not reason.strip() or len(reason) > REASON_LENGTH or not reason.isprintable():
        allowed = f"allowed are 1 to {REASON_LENGTH} printable characters"
        raise InvalidInput(FieldProblem("reason", reason, allowed))
    return reason.strip()


def checked_end(field: str, until: datetime | None, now: datetime) -> datetime | None:
    """The time at which something ends by itself, in UTC; None when it does not.

    Raises:
        InvalidInput: It has no offset, or is not ahead of `now`.
    """
    if until is None:
        return None
    if until.tzinfo is None:
        words = "allowed is a time with its offset, such as 2026-01-31T12:00:00Z"
        raise InvalidInput(FieldProblem(field, until.isoformat(), words))
    if until <= now:
        words = f"allowed is a time that lies ahead; it is {now.isoformat(timespec='seconds')} now"
        raise InvalidInput(FieldProblem(field, until.isoformat(), words))
    return until.astimezone(UTC)
