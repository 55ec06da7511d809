"""Durations and moments as people type and read them, and as the API tells them."""

import re
from datetime import UTC, datetime

from switchover.cli.failures import wrong_usage

_DAY_SECONDS = 86_400.0
_LONGEST_SECONDS = 366 * _DAY_SECONDS
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": _DAY_SECONDS}
_DURATION = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)(?P<unit>[smhd])")


def seconds(option: str, text: str, *, may_be_zero: bool = False) -> float:
    """Seconds of a duration such as `90s`, `1.5m`, `24h` or `30d`, given to `option`.

    Raises:
        CommandFailed: It has another shape, or is 0 and must not be, or is more than 366 days.
    """
    match = _DURATION.fullmatch(text)
    found = -1.0 if match is None else float(match["number"]) * _UNITS[match["unit"]]
    if not 0 <= found <= _LONGEST_SECONDS or (found == 0 and not may_be_zero):
        raise wrong_usage(
            f"{option}: {text!r} is not valid; allowed is a number and s, m, h or d, at most 366d"
        )
    return found


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
