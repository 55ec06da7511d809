from pathlib import Path

import pytest

from switchover.app.settings import load_settings
from switchover.model.errors import InvalidInput

VARIABLE = "SWITCHOVER_JWT_ALGORITHMS"


@pytest.mark.parametrize("text", ["RS256,ES256", " RS256 , ES256 "])
def test_a_variable_lists_with_commas(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    assert load_settings().jwt_algorithms == ("RS256", "ES256")


def test_a_settings_file_lists_as_toml(tmp_path: Path) -> None:
    file = tmp_path / "switchover.toml"
    file.write_text('jwt_algorithms = ["EdDSA"]\n')
    assert load_settings(file).jwt_algorithms == ("EdDSA",)


@pytest.mark.parametrize("text", ["", ",", "HS256", "RS256,none", '["RS256"]'])
def test_other_lists_of_algorithms_are_one_problem(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(InvalidInput) as caught:
        load_settings()
    (problem,) = caught.value.problems
    assert (problem.field, problem.value) == (VARIABLE, text)


def test_recovery_commands_are_a_table_of_lists(tmp_path: Path) -> None:
    file = tmp_path / "switchover.toml"
    file.write_text('[recovery_commands]\nrestart = ["/usr/bin/systemctl", "restart", "web"]\n')
    assert load_settings(file).recovery_commands == {"restart": ("/usr/bin/systemctl", "restart", "web")}


def test_recovery_commands_are_json_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHOVER_RECOVERY_COMMANDS", '{"restart": ["/bin/true"]}')
    assert load_settings().recovery_commands == {"restart": ("/bin/true",)}


@pytest.mark.parametrize("text", ["restart", "[]", '{"restart": []}', '{"a b": ["x"]}', '{"restart": "x"}'])
def test_other_recovery_commands_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SWITCHOVER_RECOVERY_COMMANDS", text)
    with pytest.raises(InvalidInput, match="SWITCHOVER_RECOVERY_COMMANDS"):
        load_settings()
