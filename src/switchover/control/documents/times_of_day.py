"""Times of day and time zones, as fields of documents."""

import re
from datetime import time
from typing import Annotated, Any

from switchover.control.documents.fields import Parsed, Refused
from switchover.model.wall_clock import known_zone

_TIME_OF_DAY = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_MOST_ZONE_CHARACTERS = 64


def _time_of_day(value: Any) -> time:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or re.fullmatch(_TIME_OF_DAY, value) is None:
        raise Refused('allowed is a time of day from "00:00" to "23:59", in quotes in YAML')
    return time.fromisoformat(value)


def _time_zone(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MOST_ZONE_CHARACTERS or known_zone(value) is None:
        raise Refused(
            "allowed is a name of this machine's IANA time zone database, such as Europe/Berlin or UTC"
        )
    return value


TimeOfDay = Annotated[
    time,
    Parsed(
        _time_of_day,
        {"type": "string", "format": "clock-time", "pattern": f"^{_TIME_OF_DAY}$"},
        lambda value: f"{value:%H:%M}",
    ),
]
TimeZone = Annotated[str, Parsed(_time_zone, {"type": "string", "format": "time-zone"})]
