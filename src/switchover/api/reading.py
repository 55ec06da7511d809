"""Reading a request's body: bounded, JSON, and JSON in the strict sense (RFC 8259)."""

import json
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.types import Receive, Scope

from switchover.api.errors import BodyTooLarge, NotJson
from switchover.model.errors import FieldProblem, InvalidInput


class ReadRequest(Request):
    """A request whose body has been read and decoded."""

    def __init__(self, scope: Scope, receive: Receive, *, raw: bytes, document: Any) -> None:
        super().__init__(scope, receive)
        self._raw = raw
        self._document = document

    async def body(self) -> bytes:
        """The bytes as they came."""
        return self._raw

    async def json(self) -> Any:
        """What they say."""
        return self._document


async def read_body(request: Request, most_bytes: int) -> ReadRequest:
    """`request` with its body read.

    Raises:
        BodyTooLarge: It has more than `most_bytes`; the rest is not read.
        NotJson: Its content type is another one.
        InvalidInput: It is not well-formed JSON, names a field twice, or has NaN or Infinity.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most_bytes:
        raise BodyTooLarge(most_bytes)
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > most_bytes:
            raise BodyTooLarge(most_bytes)
    if raw and not _claims_json(request.headers.get("content-type", "")):
        raise NotJson
    document = _decoded(bytes(raw)) if raw else None
    return ReadRequest(request.scope, request.receive, raw=bytes(raw), document=document)


def _claims_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode(), object_pairs_hook=_object, parse_constant=_refused_constant)
    except json.JSONDecodeError as error:
        raise _not_valid(f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise _not_valid("it is not UTF-8") from error
    except RecursionError as error:
        raise _not_valid("it is nested too deeply") from error
    except ValueError as error:
        # Python refuses to read integers of thousands of digits.
        raise _not_valid("a number has too many digits") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(FieldProblem(ascii(twice)[1:-1], None, "it is given twice; allowed is once"))
    # A lone surrogate is no character: no answer or log line could carry the name.
    lone = next((name for name in found if not _is_text(name)), None)
    if lone is not None:
        raise InvalidInput(FieldProblem(ascii(lone)[1:-1], None, "the name has half a character in it"))
    return found


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refused_constant(name: str) -> NoReturn:
    raise _not_valid(f"{name} is not a number of JSON")


def _not_valid(why: str) -> InvalidInput:
    return InvalidInput(FieldProblem("body", None, f"allowed is well-formed JSON: {why}"))
