import json
from pathlib import Path

from tests.command_line import Runs


def test_doctor_names_what_is_missing_and_the_command_that_mends_it(switchover: Runs, tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text(f'envoy_binary = "{tmp_path / "none"}"\nport = 0\n')
    code, out, err = switchover("doctor", "--config", str(config), "--data-dir", str(tmp_path / "state"))
    assert (code, err) == (1, "")
    lines = out.splitlines()
    envoy = next(n for n, line in enumerate(lines) if line.startswith("✗ Envoy: "))
    assert lines[envoy + 1] == "    pip install 'switchover[envoy]'"
    assert any(line.startswith("✓ Python: ") for line in lines)


def test_doctor_for_machines(switchover: Runs, tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("port = 0\n")
    code, out, _ = switchover(
        "doctor", "--json", "--config", str(config), "--data-dir", str(tmp_path / "state")
    )
    findings = json.loads(out)
    assert code == 0
    assert {finding["subject"] for finding in findings} >= {"Python", "Envoy", "Data directory", "Database"}


def test_a_bad_settings_file_is_named(switchover: Runs, tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("prot = 1\n")
    code, out, err = switchover("doctor", "--config", str(config))
    assert (code, out) == (2, "")
    assert "prot" in err
    assert "there is no such setting; " in err
