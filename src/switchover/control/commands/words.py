"""The reason that people give with an order."""

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
