"""Types of document fields. Each carries its bounds, its JSON Schema and the words for what is allowed."""

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from switchover.model.address import HIGHEST_PORT, is_ip, parse_address
from switchover.model.address import Address as AddressValue
from switchover.model.errors import InvalidInput
from switchover.model.policy import StatusRange
from switchover.model.proxy import RESERVED_PROXY_IDS, check_proxy_id

REFUSED = "refused"
"""Type of every error that these fields raise themselves; its message says what is allowed."""

SHORTEST_SECONDS = 0.05
A_DAY_SECONDS = 86_400.0
MOST_NAME_CHARACTERS = 255
MOST_TEXT_CHARACTERS = 4000
_LOWEST_STATUS, _HIGHEST_STATUS = 100, 599


@dataclass(frozen=True, slots=True)
class Between:
    """A number from `low` to `high`, both included: a JSON number for float, a whole one for int, never a boolean.

    `5.0` is the whole number 5, as in JSON Schema.
    """

    low: float
    high: float
    unit: str = ""

    @property
    def words(self) -> str:
        """What is allowed."""
        unit = f" of {self.unit}" if self.unit else ""
        return f"allowed is a number{unit} from {_plain(self.low)} to {_plain(self.high)}"

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        if source is int:
            whole = core_schema.int_schema(strict=True, ge=int(self.low), le=int(self.high))
            inner: CoreSchema = core_schema.no_info_before_validator_function(_whole, whole)
            words = self.words.replace("a number", "a whole number", 1)
        else:
            inner = core_schema.float_schema(strict=True, ge=self.low, le=self.high, allow_inf_nan=False)
            words = self.words
        return core_schema.custom_error_schema(inner, custom_error_type=REFUSED, custom_error_message=words)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of an enum's values."""

    def __get_pydantic_core_schema__(
        self, source: type[StrEnum], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        words = "allowed are " + ", ".join(member.value for member in source)
        return core_schema.custom_error_schema(
            handler(source), custom_error_type=REFUSED, custom_error_message=words
        )


@dataclass(frozen=True, slots=True)
class Matching:
    """A string that matches `pattern` as a whole; `words` say what that means."""

    pattern: str
    words: str
    most: int

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = core_schema.str_schema(strict=True, pattern=f"^{self.pattern}$", max_length=self.most)
        return core_schema.custom_error_schema(
            inner, custom_error_type=REFUSED, custom_error_message=self.words
        )


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false, and nothing that merely looks like it."""

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.custom_error_schema(
            core_schema.bool_schema(strict=True),
            custom_error_type=REFUSED,
            custom_error_message="allowed are true and false",
        )


class Refused(Exception):  # noqa: N818 - it names a condition
    """A value is not allowed; the message says what is."""


# Compared by identity: Python hashes the parts of a union, and a JSON Schema has no hash.
@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """A value that `parse` reads from JSON; it raises `Refused`. `schema` is its JSON Schema."""

    parse: Callable[[Any], Any]
    schema: Mapping[str, Any]
    write: Callable[[Any], Any] = str

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: Any) -> Any:
            try:
                return self.parse(value)
            except Refused as error:
                raise PydanticCustomError(REFUSED, "{words}", {"words": str(error)}) from error

        return core_schema.no_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(self.write)
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(self.schema)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _plain(number: float) -> str:
    return f"{int(number)}" if number == int(number) else f"{number}"


def _address(value: Any) -> AddressValue:
    if isinstance(value, AddressValue):
        return value
    try:
        return parse_address(value if isinstance(value, str) else "")
    except InvalidInput as error:
        raise Refused(error.problems[0].allowed) from error


def _bind_address(value: Any) -> str:
    words = "allowed is an IPv4 or IPv6 address of this machine, without brackets, such as 127.0.0.1, 0.0.0.0 or ::"
    if not isinstance(value, str) or not is_ip(value) or ipaddress.ip_address(value).is_multicast:
        raise Refused(words)
    return str(ipaddress.ip_address(value))


def _status_range(value: Any) -> StatusRange:
    if isinstance(value, StatusRange):
        return value
    low = high = -1
    value = _whole(value)
    if isinstance(value, int) and not isinstance(value, bool):
        low = high = value
    elif isinstance(value, str) and (match := re.fullmatch(r"([0-9]{3})(?:-([0-9]{3}))?", value)):
        low, high = int(match[1]), int(match[2] or match[1])
    if not _LOWEST_STATUS <= low <= high <= _HIGHEST_STATUS:
        raise Refused('allowed is a status from 100 to 599 or a range such as "200-299"')
    return StatusRange(low, high)


def _off_or_seconds(value: Any) -> float:
    allowed = isinstance(value, int | float) and not isinstance(value, bool)
    if not allowed or not (value == 0 or SHORTEST_SECONDS <= value <= A_DAY_SECONDS):
        raise Refused("allowed is 0, which turns it off, or a number of seconds from 0.05 to 86400")
    return float(value)


def _proxy_id(value: Any) -> str:
    try:
        return check_proxy_id(value)
    except InvalidInput as error:
        raise Refused(error.problems[0].allowed) from error


def _id(value: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    # UUID() also takes braces, a urn prefix and misplaced hyphens; one spelling per id is enough.
    if isinstance(value, str) and re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value):
        return UUID(value)
    raise Refused("allowed is a UUID such as 01980f3c-0000-7000-8000-000000000001")


def _moment(value: Any) -> datetime:
    words = "allowed is a date and time with its offset (RFC 3339), such as 2026-01-31T12:00:00Z"
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise Refused(words)
        return moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError) as error:
        raise Refused(words) from error


_JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiner: format characters that scripts and emoji need within a word."""


def _printable(most: int) -> Callable[[Any], str]:
    words = f"allowed are 1 to {most} printable characters, none of them a control character, no space at either end"

    def parse(value: Any) -> str:
        if (
            not isinstance(value, str)
            or not 1 <= len(value) <= most
            or value != value.strip()
            or not all(character.isprintable() or character in _JOINERS for character in value)
        ):
            raise Refused(words)
        return value

    return parse


def _free_text(value: Any) -> str:
    if (
        not isinstance(value, str)
        or not 1 <= len(value) <= MOST_TEXT_CHARACTERS
        or any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t" for c in value)
    ):
        raise Refused(
            f"allowed are 1 to {MOST_TEXT_CHARACTERS} characters, no control character but tab and newline"
        )
    return value


def _text_schema(most: int) -> Mapping[str, Any]:
    return {"type": "string", "format": "printable", "minLength": 1, "maxLength": most}


Seconds = Annotated[float, Between(SHORTEST_SECONDS, A_DAY_SECONDS, "seconds")]
ShortSeconds = Annotated[float, Between(SHORTEST_SECONDS, 300, "seconds")]
OffOrSeconds = Annotated[
    float,
    Parsed(
        _off_or_seconds,
        {
            "anyOf": [
                {"type": "number", "const": 0},
                {"type": "number", "minimum": SHORTEST_SECONDS, "maximum": A_DAY_SECONDS},
            ]
        },
        float,
    ),
]
Threshold = Annotated[int, Between(1, 100)]
Boolean = Annotated[bool, Flag()]
Port = Annotated[int, Between(1, HIGHEST_PORT)]
Address = Annotated[AddressValue, Parsed(_address, {"type": "string", "format": "host-port"})]
BindAddress = Annotated[str, Parsed(_bind_address, {"type": "string", "format": "bind-address"})]
Statuses = Annotated[
    StatusRange,
    Parsed(
        _status_range,
        {
            "anyOf": [
                {"type": "integer", "minimum": _LOWEST_STATUS, "maximum": _HIGHEST_STATUS},
                {"type": "string", "format": "status-range"},
            ]
        },
    ),
]
ProxyId = Annotated[
    str,
    Parsed(
        _proxy_id,
        {
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
            "not": {"enum": sorted(RESERVED_PROXY_IDS)},
            "examples": ["web"],
        },
    ),
]
Id = Annotated[UUID, Parsed(_id, {"type": "string", "format": "uuid"})]
Moment = Annotated[datetime, Parsed(_moment, {"type": "string", "format": "date-time"}, datetime.isoformat)]
Name = Annotated[str, Parsed(_printable(MOST_NAME_CHARACTERS), _text_schema(MOST_NAME_CHARACTERS))]
Label = Annotated[str, Parsed(_printable(63), _text_schema(63))]
Sentence = Annotated[str, Parsed(_printable(500), _text_schema(500))]
Text = Annotated[
    str,
    Parsed(
        _free_text,
        {"type": "string", "format": "text", "minLength": 1, "maxLength": MOST_TEXT_CHARACTERS},
    ),
]
RequestPath = Annotated[
    str,
    Matching(
        '/[!"$-~]*',
        "allowed is a path that begins with / and has no space, control character, # or letter beyond ASCII",
        2048,
    ),
]
HostHeader = Annotated[
    str,
    Matching(
        r"([A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?",
        "allowed is a host name or an IP address, with or without a port, such as web.example or [2001:db8::7]:8080",
        261,
    ),
]
ServerName = Annotated[
    str,
    Matching(
        "[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?", "allowed is a host name such as web.example", 253
    ),
]
ServiceName = Annotated[
    str, Matching("[A-Za-z0-9_./-]*", "allowed are letters, digits, dots, slashes, hyphens", 255)
]
