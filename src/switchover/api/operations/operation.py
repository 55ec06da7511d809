"""What an operation is."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from switchover.api.auth.permissions import Permission
from switchover.api.errors import OperationCodes


class Method(StrEnum):
    """The methods that operations use."""

    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path.

    Attributes:
        name: Its `operationId`.
        method: How it is called.
        path: Where, with parameters in braces.
        summary: What it does, in a few words.
        permission: What its caller must be granted.
        codes: Its own error codes.
        success: The status of its success.
        misses: Whether something that it names may not exist (404).
        conflicts: Whether it may contradict the current state (409).
    """

    name: str
    method: Method
    path: str
    summary: str
    permission: Permission
    codes: OperationCodes
    success: HTTPStatus = HTTPStatus.OK
    misses: bool = True
    conflicts: bool = False

    @property
    def takes_body(self) -> bool:
        """Whether it reads a JSON body."""
        return self.method in {Method.POST, Method.PUT, Method.PATCH}
