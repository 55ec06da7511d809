"""Why a caller is not let in."""

from switchover.api.auth.permissions import Permission
from switchover.model.errors import OperatorError, OwnError


class TokenRefused(OperatorError):  # noqa: N818 - it names a condition
    """There is no valid token.

    Attributes:
        why: A word for the log. The client is told nothing of it: every refusal looks the same from outside.
        missing: Whether no token was sent at all.
    """

    def __init__(self, why: str, *, missing: bool = False) -> None:
        super().__init__(f"token refused: {why}")
        self.why = why
        self.missing = missing


class NotPermitted(OperatorError):  # noqa: N818
    """The caller is known, and none of their roles grants what this operation needs."""

    def __init__(self, permission: Permission) -> None:
        super().__init__(f"this needs the permission {permission.value}, which none of your roles grants")
        self.permission = permission


class KeysUnavailable(OwnError):  # noqa: N818
    """The identity provider's keys could not be fetched, so that nobody can tell whether a token is valid.

    Attributes:
        retry_after_seconds: When trying again makes sense.
    """

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
