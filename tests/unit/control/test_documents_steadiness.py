"""What a configuration may say about damping, failback and all-down, and what is said about one that is wrong."""

from dataclasses import replace
from datetime import time
from typing import Any

import pytest

from switchover.control.documents import parse_policy, policy_document
from switchover.model.errors import InvalidInput
from switchover.model.policy import FailoverPolicy
from switchover.model.steadiness import AllDown, FailbackMode, FailbackWindow, FlapDamping

WINDOW = FailbackWindow(start=time(22), end=time(6, 30), time_zone="Europe/Berlin")
STORED = FailoverPolicy(
    flap_damping=FlapDamping(suppress_limit=5, max_hold_seconds=900), failback_window=WINDOW
)


def problems(config: Any, stored: FailoverPolicy | None = None) -> dict[str, str]:
    """Field → what is allowed, of a configuration that must be refused."""
    with pytest.raises(InvalidInput) as caught:
        parse_policy(config, stored)
    return {problem.field: problem.allowed for problem in caught.value.problems}


def test_the_damping_is_merged_field_by_field() -> None:
    merged = parse_policy({"flapDamping": {"halfLifeSeconds": 60}}, STORED)
    assert merged.flap_damping == replace(STORED.flap_damping, half_life_seconds=60)
    assert parse_policy({"flapDamping": {"suppressLimit": None}}, STORED).flap_damping.suppress_limit == 3
    assert parse_policy({"flapDamping": None}, STORED).flap_damping == FlapDamping()
    assert not parse_policy({"flapDamping": {"enabled": False}}).flap_damping.enabled


def test_limits_that_do_not_fit_name_both_numbers() -> None:
    found = problems({"flapDamping": {"reuseLimit": 7}}, STORED)
    assert found == {
        "config.flapDamping.reuseLimit": "allowed is less than flapDamping.suppressLimit, which is 5"
    }
    assert list(problems({"flapDamping": {"maxHoldSeconds": 30}})) == ["config.flapDamping.maxHoldSeconds"]
    for bad in ({"halfLifeSeconds": 0.5}, {"suppressLimit": 0}, {"enabled": 1}, {"threshold": 3}):
        (field,) = problems({"flapDamping": bad})
        assert field == f"config.flapDamping.{next(iter(bad))}"


def test_failback_is_a_word_and_follows_recovery_while_it_is_not_given() -> None:
    assert policy_document(parse_policy({"enableAutoRecovery": False}))["failback"] == "never"
    manual = parse_policy({"failback": "manual"})
    assert manual.failback is FailbackMode.MANUAL
    assert parse_policy({"failback": None}, manual).failback is FailbackMode.AUTOMATIC
    assert problems({"failback": "later"}) == {"config.failback": "allowed are never, manual, automatic"}


def test_a_window_comes_back_as_it_went_in() -> None:
    given = {"start": "22:00", "end": "06:30", "timeZone": "Europe/Berlin"}
    policy = parse_policy({"failbackWindow": given})
    assert policy.failback_window == WINDOW
    assert policy_document(policy)["failbackWindow"] == given
    assert parse_policy({"failbackWindow": None}, STORED).failback_window is None
    moved = parse_policy({"failbackWindow": {"end": "05:00", "timeZone": None}}, STORED).failback_window
    assert moved == FailbackWindow(start=time(22), end=time(5), time_zone="UTC")


@pytest.mark.parametrize(
    ("window", "field"),
    [
        ({"start": "22:00"}, "end"),
        ({"end": "22:00"}, "start"),
        ({"start": "22:00", "end": "22:00"}, "end"),
        ({"start": "24:00", "end": "02:00"}, "start"),
        ({"start": 1350, "end": "02:00"}, "start"),
        ({"start": "22:00", "end": "2:00"}, "end"),
        ({"start": "22:00", "end": "02:00", "timeZone": "Atlantis/Capital"}, "timeZone"),
        ({"start": "22:00", "end": "02:00", "timeZone": "../../etc/passwd"}, "timeZone"),
    ],
)
def test_a_window_that_is_not_one_is_refused(window: dict[str, Any], field: str) -> None:
    assert list(problems({"failbackWindow": window})) == [f"config.failbackWindow.{field}"]


def test_one_at_a_time_is_not_all() -> None:
    assert parse_policy({"allDown": "fail_fast"}).all_down is AllDown.FAIL_FAST
    found = problems({"allDown": "send_to_all", "exclusive": True})
    assert list(found) == ["config.allDown"]
    assert "while exclusive is true" in found["config.allDown"]
