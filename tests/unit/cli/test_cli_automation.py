from pathlib import Path

import pytest
from tests.command_line import Runs


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("pause", "--reason", "x"), "PROXY: allowed is exactly one of PROXY, --user USER and --all"),
        (("pause", "web", "--all", "--reason", "x"), "allowed is exactly one of PROXY, --user USER and --all"),
        (("resume",), "allowed is exactly one of PROXY, --user USER and --all"),
        (("pause", "web"), "Missing option '--reason'"),
        (("pause", "web", "--reason", "x", "--for", "2"), "--for: '2' is not valid; allowed is a number and s, m, h or d"),
        (("gate", "deploys", "open"), "'open': is not valid; allowed are on, off, remove"),
        (("rules", "web", "--clear", "-f", "rules.yaml"), "--clear: does not go together with --file"),
    ],
)  # fmt: skip
def test_wrong_usage_is_told_before_anybody_is_asked(
    client: Runs, arguments: tuple[str, ...], told: str
) -> None:
    code, out, err = client(*arguments)
    assert (code, out) == (2, "")
    assert told in err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[1]", "allowed is a mapping with minServing"),
        ("a: 1\na: 2", ":2:1: "),
        ("{", "allowed is one YAML document"),
    ],
)
def test_a_rules_file_that_is_none_is_refused_with_its_place(
    client: Runs, tmp_path: Path, content: str, told: str
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(content)
    code, out, err = client("rules", "--all", "-f", str(file))
    assert (code, out) == (2, "")
    assert str(file) in err
    assert told in err
