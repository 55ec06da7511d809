"""The groups of the configuration that keep a proxy from moving too often: `flapDamping`, `failbackWindow`."""

from typing import Annotated, Any

from pydantic import Field

from switchover.control.documents.document import Document
from switchover.control.documents.fields import A_DAY_SECONDS, Between, Boolean
from switchover.control.documents.times_of_day import TimeOfDay, TimeZone
from switchover.model.errors import FieldProblem, InvalidInput
from switchover.model.steadiness import FailbackWindow

MOST_DWELL_SECONDS = 300


def setting(description: str, *, default: Any, alias: str | None = None) -> Any:
    """A field that may be missing (it stays as stored) or null (back to `default`)."""
    return Field(default=None, alias=alias, description=description, json_schema_extra={"default": default})


DwellSeconds = Annotated[float, Between(0, MOST_DWELL_SECONDS, "seconds")]
_HalfLife = Annotated[float, Between(1, A_DAY_SECONDS, "seconds")]
_Falls = Annotated[float, Between(0.1, 1000)]


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

    start: TimeOfDay | None = Field(default=None, description="When it opens.")
    end: TimeOfDay | None = Field(
        default=None, description="When it closes; on the next day when that is before `start`."
    )
    time_zone: TimeZone | None = setting("On whose clocks: an IANA time zone.", default="UTC")


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
