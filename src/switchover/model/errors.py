"""Errors, and whose fault they are.

    SwitchoverError
    ├── OperatorError            the caller asked for something that cannot be
    │   ├── InvalidInput         a field, its value, and what is allowed
    │   ├── NotFound             no such proxy, instance or event (for this caller)
    │   └── Conflict             it contradicts the current state, which is named
    ├── TargetError              an instance or a node did not do its part
    └── OwnError                 we could not do ours
        ├── StoreUnavailable     the database did not answer; try again
        │   └── OutcomeUnknown   … while it committed: the change may be stored or not
        ├── LostLease            another replica owns the proxy now; nothing was stored
        ├── OwnedElsewhere       another replica has to do it, which is named
        └── Overloaded           a bound was reached; try again

"Cannot decide" is a HOLD decision and "a node did not answer" is a receipt; neither is an exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Fault(StrEnum):
    """Whose fault an error is."""

    OURS = "ours"
    TARGET = "target"
    OPERATOR = "operator"


class SwitchoverError(Exception):
    """Root of the project's errors."""

    fault: Fault = Fault.OURS


class OperatorError(SwitchoverError):
    """The caller asked for something that cannot be."""

    fault = Fault.OPERATOR


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with one field.

    Attributes:
        field: The field's path in the API's names, such as `config.listener.port`.
        value: What was given; None for nothing.
        allowed: What is allowed, as words.
    """

    field: str
    value: Any
    allowed: str

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.field}: {self.allowed}"
        return f"{self.field}: {self.value!r} is not valid; {self.allowed}"


class InvalidInput(OperatorError):  # noqa: N818 - it names a condition, as the field's terms do
    """One or more fields are invalid; nothing was changed."""

    def __init__(self, *problems: FieldProblem) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


class NotFound(OperatorError):  # noqa: N818
    """The named thing does not exist, or not for this caller.

    Attributes:
        kind: `proxy`, `instance`, `event` or `configuration`.
        identifier: The id that was asked for.
    """

    def __init__(self, kind: str, identifier: object) -> None:
        super().__init__(f"{kind} {identifier} not found")
        self.kind = kind
        self.identifier = str(identifier)


class Conflict(OperatorError):  # noqa: N818
    """The order contradicts the current state.

    Attributes:
        state: The current state, JSON-ready, so that the caller can act on it.
    """

    def __init__(self, message: str, state: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.state: Mapping[str, Any] = state or {}


class TargetError(SwitchoverError):
    """An instance or a node did not do its part."""

    fault = Fault.TARGET


class OwnError(SwitchoverError):
    """We could not do our part."""

    fault = Fault.OURS


class StoreUnavailable(OwnError):  # noqa: N818
    """The database did not answer in time or refused; the operation may be tried again.

    Attributes:
        retry_after_seconds: When trying again makes sense.
    """

    def __init__(self, message: str, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class OutcomeUnknown(StoreUnavailable):
    """The database went away while it committed: the whole change may be stored, or nothing of it.

    Trying again is safe for what is a compare-and-set: if it was stored, the second try is a `Conflict`
    whose state says so. Before anything else is decided, what is stored has to be read again.
    """


class LostLease(OwnError):  # noqa: N818
    """The fence of a write is outdated: another replica owns the proxy, or our session has ended. Nothing was stored.

    Attributes:
        proxy_id: The proxy.
        retry_after_seconds: When trying again makes sense.
    """

    retry_after_seconds = 1

    def __init__(self, proxy_id: str) -> None:
        super().__init__(f"the lease on proxy {proxy_id} is lost; another replica decides about it")
        self.proxy_id = proxy_id


class OwnedElsewhere(OwnError):  # noqa: N818
    """The proxy is not ours to change.

    Attributes:
        proxy_id: The proxy.
        url: Where its owner's API is; None while nobody owns it.
        retry_after_seconds: When trying again makes sense.
    """

    def __init__(self, proxy_id: str, url: str | None, retry_after_seconds: int = 1) -> None:
        owner = f"the replica at {url}" if url else "no replica yet"
        super().__init__(f"proxy {proxy_id} is owned by {owner}")
        self.proxy_id = proxy_id
        self.url = url
        self.retry_after_seconds = retry_after_seconds


class Overloaded(OwnError):  # noqa: N818
    """A bound was reached; the operation may be tried again.

    Attributes:
        retry_after_seconds: When trying again makes sense.
    """

    def __init__(self, message: str, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
