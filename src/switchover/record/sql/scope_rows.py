"""Pauses, rules and gates as documents of a row, and back."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import Row, null

from switchover.model.rules import (
    NO_RULES,
    Freeze,
    Gate,
    MoveLimit,
    Pause,
    SafetyRules,
    Scope,
    ScopeKind,
    ScopeStanding,
    Weekday,
)


def rules_document(rules: SafetyRules) -> Any:
    """The column of `rules`; SQL's null for none."""
    if rules == NO_RULES:
        return null()
    limit = rules.move_limit
    return {
        "min_serving": rules.min_serving,
        "move_limit": None
        if limit is None
        else {"moves": limit.moves, "window_seconds": limit.window_seconds},
        "gates": list(rules.gates),
        "freezes": [_freeze_document(freeze) for freeze in rules.freezes],
    }


def rules_of(document: Mapping[str, Any] | None) -> SafetyRules:
    """The rules in a column."""
    if document is None:
        return NO_RULES
    limit = document["move_limit"]
    return SafetyRules(
        min_serving=document["min_serving"],
        move_limit=None if limit is None else MoveLimit(**limit),
        gates=tuple(document["gates"]),
        freezes=tuple(_freeze_of(freeze) for freeze in document["freezes"]),
    )


def standing_columns(standing: ScopeStanding) -> dict[str, Any]:
    """The columns of `automation_scopes` that people decide."""
    gates = [
        {"name": g.name, "is_on": g.is_on, "by": g.by, "at": g.at.isoformat(), "reason": g.reason}
        for g in standing.gates
    ]
    return {
        "pause": null() if standing.pause is None else _pause_document(standing.pause),
        "rules": rules_document(standing.rules),
        "gates": gates or null(),
    }


def standing_of(row: Row[*tuple[Any, ...]]) -> ScopeStanding:
    """What is set in the scope of a row of `automation_scopes`."""
    kind, _, name = row.scope.partition(":")
    return ScopeStanding(
        scope=Scope(ScopeKind(kind), name),
        pause=_pause_of(row.pause),
        rules=rules_of(row.rules),
        gates=_gates_of(row.gates or ()),
    )


def _pause_document(pause: Pause) -> dict[str, Any]:
    return {
        "by": pause.by,
        "reason": pause.reason,
        "since": pause.since.isoformat(),
        "until": _text(pause.until),
    }


def _pause_of(document: Mapping[str, Any] | None) -> Pause | None:
    if document is None:
        return None
    return Pause(
        by=document["by"],
        reason=document["reason"],
        since=_time(document["since"]),
        until=None if document["until"] is None else _time(document["until"]),
    )


def _gates_of(documents: Sequence[Mapping[str, Any]]) -> tuple[Gate, ...]:
    return tuple(Gate(**{**document, "at": _time(document["at"])}) for document in documents)


def _freeze_document(freeze: Freeze) -> dict[str, Any]:
    return {
        "name": freeze.name,
        "starts_at": _text(freeze.starts_at),
        "ends_at": _text(freeze.ends_at),
        "days": [day.value for day in freeze.days],
        "start": freeze.start.isoformat(),
        "end": freeze.end.isoformat(),
        "time_zone": freeze.time_zone,
    }


def _freeze_of(document: Mapping[str, Any]) -> Freeze:
    once = document["starts_at"] is not None
    return Freeze(
        name=document["name"],
        starts_at=_time(document["starts_at"]) if once else None,
        ends_at=_time(document["ends_at"]) if once else None,
        days=tuple(Weekday(day) for day in document["days"]),
        start=time.fromisoformat(document["start"]),
        end=time.fromisoformat(document["end"]),
        time_zone=document["time_zone"],
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
