"""The base of every document, and how its mistakes become `InvalidInput`."""

import difflib
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from switchover.control.documents.fields import REFUSED
from switchover.model.errors import FieldProblem, InvalidInput

MOST_PROBLEMS = 50
"""How many problems one error lists; a body of nothing but unknown fields stays readable."""
_MOST_SHOWN_CHARACTERS = 200
_SECRETS = frozenset({"secret"})
"""Fields whose values are never repeated."""
_MOST_SHOWN_NUMBER = 10**15


class Document(BaseModel):
    """A JSON object in the API's names. A field it does not know is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    def given(self) -> dict[str, Any]:
        """The fields that were sent, by attribute name; an explicit null is None."""
        return {name: getattr(self, name) for name in self.model_fields_set}

    def as_sent(self) -> dict[str, Any]:
        """The fields that were sent, as JSON in the API's names."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


D = TypeVar("D", bound=Document)
C = TypeVar("C", bound=StrEnum)


def read(document: type[D], data: Any, prefix: str = "") -> D:
    """`data` as a `document`.

    Raises:
        InvalidInput: With every problem of every field; `prefix` (such as `config`) leads each field's path.
    """
    try:
        return document.model_validate(data)
    except ValidationError as error:
        raise InvalidInput(*problems_of(error.errors(include_url=False), document, prefix)) from error


def read_choice(kind: type[C], field: str, text: object) -> C:
    """The member of `kind` that `text` names.

    Raises:
        InvalidInput: It names none; the problem is `field`'s.
    """
    if isinstance(text, str) and text in set(kind):
        return kind(text)
    raise InvalidInput(FieldProblem(field, text, f"allowed are {', '.join(kind)}"))


def problems_of(
    errors: Iterable[Mapping[str, Any]], document: type[BaseModel] | None, prefix: str = ""
) -> Sequence[FieldProblem]:
    """Pydantic's errors about `document` in the project's words, at most `MOST_PROBLEMS`."""
    problems = []
    for error in errors:
        location: tuple[str | int, ...] = tuple(error["loc"])
        problems.append(
            FieldProblem(
                _path(prefix, location) or "body",
                None if location and location[-1] in _SECRETS else _shown(error),
                _allowed(error, location, document),
            )
        )
    return problems[:MOST_PROBLEMS]


def _allowed(
    error: Mapping[str, Any], location: tuple[str | int, ...], document: type[BaseModel] | None
) -> str:
    match error["type"]:
        case kind if kind == REFUSED:
            return str(error["msg"])
        case "extra_forbidden":
            return _known_fields(str(location[-1]), _document_at(document, location[:-1]))
        case "missing":
            return "it is required"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "allowed is an object"
        case "list_type" | "tuple_type":
            return "allowed is a list"
        case _:
            return f"allowed: {error['msg']}"


def _known_fields(unknown: str, document: type[BaseModel] | None) -> str:
    known = [field.alias or name for name, field in document.model_fields.items()] if document else []
    return no_such("field", unknown, known)


def no_such(kind: str, unknown: str, known: Sequence[str], *, prefix: str = "") -> str:
    """What is allowed in the place of `unknown`, which is no `kind` that we know, and the nearest of `known`.

    A `prefix` that all of them have says nothing about which is near.
    """
    by_tail = {name.removeprefix(prefix): name for name in known}
    nearest = difflib.get_close_matches(unknown.removeprefix(prefix), by_tail, n=1)
    hint = f"did you mean {by_tail[nearest[0]]}? " if nearest else ""
    return f"there is no such {kind}; {hint}allowed are {', '.join(known)}"


def _document_at(document: type[BaseModel] | None, location: tuple[str | int, ...]) -> type[BaseModel] | None:
    for step in location:
        if document is None:
            return None
        field = next((f for name, f in document.model_fields.items() if step in {f.alias, name}), None)
        document = _document_of(field)
    return document


def _document_of(field: FieldInfo | None) -> type[BaseModel] | None:
    if field is None:
        return None
    kinds = (field.annotation, *get_args(field.annotation))
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)


def _path(prefix: str, location: tuple[str | int, ...]) -> str:
    path = prefix
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def _shown(error: Mapping[str, Any]) -> Any:
    # The value goes into logs and answers: bounded, and always something that JSON can carry.
    value = None if error["type"] == "missing" else error["input"]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        # Beyond this, as for NaN and infinities, no two programs read a JSON number alike (RFC 8259 section 6).
        return value if abs(value) < _MOST_SHOWN_NUMBER else "a number that JSON does not carry"
    if isinstance(value, str):
        return value if len(value) <= _MOST_SHOWN_CHARACTERS else value[:_MOST_SHOWN_CHARACTERS] + "…"
    try:
        return reprlib.repr(value)
    except ValueError:  # Python writes no integer of thousands of digits.
        return f"a {type(value).__name__}"
