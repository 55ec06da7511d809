"""What deploy/systemd says, as far as systemd itself can tell without being in charge of this machine."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.deploy.settings_named import named_in, settings_that_exist

from switchover.cli.failures import ExitCode

FOLDER = Path(__file__).parents[2] / "deploy/systemd"
UNITS = sorted(FOLDER.glob("*.service"))
INSTALLED = "/opt/switchover/bin/switchover"
MOST_EXPOSURE = 2.0
"""Of 10, by `systemd-analyze security`; up to 2 it says OK."""

each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="no systemd-analyze here; elsewhere: systemd-analyze verify deploy/systemd/*.service",
)


def directives(unit: Path) -> dict[str, list[str]]:
    """Every directive with its values, in order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text("utf-8").splitlines():
        if match := re.match(r"(\w+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def analyzed(unit: Path, tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What systemd-analyze says about the unit, with the command where it is on this machine."""
    here = Path(sys.executable).with_name("switchover")
    text = unit.read_text("utf-8")
    assert INSTALLED in text
    copy = tmp_path / unit.name
    copy.write_text(text.replace(INSTALLED, str(here)), "utf-8")
    return subprocess.run(
        ["systemd-analyze", *words, str(copy)], capture_output=True, text=True, timeout=60, check=False
    )


def test_both_units_are_found() -> None:
    assert [unit.name for unit in UNITS] == ["switchover-up.service", "switchover.service"]


@needs_systemd
@each_unit
def test_systemd_understands_every_line(unit: Path, tmp_path: Path) -> None:
    verified = analyzed(unit, tmp_path, "verify", "--man=no")
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


@needs_systemd
def test_systemd_does_not_understand_everything(tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "switchover.service"
    broken.parent.mkdir()
    broken.write_text(f"[Service]\nExecStart={INSTALLED} up\nProtectSytem=strict\n", "utf-8")
    assert "ProtectSytem" in analyzed(broken, tmp_path, "verify", "--man=no").stderr


@needs_systemd
@each_unit
def test_systemd_finds_little_that_an_intruder_could_do(unit: Path, tmp_path: Path) -> None:
    judged = analyzed(unit, tmp_path, "security", "--offline=true", "--no-pager")
    exposure = re.search(r"Overall exposure level for \S+: (\d+\.\d)", judged.stdout)
    assert exposure, judged.stderr
    assert float(exposure[1]) <= MOST_EXPOSURE


@each_unit
def test_wrong_settings_are_not_tried_again_and_again(unit: Path) -> None:
    said = directives(unit)
    assert said["Restart"] == ["on-failure"]
    assert said["RestartPreventExitStatus"] == [str(int(ExitCode.USAGE))]


def test_the_envoy_outlives_up_alone() -> None:
    killed = {unit.stem: directives(unit).get("KillMode") for unit in UNITS}
    assert killed == {"switchover-up": ["process"], "switchover": None}


@each_unit
def test_no_unit_holds_a_secret(unit: Path) -> None:
    environment = " ".join(directives(unit)["Environment"])
    assert not re.search(r"SECRET|DATABASE_URL|PASSWORD|TOKEN", environment)


@each_unit
def test_every_setting_in_a_unit_exists(unit: Path) -> None:
    assert named_in(unit.read_text("utf-8")) <= settings_that_exist()
