"""Safety rules, pauses and gates as people send them: `config.rules` of a proxy, and what is set for wider scopes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from switchover.control.documents.document import Document, read
from switchover.control.documents.fields import (
    A_DAY_SECONDS,
    Between,
    Boolean,
    Choice,
    Label,
    Matching,
    Moment,
    Sentence,
)
from switchover.control.documents.times_of_day import TimeOfDay, TimeZone
from switchover.model.errors import FieldProblem, InvalidInput
from switchover.model.proxy import check_proxy_id
from switchover.model.rules import (
    FLEET,
    NO_RULES,
    Freeze,
    MoveLimit,
    SafetyRules,
    Scope,
    ScopeKind,
    Weekday,
    scope_of_proxy,
    scope_of_user,
)

MOST_GATES = 20
MOST_FREEZES = 50
LONGEST_WINDOW_SECONDS = 7 * A_DAY_SECONDS
LONGEST_PAUSE_SECONDS = 365 * A_DAY_SECONDS
MOST_USER_CHARACTERS = 255
SCOPE_WORDS = "allowed are fleet, user:NAME (user:me is the caller) and proxy:ID"
SCOPE_PATTERN = r"(fleet|user:[!-.0-~]{1,255}|proxy:[A-Za-z0-9][A-Za-z0-9._-]{0,62})"
"""A user's name in a path is of visible ASCII without a slash; others reach their own scope as `user:me`."""
_GATE = "[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
_GATE_WORDS = "1 to 63 letters, digits, dots, underscores and hyphens, the first a letter or digit"

GateName = Annotated[str, Matching(_GATE, f"allowed are {_GATE_WORDS}", 63)]
GateReference = Annotated[
    str,
    Matching(
        f"(fleet/)?{_GATE}", f"allowed are {_GATE_WORDS}; fleet/ before it names a gate of the fleet", 69
    ),
]


class MoveLimitDocument(Document):
    """At most so many automatic moves within any span of that length. The first active of a proxy does not count."""

    moves: Annotated[int, Between(1, 10_000)] = Field(description="How many.")
    window_seconds: Annotated[float, Between(1, LONGEST_WINDOW_SECONDS, "seconds")] = Field(
        description="Within how long."
    )


class FreezeDocument(Document):
    """A span of time in which nothing moves: `startsAt` and `endsAt`, or each week `days`, `start` and `end`."""

    name: Label = Field(description="What people call it; unique among these.")
    starts_at: Moment | None = Field(default=None, description="Of a single span: its first moment.")
    ends_at: Moment | None = Field(default=None, description="Of a single span: the first moment after it.")
    days: Annotated[list[Annotated[Weekday, Choice()]], Field(min_length=1, max_length=7)] | None = Field(
        default=None, description="Of a weekly one: the days on which it begins."
    )
    start: TimeOfDay | None = Field(default=None, description='When it begins, such as "22:00".')
    end: TimeOfDay | None = Field(
        default=None, description="When it ends; on the day after when that is not after `start`."
    )
    time_zone: TimeZone | None = Field(default=None, description="Of a weekly one; UTC by default.")


class RulesDocument(Document):
    """Safety rules. A field that is missing stays as it is stored; null puts it back to its default."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "minServing": 2,
                    "moveLimit": {"moves": 5, "windowSeconds": 3600},
                    "gates": ["deploys-are-done"],
                    "freezes": [{"name": "night", "days": ["sat", "sun"], "start": "22:00", "end": "06:00"}],
                }
            ]
        }
    )

    min_serving: Annotated[int, Between(1, 1000)] | None = Field(
        default=None,
        description="How many instances of a proxy must be healthy and ready after a move; null for any number. "
        "A move away from an active that is unhealthy or gone is not bound.",
    )
    move_limit: MoveLimitDocument | None = Field(
        default=None, description="How many automatic moves there may be; null for any number."
    )
    gates: Annotated[list[GateReference], Field(max_length=MOST_GATES)] | None = Field(
        default=None,
        description="Gates that must be on: the user's by name, the fleet's as fleet/NAME. One that nobody set is off.",
        json_schema_extra={"default": []},
    )
    freezes: Annotated[list[FreezeDocument], Field(max_length=MOST_FREEZES)] | None = Field(
        default=None, description="When nothing moves.", json_schema_extra={"default": []}
    )


class PauseDocument(Document):
    """Automation is to stop."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "Network work until noon", "forSeconds": 7200}]}
    )

    reason: Sentence = Field(description="Why; whoever looks at the status reads it.")
    until: Moment | None = Field(
        default=None, description="When it ends by itself; not together with forSeconds."
    )
    for_seconds: Annotated[float, Between(1, LONGEST_PAUSE_SECONDS, "seconds")] | None = Field(
        default=None, description="After how long it ends by itself."
    )


