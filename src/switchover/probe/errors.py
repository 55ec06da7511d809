"""What resolving a name can end with."""

from switchover.model.errors import OperatorError, OwnError, TargetError


class NameNotFound(TargetError):  # noqa: N818
    """The name does not exist, or has no address."""


class ResolutionFailed(OwnError):  # noqa: N818
    """The resolver timed out or answered SERVFAIL: nothing is known about the instance."""


class AddressRefused(OperatorError):  # noqa: N818
    """The name leads to an address that we never contact."""
