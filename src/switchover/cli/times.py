"""Durations and moments as people type and read them, and as the API tells them."""

import re
from datetime import UTC, datetime

from switchover.cli.failures import wrong_usage

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>[smhd]?)")


def seconds(option: str, text: str) -> float:
    """A duration in seconds: `90`, `90s`, `15m`, `2h`, `1d`.

    Raises:
        CommandFailed: It is none.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise wrong_usage(f"{option}: {text!r} is not valid; allowed are durations such as 90s, 15m, 2h, 1d")
    return float(match["number"]) * _UNITS[match["unit"] or "s"]


def moment(option: str, text: str) -> datetime:
    """A moment with its offset.

    Raises:
        CommandFailed: It is none.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise wrong_usage(
            f"{option}: {text!r} is not valid; allowed is a time with its offset, such as 2026-01-31T22:00:00Z"
        )
    return found.astimezone(UTC)


def shown(at: datetime) -> str:
    """A moment for people."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def told(text: str | None) -> datetime | None:
    """A moment as the API tells it; None for none."""
    return None if text is None else datetime.fromisoformat(text)
