"""PURE: frozen values of the model as plain JSON, and back.

Whatever field a value has is carried, so that a rule that needs one more finds it in old records' place: a field that a
record lacks gets its default, one that nobody knows any more is left out. Secrets are never carried: a field that is
marked `repr=False`, one whose name says so, and the user part of a URL.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

from pydantic import TypeAdapter

T = TypeVar("T")

_SECRET_NAME = re.compile(r"secret|password|passphrase|token|credential|private_key|api_key", re.IGNORECASE)
_USER_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")

_AS_IT_IS = frozenset({type(None), bool, int, float})

# What there is to know of a kind of value, once it was asked for.
_fields: dict[type, tuple[str, ...]] = {}
_adapters: dict[type, TypeAdapter[Any]] = {}


def plain(value: Any) -> Any:
    """`value` as what JSON knows: dataclasses and mappings become objects, sets are sorted, times are RFC 3339.

    Raises:
        TypeError: There is something in it that has no plain form.
    """
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind in _fields:
        return {name: plain(getattr(value, name)) for name in _fields[kind]}
    match value:
        case (
            None
            | bool()
            | int()
            | float()
            | str()
            | datetime()
            | date()
            | time()
            | timedelta()
            | UUID()
            | Enum()
        ):
            return _scalar(value)
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case tuple() | list():
            return [plain(item) for item in value]
        case AbstractSet():
            return sorted((plain(item) for item in value), key=str)
        case _ if is_dataclass(value):
            return {name: plain(getattr(value, name)) for name in _carried(kind)}
        case _:
            raise TypeError(f"a {type(value).__name__} cannot be kept as evidence")


def _scalar(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case str():
            return _USER_IN_URL.sub("", value)
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case UUID():
            return str(value)
        case _:
            return value


def read_plain(kind: type[T], document: Any) -> T:
    """The value of type `kind` that `plain` made `document` of.

    Raises:
        ValueError: It is none.
    """
    value: T = _adapter(kind).validate_python(document)
    return value


def _carried(kind: type) -> tuple[str, ...]:
    if kind not in _fields:
        _fields[kind] = tuple(
            f.name for f in fields(kind) if f.init and f.repr and _SECRET_NAME.search(f.name) is None
        )
    return _fields[kind]


def _adapter(kind: type) -> TypeAdapter[Any]:
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]
