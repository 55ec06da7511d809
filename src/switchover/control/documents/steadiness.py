"""The groups of the configuration that keep a proxy from moving too often: `flapDamping`, `failbackWindow`."""

import re
from datetime import time
from typing import Annotated, Any

from pydantic import Field

from switchover.control.documents.document import Document
from switchover.control.documents.fields import A_DAY_SECONDS, Between, Boolean, Parsed, Refused
from switchover.model.errors import FieldProblem, InvalidInput
from switchover.model.steadiness import FailbackWindow, known_zone

MOST_DWELL_SECONDS = 300
_CLOCK_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_MOST_ZONE_CHARACTERS = 64


def setting(description: str, *, default: Any, alias: str | None = None) -> Any:
    """A field that may be missing (it stays as stored) or null (back to `default`)."""
    return Field(default=None, alias=alias, description=description, json_schema_extra={"default": default})


def _clock_time(value: Any) -> time:
    if not isinstance(value, str) or re.fullmatch(_CLOCK_TIME, value) is None:
        raise Refused('allowed is a time of day from "00:00" to "23:59", in quotes in YAML')
    return time.fromisoformat(value)


def _time_zone(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MOST_ZONE_CHARACTERS or known_zone(value) is None:
        raise Refused(
            "allowed is a name of this machine's IANA time zone database, such as Europe/Berlin or UTC"
        )
    return value


DwellSeconds = Annotated[float, Between(0, MOST_DWELL_SECONDS, "seconds")]
_HalfLife = Annotated[float, Between(1, A_DAY_SECONDS, "seconds")]
_Falls = Annotated[float, Between(0.1, 1000)]
_ClockTime = Annotated[
    time,
    Parsed(
        _clock_time,
        {"type": "string", "format": "clock-time", "pattern": f"^{_CLOCK_TIME}$"},
        lambda value: f"{value:%H:%M}",
    ),
]
_TimeZone = Annotated[str, Parsed(_time_zone, {"type": "string", "format": "time-zone"})]


class FlapDampingDocument(Document):
    """When an instance that keeps falling is left alone, after RFC 2439. Each fall adds 1 to its flap score."""

    enabled: Boolean | None = setting("Whether scores are kept and heeded.", default=True)
    half_life_seconds: _HalfLife | None = setting("How long a score takes to halve.", default=120)
    suppress_limit: _Falls | None = setting("The score at which an instance is suppressed.", default=3)
    reuse_limit: _Falls | None = setting(
        "The score at which it is trusted again; less than suppressLimit.", default=1
    )
    max_hold_seconds: _HalfLife | None = setting(
        "How long it is suppressed after its last fall at the most.", default=600
    )


class FailbackWindowDocument(Document):
    """The part of each day in which an automatic failback may happen. `start` and `end` are required at first."""

    start: _ClockTime | None = Field(default=None, description="When it opens.")
    end: _ClockTime | None = Field(
        default=None, description="When it closes; on the next day when that is before `start`."
    )
    time_zone: _TimeZone | None = setting("On whose clocks: an IANA time zone.", default="UTC")


def failback_window(stored: FailbackWindow | None, document: FailbackWindowDocument) -> FailbackWindow:
    """The window that `document` makes of `stored`.

    Raises:
        InvalidInput: A time is missing, or both are the same.
    """
    given = document.model_fields_set
    start = document.start if "start" in given else stored.start if stored else None
    end = document.end if "end" in given else stored.end if stored else None
    zone = document.time_zone if "time_zone" in given else stored.time_zone if stored else None
    if start is None or end is None:
        missing = "start" if start is None else "end"
        words = "it is required; allowed is a time of day such as 22:30"
        raise InvalidInput(FieldProblem(f"config.failbackWindow.{missing}", None, words))
    if start == end:
        words = "allowed is another time than start; leave the window out to fail back at any time"
        raise InvalidInput(FieldProblem("config.failbackWindow.end", f"{end:%H:%M}", words))
    return FailbackWindow(start=start, end=end, time_zone=zone or "UTC")
