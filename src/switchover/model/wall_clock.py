"""Times of day on the clocks of a time zone: the spans that `failbackWindow` and weekly freezes are made of."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAY = timedelta(days=1)


def known_zone(name: str) -> ZoneInfo | None:
    """The time zone of this name; None when this machine's time zone database has none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def daily_spans(
    start: time, end: time, zone: tzinfo, now: datetime, *, days_ahead: int = 0
) -> Iterator[tuple[date, datetime, datetime]]:
    """The span from `start` to `end` of each day, from yesterday to `days_ahead` days after today, with its day, in order.

    An `end` that is not after `start` is on the next day. A time that a change of clocks skips is read on the clock before
    it, so an hour later; one that comes twice, the first time. So a span may end before it begins: it is empty then.
    """
    today = now.astimezone(zone).date()
    for ahead in range(-1, days_ahead + 1):
        day = today + ahead * _DAY
        last_day = day if start < end else day + _DAY
        yield day, _moment(day, start, zone), _moment(last_day, end, zone)


def _moment(day: date, at: time, zone: tzinfo) -> datetime:
    # In UTC, because two times of one zone are compared by their digits, whatever the offset.
    return datetime.combine(day, at, zone).astimezone(UTC)
