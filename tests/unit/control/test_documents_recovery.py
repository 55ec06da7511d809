"""What a recovery action and a secret may say."""

from typing import Any

import pytest
from tests.unit.control.documents import problems

from switchover.control.documents import parse_policy, parse_secret
from switchover.model.errors import InvalidInput
from switchover.model.recovery import RecoveryAction, RecoveryActionType


@pytest.mark.parametrize(
    "url",
    [
        "https://ops.example/recover?team=web",
        "http://10.0.0.7:8080",
        "https://[2001:db8::7]/x",
        "http://127.0.0.1/",
    ],
)
def test_a_webhook_goes_to_an_http_url(url: str) -> None:
    action = parse_policy({"recoveryAction": {"type": "webhook", "url": url}}).recovery_action
    assert (action.type, action.url) == (RecoveryActionType.WEBHOOK, url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://ops.example/", "allowed is an http or https URL"),
        ("https://", "allowed is an http or https URL"),
        ("https://ann:secret@ops.example/", "without user, password"),
        ("https://ops.example/#here", "or fragment"),
        ("https://ops.example:70000/", "allowed is an http or https URL"),
        ("https://ops.example/\u00e4", "none of them beyond ASCII"),
        ("https://ops example/", "allowed is an http or https URL"),
        ("https://ops.example/" + "x" * 2048, "at most 2048"),
        ("https://-/", "allowed is an http or https URL"),
        ("http://169.254.169.254/latest", "it is a link-local address"),
        ("http://[::ffff:169.254.169.254]/", "it is a link-local address"),
        ("http://metadata.google.internal/", "it names a metadata service"),
        (7, "allowed is an http or https URL"),
    ],
)
def test_any_other_webhook_is_refused(url: Any, words: str) -> None:
    assert words in problems({"recoveryAction": {"type": "webhook", "url": url}})["config.recoveryAction.url"]


def test_an_action_says_what_it_calls() -> None:
    missing = "it is required for a"
    assert missing in problems({"recoveryAction": {"type": "webhook"}})["config.recoveryAction.url"]
    assert missing in problems({"recoveryAction": {"type": "command"}})["config.recoveryAction.command"]
    wrong = problems({"recoveryAction": {"type": "restart", "command": "/bin/sh -c"}})
    assert wrong["config.recoveryAction.type"] == "allowed are none, webhook, command, callback"
    assert "name of a command" in wrong["config.recoveryAction.command"]


def test_an_action_is_merged_field_by_field() -> None:
    stored = parse_policy({"recoveryAction": {"type": "webhook", "url": "https://ops.example/"}})
    assert parse_policy({"recoveryAction": {"type": "none"}}, stored).recovery_action == RecoveryAction(
        url="https://ops.example/"
    )
    assert parse_policy({"recoveryAction": None}, stored).recovery_action == RecoveryAction()


@pytest.mark.parametrize(
    "secret",
    ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_short", "whsec_" + "A" * 200, "whsec_!" + "A" * 40, 7],
)
def test_a_secret_of_another_shape_is_refused_and_not_repeated(secret: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_secret({"secret": secret})
    (problem,) = caught.value.problems
    assert (problem.field, problem.value) == ("secret", None)
    assert "whsec_ and 24 to 64 bytes in base64" in problem.allowed
