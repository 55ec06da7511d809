"""What the API says about what bounds automation, read into values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from switchover.cli.times import told


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseView:
    """A pause as the API tells of it."""

    scope: str
    by: str
    reason: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedView:
    """A move that was wanted and that a rule blocked, as the API tells of it."""

    event_type: str
    source_id: str | None
    target_id: str | None
    reason: str
    rule: str
    message: str
    first_at: datetime
    last_at: datetime
    count: int
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomationView:
    """What bounds automation in one scope, as the API tells of it.

    Attributes:
        rules: One sentence for each.
        gates: Name, whether it is on, who set it and when, why.
    """

    scope: str
    pause: PauseView | None
    rules: tuple[str, ...]
    gates: tuple[tuple[str, bool, str, datetime, str], ...]


def pause_view(document: Mapping[str, Any]) -> PauseView:
    """Read a pause."""
    return PauseView(
        scope=document["scope"],
        by=document["by"],
        reason=document["reason"],
        since=datetime.fromisoformat(document["since"]),
        until=told(document.get("until")),
    )


def blocked_view(document: Mapping[str, Any]) -> BlockedView:
    """Read a blocked move."""
    return BlockedView(
        event_type=document["eventType"],
        source_id=document.get("sourceInstanceId"),
        target_id=document.get("targetInstanceId"),
        reason=document["reason"],
        rule=document["rule"],
        message=document["message"],
        first_at=datetime.fromisoformat(document["firstAt"]),
        last_at=datetime.fromisoformat(document["lastAt"]),
        count=document["count"],
        ended_at=told(document.get("endedAt")),
    )


def automation_view(document: Mapping[str, Any]) -> AutomationView:
    """Read what bounds automation in a scope."""
    pause: Mapping[str, Any] | None = document.get("pause")
    return AutomationView(
        scope=document["scope"],
        pause=None if pause is None else pause_view(pause),
        rules=tuple(_rule_sentences(document["rules"])),
        gates=tuple(
            (g["name"], g["isOn"], g["by"], datetime.fromisoformat(g["at"]), g.get("reason") or "")
            for g in document["gates"]
        ),
    )


def _rule_sentences(rules: Mapping[str, Any]) -> Iterator[str]:
    if rules.get("minServing") is not None:
        yield f"at least {rules['minServing']} serving after a move"
    limit = rules.get("moveLimit")
    if limit is not None:
        yield f"at most {limit['moves']} automatic moves in {limit['windowSeconds']:g} s"
    for gate in rules.get("gates") or ():
        yield f"gate {gate} must be on"
    for freeze in rules.get("freezes") or ():
        if freeze.get("startsAt"):
            when = f"from {freeze['startsAt']} to {freeze['endsAt']}"
        else:
            days = ", ".join(freeze["days"])
            when = f"on {days} from {freeze['start']} to {freeze['end']} ({freeze['timeZone']})"
        yield f"freeze {freeze['name']} {when}"
