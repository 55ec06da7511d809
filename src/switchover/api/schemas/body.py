"""The bases of every answer: the two envelopes."""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from switchover.api.errors import Code

T = TypeVar("T")


class Body(BaseModel):
    """A JSON object that we send."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, validate_by_name=True, extra="forbid")


class Answer(Body, Generic[T]):
    """A success."""

    data: T = Field(description="What was asked for, or what it is after the change.")
    message: str = Field(default="", description="What happened, for people; missing where nothing did.")


class Listing(Body, Generic[T]):
    """A success with several items."""

    data: list[T] = Field(description="The items.")
    count: int = Field(description="How many items are in `data`.")


class Page(Body, Generic[T]):
    """A success with a part of many items."""

    data: list[T] = Field(description="The items of this page.")
    count: int = Field(description="How many items are in `data`.")
    total: int = Field(description="How many there are for this caller.")
    next_after: str | None = Field(description="Give it as `after` for the next page; null on the last.")


class FieldProblemBody(Body):
    """One thing wrong with one field."""

    field: str = Field(description="Its path, such as config.listener.port.")
    value: Any = Field(description="What was given, shortened when it is long; null when it is missing.")
    allowed: str = Field(description="What is allowed.")


class ErrorDetails(Body):
    """What helps to mend it; which fields are there depends on the error."""

    problems: list[FieldProblemBody] = Field(default=[], description="For 400: every problem of every field.")
    state: dict[str, Any] = Field(default={}, description="For 409: the current state.")
    request_id: str = Field(default="", description="For 500 and 503: name it when you ask about it.")


class ErrorContent(Body):
    """A failure."""

    code: Code = Field(description="Stable; the documentation lists every code.")
    message: str = Field(description="What is wrong, for people.")
    status_code: int = Field(description="The HTTP status.")
    details: ErrorDetails = Field(default=ErrorDetails(), description="More about it; may be missing.")


class ErrorAnswer(Body):
    """The envelope of every failure."""

    error: ErrorContent
