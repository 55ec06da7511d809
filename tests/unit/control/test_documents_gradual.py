"""The group `gradual` of a configuration."""

from typing import Any

import pytest

from switchover.control.documents import parse_policy, policy_document
from switchover.model.errors import InvalidInput
from switchover.model.gradual import GradualPolicy
from switchover.model.policy import FailoverPolicy

LISTENS = {"listener": {"port": 10000}}


def problems(config: dict[str, Any], stored: FailoverPolicy | None = None) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        parse_policy(config, stored)
    return {problem.field: problem.allowed for problem in refused.value.problems}


def test_an_empty_group_turns_the_steps_on_and_null_turns_them_off() -> None:
    stored = parse_policy({**LISTENS, "gradual": {}})
    assert stored.gradual == GradualPolicy()
    assert policy_document(stored)["gradual"] == {
        "steps": [5, 25, 100],
        "dwellSeconds": 30.0,
        "maxErrorRate": 0.05,
        "minRequests": 20,
    }
    assert parse_policy({"gradual": None}, stored).gradual is None


def test_a_field_that_is_not_given_stays_and_null_is_its_default() -> None:
    stored = parse_policy({**LISTENS, "gradual": {"steps": [50, 100], "minRequests": 7}})
    changed = parse_policy({"gradual": {"steps": None, "dwellSeconds": 5}}, stored)
    assert changed.gradual == GradualPolicy(dwell_seconds=5.0, min_requests=7)


def test_what_comes_out_goes_in_again() -> None:
    stored = parse_policy({**LISTENS, "gradual": {"steps": [1, 99, 100], "maxErrorRate": 0}})
    assert parse_policy({**LISTENS, "gradual": policy_document(stored)["gradual"]}) == stored


@pytest.mark.parametrize(
    ("steps", "allowed"),
    [
        ([5, 25], "the last step must be 100: a move ends with all of the traffic at its target"),
        ([25, 5, 100], "each step must be more than the one before: a share only grows"),
        ([5, 5, 100], "each step must be more than the one before: a share only grows"),
    ],
)
def test_steps_rise_to_the_whole(steps: list[int], allowed: str) -> None:
    assert problems({**LISTENS, "gradual": {"steps": steps}}) == {"config.gradual.steps": allowed}


def test_each_field_has_its_range() -> None:
    found = problems(
        {
            **LISTENS,
            "gradual": {"steps": [0, 101], "dwellSeconds": 0, "maxErrorRate": 1.5, "minRequests": 0, "x": 1},
        }
    )
    assert {
        field.removeprefix("config.gradual."): allowed
        for field, allowed in found.items()
        if field[-2:] != ".x"
    } == {
        "steps[0]": "allowed is a whole number of percent from 1 to 100",
        "steps[1]": "allowed is a whole number of percent from 1 to 100",
        "dwellSeconds": "allowed is a number of seconds from 0.5 to 86400",
        "maxErrorRate": "allowed is a number from 0 to 1",
        "minRequests": "allowed is a whole number from 1 to 1000000",
    }
    assert "config.gradual.x" in found


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {**LISTENS, "exclusive": True},
            "exclusive is true: one instance at a time cannot share the traffic",
        ),
        (
            {**LISTENS, "enableLoadBalancing": True},
            "enableLoadBalancing is true: every eligible instance has its share already",
        ),
        ({}, "listener is null: no node carries this proxy"),
    ],
)
def test_it_is_refused_where_the_traffic_cannot_be_shared_so(config: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_policy({**config, "gradual": {}})
    (problem,) = refused.value.problems
    assert (problem.field, problem.value) == ("config.gradual", {"steps": [5, 25, 100]})
    assert problem.allowed == f"allowed is null while {words}"


def test_what_it_needs_cannot_be_taken_away_from_under_it() -> None:
    stored = parse_policy({**LISTENS, "gradual": {}})
    assert problems({"listener": None}, stored) == {
        "config.gradual": "allowed is null while listener is null: no node carries this proxy"
    }
    assert parse_policy({"listener": None, "gradual": None}, stored).listener is None
