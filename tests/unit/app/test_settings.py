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
