"""Freezes by the wall clock of a time zone."""

from datetime import UTC, datetime, time

import pytest

from switchover.model.rules import Freeze, Weekday

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def weekly(days: str, start: str, end: str, zone: str = BERLIN) -> Freeze:
    return Freeze(
        name="night",
        days=tuple(Weekday(day) for day in days.split()),
        start=time.fromisoformat(start),
        end=time.fromisoformat(end),
        time_zone=zone,
    )


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ("2026-01-09T22:00:00+01:00", "2026-01-10T06:00:00+01:00"),  # a Friday
        ("2026-01-10T05:59:59+01:00", "2026-01-10T06:00:00+01:00"),
        ("2026-01-10T06:00:00+01:00", None),
        ("2026-01-09T21:59:59+01:00", None),
        ("2026-01-10T23:00:00+01:00", None),  # Saturday evening is none of Friday's
    ],
)
def test_a_night_lasts_over_midnight_and_belongs_to_the_day_on_which_it_begins(
    now: str, ends: str | None
) -> None:
    expected = None if ends is None else at(ends)
    assert weekly("fri", "22:00", "06:00").ends_after(at(now)) == expected


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        # Clocks go forward at 02:00 on 29 March 2026: the night is an hour shorter.
        ("2026-03-28T23:30:00+01:00", "2026-03-29T06:00:00+02:00"),
        ("2026-03-29T05:30:00+02:00", "2026-03-29T06:00:00+02:00"),
        # And back at 03:00 on 25 October 2026: it is an hour longer.
        ("2026-10-25T02:30:00+02:00", "2026-10-25T06:00:00+01:00"),
        ("2026-10-25T02:30:00+01:00", "2026-10-25T06:00:00+01:00"),
    ],
)
def test_a_night_in_which_clocks_change_ends_by_the_wall_clock(now: str, ends: str) -> None:
    assert weekly("sat", "22:00", "06:00").ends_after(at(now)) == at(ends)


def test_a_time_that_is_skipped_or_repeated_is_taken_by_the_offset_before() -> None:
    skipped = weekly("sun", "02:30", "04:00")
    assert skipped.ends_after(at("2026-03-29T03:30:00+02:00")) == at("2026-03-29T04:00:00+02:00")
    assert skipped.ends_after(at("2026-03-29T01:29:59+01:00")) is None
    repeated = weekly("sun", "00:00", "02:30")
    assert repeated.ends_after(at("2026-10-25T02:29:00+02:00")) == at("2026-10-25T02:30:00+02:00")
    assert repeated.ends_after(at("2026-10-25T02:15:00+01:00")) is None


def test_the_same_time_twice_is_a_whole_day() -> None:
    day = weekly("mon", "00:00", "00:00", "UTC")
    assert day.ends_after(at("2026-01-05T00:00:00Z")) == at("2026-01-06T00:00:00Z")
    assert day.ends_after(at("2026-01-05T23:59:59Z")) == at("2026-01-06T00:00:00Z")
    assert day.ends_after(at("2026-01-06T00:00:00Z")) is None


def test_a_single_span_holds_its_first_moment_and_not_its_last() -> None:
    first, last = at("2026-01-05T10:00:00Z"), at("2026-01-05T11:00:00Z")
    freeze = Freeze(name="release", starts_at=first, ends_at=last)
    assert freeze.ends_after(first) == last
    assert freeze.ends_after(last) is None


def test_a_zone_that_this_machine_does_not_know_is_read_as_utc() -> None:
    night = weekly("fri", "22:00", "06:00", "Atlantis/Capital")
    assert night.ends_after(at("2026-01-09T22:00:00Z")) == at("2026-01-10T06:00:00Z")
