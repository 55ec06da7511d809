from datetime import UTC, datetime, time, timedelta

import pytest

from switchover.model.steadiness import FailbackWindow, FlapDamping, flap_damping_problems
from switchover.model.wall_clock import known_zone

BERLIN = "Europe/Berlin"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def window(start: str, end: str, zone: str = "UTC") -> FailbackWindow:
    return FailbackWindow(start=time.fromisoformat(start), end=time.fromisoformat(end), time_zone=zone)


@pytest.mark.parametrize(
    ("start", "end", "now", "opens"),
    [
        ("08:00", "10:00", "2026-01-15T07:59", "2026-01-15T08:00"),
        ("08:00", "10:00", "2026-01-15T08:00", "2026-01-15T08:00"),
        ("08:00", "10:00", "2026-01-15T09:59", "2026-01-15T09:59"),
        ("08:00", "10:00", "2026-01-15T10:00", "2026-01-16T08:00"),
        ("22:00", "02:00", "2026-01-15T23:00", "2026-01-15T23:00"),
        ("22:00", "02:00", "2026-01-15T01:59", "2026-01-15T01:59"),
        ("22:00", "02:00", "2026-01-15T02:00", "2026-01-15T22:00"),
        ("00:00", "06:00", "2026-01-15T06:00", "2026-01-16T00:00"),
    ],
)
def test_a_window_opens_every_day(start: str, end: str, now: str, opens: str) -> None:
    assert window(start, end).next_opening(utc(now)) == utc(opens)


@pytest.mark.parametrize(
    ("start", "end", "now", "opens"),
    [
        # Winter is UTC+1, summer UTC+2.
        ("08:00", "10:00", "2026-01-15T06:00", "2026-01-15T07:00"),
        ("08:00", "10:00", "2026-07-15T05:00", "2026-07-15T06:00"),
        # Summer time begins on 2026-03-29 at 01:00 UTC: 02:00 to 03:00 does not exist.
        ("02:30", "05:00", "2026-03-29T00:00", "2026-03-29T01:30"),
        ("02:15", "02:45", "2026-03-29T00:00", "2026-03-29T01:15"),
        ("02:30", "03:10", "2026-03-29T00:00", "2026-03-30T00:30"),
        # It ends on 2026-10-25 at 01:00 UTC: 02:00 to 03:00 comes twice, the first time counts.
        ("02:30", "05:00", "2026-10-25T00:00", "2026-10-25T00:30"),
        ("02:15", "02:45", "2026-10-25T00:50", "2026-10-26T01:15"),
        ("22:00", "04:00", "2026-10-24T21:00", "2026-10-24T21:00"),
    ],
)
def test_a_window_is_read_on_its_own_clocks(start: str, end: str, now: str, opens: str) -> None:
    assert window(start, end, BERLIN).next_opening(utc(now)) == utc(opens)


def test_whatever_the_day_a_window_opens_within_two_and_is_open_then() -> None:
    nightly = window("02:30", "03:10", BERLIN)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(24 * 400):
        now += timedelta(hours=1)
        opens = nightly.next_opening(now)
        assert opens is not None
        assert now <= opens <= now + timedelta(days=2)
        assert nightly.next_opening(opens) == opens


def test_an_unknown_zone_never_opens() -> None:
    for name in ("Atlantis/Capital", "../../etc/passwd", "", "Europe"):
        assert known_zone(name) is None
        assert window("08:00", "10:00", name).next_opening(utc("2026-01-15T09:00")) is None


def test_the_limits_of_the_damping_must_fit_each_other() -> None:
    assert flap_damping_problems(FlapDamping()) == ()
    (same,) = flap_damping_problems(FlapDamping(reuse_limit=3, suppress_limit=3))
    assert (same.field, same.value) == ("config.flapDamping.reuseLimit", 3)
    assert "suppressLimit, which is 3" in same.allowed
    (short,) = flap_damping_problems(FlapDamping(max_hold_seconds=60))
    assert short.field == "config.flapDamping.maxHoldSeconds"
    assert "would never be reached" in short.allowed
