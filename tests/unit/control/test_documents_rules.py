"""Safety rules, pauses and gates as people send them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from switchover.control.documents.policy import parse_policy, policy_document
from switchover.control.documents.rules import parse_gate, parse_pause, parse_rules, rules_document
from switchover.model.errors import InvalidInput
from switchover.model.rules import MoveLimit, SafetyRules

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ONCE = {"name": "release", "startsAt": "2026-03-01T00:00:00Z", "endsAt": "2026-03-02T00:00:00Z"}
WEEKLY = {
    "name": "night",
    "days": ["sat", "sun"],
    "start": "22:00",
    "end": "06:00",
    "timeZone": "Europe/Berlin",
}
RULES = {
    "minServing": 2,
    "moveLimit": {"moves": 5, "windowSeconds": 3600},
    "gates": ["deploys", "fleet/moves"],
    "freezes": [ONCE, WEEKLY],
}


def problem_of(call: Any, *arguments: Any) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as refusal:
        call(*arguments)
    (problem,) = refusal.value.problems
    return problem.field, problem.allowed


def test_rules_come_back_as_they_were_sent() -> None:
    assert rules_document(parse_rules(RULES)) == RULES
    assert parse_rules({}) == SafetyRules()


def test_the_rules_of_a_proxy_are_merged_field_by_field() -> None:
    policy = parse_policy({"rules": RULES})
    changed = parse_policy(
        {"rules": {"minServing": None, "moveLimit": {"moves": 1, "windowSeconds": 60}}}, policy
    )
    assert changed.rules.min_serving is None
    assert changed.rules.move_limit == MoveLimit(moves=1, window_seconds=60)
    assert changed.rules.gates == ("deploys", "fleet/moves")
    assert policy_document(changed)["rules"]["freezes"] == [ONCE, WEEKLY]
    assert parse_policy({"rules": None}, policy).rules == SafetyRules()


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"minServing": 0}, "minServing", "a whole number from 1 to 1000"),
        ({"moveLimit": {"moves": 1}}, "moveLimit.windowSeconds", "required"),
        ({"moveLimit": {"moves": 1, "windowSeconds": 0}}, "moveLimit.windowSeconds", "seconds from 1 to 604800"),
        ({"gates": ["a b"]}, "gates[0]", "letters, digits"),
        ({"freezes": [{"name": "x"}]}, "freezes[0]", "either startsAt and endsAt, or days, start and end"),
        ({"freezes": [{**ONCE, "days": ["sat"]}]}, "freezes[0]", "either startsAt and endsAt"),
        ({"freezes": [{**ONCE, "endsAt": ONCE["startsAt"]}]}, "freezes[0].endsAt", "after startsAt"),
        ({"freezes": [ONCE, ONCE]}, "freezes[1].name", "a name that is free"),
        ({"freezes": [{**WEEKLY, "start": 1320}]}, "freezes[0].start", '"23:59", in quotes in YAML'),
        ({"freezes": [{**WEEKLY, "timeZone": "Mars/Olympus"}]}, "freezes[0].timeZone", "such as Europe/Berlin"),
        ({"freezes": [{**WEEKLY, "timeZone": "../UTC"}]}, "freezes[0].timeZone", "such as Europe/Berlin"),
        ({"freezes": [{**WEEKLY, "days": ["someday"]}]}, "freezes[0].days[0]", "mon, tue"),
        ({"limits": 1}, "limits", "did you mean"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_named_with_what_is_allowed(wrong: dict[str, Any], field: str, words: str) -> None:
    for call, prefix, sent in ((parse_rules, "", wrong), (parse_policy, "config.rules.", {"rules": wrong})):
        named, allowed = problem_of(call, sent)
        assert named == f"{prefix}{field}"
        assert words in allowed or field == "limits"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({}, "reason"),
        ({"reason": ""}, "reason"),
        ({"reason": "x", "until": "2026-02-28T00:00:00Z"}, "until"),
        ({"reason": "x", "until": "2026-03-02T00:00:00Z", "forSeconds": 5}, "forSeconds"),
        ({"reason": "x", "forSeconds": 0}, "forSeconds"),
    ],
)
def test_a_wrong_pause_is_named(wrong: dict[str, Any], field: str) -> None:
    assert problem_of(parse_pause, wrong, NOW)[0] == field


def test_a_gate_says_how_it_stands() -> None:
    assert parse_gate({"isOn": True}).is_on
    assert problem_of(parse_gate, {"isOn": "yes"})[0] == "isOn"