class GateDocument(Document):
    """How a gate is to stand."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"isOn": True, "reason": "Deploy 4711 is done"}]}
    )

    is_on: Boolean = Field(description="Whether automation may pass.")
    reason: Sentence | None = Field(default=None, description="Why, for whoever looks.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseData:
    """What a pause says."""

    reason: str
    until: datetime | None


def merged_rules(stored: SafetyRules, document: RulesDocument, prefix: str = "") -> SafetyRules:
    """The rules that `document` makes of `stored`.

    Raises:
        InvalidInput: Freezes are neither single spans nor weekly ones, end before they begin, or share a name.
    """
    given = document.given()
    changes: dict[str, Any] = {}
    for name, value in given.items():
        match name, value:
            case _, None:
                changes[name] = getattr(NO_RULES, name)
            case "move_limit", MoveLimitDocument():
                changes[name] = MoveLimit(moves=value.moves, window_seconds=value.window_seconds)
            case "freezes", _:
                changes[name] = _freezes(value, f"{prefix}freezes")
            case "gates", _:
                changes[name] = tuple(dict.fromkeys(value))
            case _:
                changes[name] = value
    return replace(stored, **changes)


def parse_rules(data: Mapping[str, Any]) -> SafetyRules:
    """The rules that `data` says, the whole of them.

    Raises:
        InvalidInput: With every problem.
    """
    return merged_rules(NO_RULES, read(RulesDocument, data))


def rules_document(rules: SafetyRules) -> dict[str, Any]:
    """`rules` as JSON in the API's names."""
    limit = rules.move_limit
    return {
        "minServing": rules.min_serving,
        "moveLimit": None if limit is None else {"moves": limit.moves, "windowSeconds": limit.window_seconds},
        "gates": list(rules.gates),
        "freezes": [_freeze_document(freeze) for freeze in rules.freezes],
    }


def parse_pause(data: Mapping[str, Any], now: datetime) -> PauseData:
    """The pause that `data` asks for at `now`.

    Raises:
        InvalidInput: With every problem.
    """
    document = read(PauseDocument, data)
    until = document.until
    if until is not None and document.for_seconds is not None:
        raise InvalidInput(
            FieldProblem("forSeconds", document.for_seconds, "allowed is either this or until")
        )
    if until is not None and until <= now:
        raise InvalidInput(FieldProblem("until", until.isoformat(), "allowed is a time that lies ahead"))
    if document.for_seconds is not None:
        until = now + timedelta(seconds=document.for_seconds)
    return PauseData(reason=document.reason, until=until)


def parse_gate(data: Mapping[str, Any]) -> GateDocument:
    """How a gate is to stand.

    Raises:
        InvalidInput: With every problem.
    """
    return read(GateDocument, data)


def check_gate_name(name: object) -> str:
    """The name itself when it is well formed.

    Raises:
        InvalidInput: It has another shape.
    """
    if not isinstance(name, str) or re.fullmatch(_GATE, name) is None:
        raise InvalidInput(FieldProblem("gate", name, f"allowed are {_GATE_WORDS}"))
    return name


def parse_scope(text: object, user_id: str) -> Scope:
    """The scope that `text` names; `user:me` is that of `user_id`.

    Raises:
        InvalidInput: It names none.
    """
    kind, _, name = text.partition(":") if isinstance(text, str) else ("", "", "")
    match kind:
        case ScopeKind.FLEET.value if text == str(FLEET):
            return FLEET
        case ScopeKind.USER.value if 1 <= len(name) <= MOST_USER_CHARACTERS and name.isprintable():
            return scope_of_user(user_id if name == "me" else name)
        case ScopeKind.PROXY.value if name:
            try:
                return scope_of_proxy(check_proxy_id(name))
            except InvalidInput as error:
                raise InvalidInput(FieldProblem("scope", text, error.problems[0].allowed)) from error
        case _:
            raise InvalidInput(FieldProblem("scope", text, SCOPE_WORDS))


def _freezes(documents: list[FreezeDocument], field: str) -> tuple[Freeze, ...]:
    freezes = tuple(_freeze(document, f"{field}[{number}]") for number, document in enumerate(documents))
    names = [freeze.name for freeze in freezes]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise InvalidInput(
                FieldProblem(f"{field}[{number}].name", name, "allowed is a name that is free")
            )
    return freezes


def _freeze(document: FreezeDocument, field: str) -> Freeze:
    once = (document.starts_at, document.ends_at)
    weekly = (document.days, document.start, document.end)
    if None not in once and all(each is None for each in (*weekly, document.time_zone)):
        starts_at, ends_at = once
        if starts_at is None or ends_at is None or ends_at <= starts_at:
            allowed = f"allowed is a time after startsAt, which is {starts_at}"
            raise InvalidInput(FieldProblem(f"{field}.endsAt", str(ends_at), allowed))
        return Freeze(name=document.name, starts_at=starts_at, ends_at=ends_at)
    days, start, end = weekly
    if days is None or start is None or end is None or once != (None, None):
        allowed = "allowed are either startsAt and endsAt, or days, start and end (and timeZone)"
        raise InvalidInput(FieldProblem(field, document.name, allowed))
    return Freeze(
        name=document.name,
        days=tuple(day for day in Weekday if day in days),
        start=start,
        end=end,
        time_zone=document.time_zone or "UTC",
    )


def _freeze_document(freeze: Freeze) -> dict[str, Any]:
    if freeze.starts_at is not None and freeze.ends_at is not None:
        return {
            "name": freeze.name,
            "startsAt": _text(freeze.starts_at),
            "endsAt": _text(freeze.ends_at),
        }
    return {
        "name": freeze.name,
        "days": [day.value for day in freeze.days],
        "start": f"{freeze.start:%H:%M}",
        "end": f"{freeze.end:%H:%M}",
        "timeZone": freeze.time_zone,
    }


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
