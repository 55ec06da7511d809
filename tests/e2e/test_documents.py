"""What the documents tell a reader to do, done as it stands: the README's tutorial and the program that uses the library."""

import contextlib
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from tests.machine import COMMAND
from tests.ports import steady_ports

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 120.0
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PORTS = ("8700", "9001", "9002", "9003", "10000")

pytestmark = pytest.mark.timeout(400)


@dataclass(frozen=True)
class Step:
    """A command of the tutorial and what it is said to print."""

    command: str
    printed: str


def steps(text: str) -> Iterator[Step]:
    for block in CONSOLE.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            yield Step(command, printed)


def shape(printed: str) -> str:
    """What was printed without what differs from run to run: numbers, durations, and how wide columns are."""
    without_numbers = re.sub(r"(?<!web-)\b\d+(\.\d+)?", "N", printed)
    return " ".join(re.sub(r"\bN m?s\b|—", "T", without_numbers).split())


class Shell:
    """A bash that is given one command after the other, as a person would."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        commands, self._given = os.pipe()
        self._told, telling = os.pipe()
        # Commands come on a descriptor of their own, so that none of them can read the next one by mistake.
        script = f'while IFS= read -r line <&{commands}; do eval "$line"; echo $? >&{telling}; done'
        self._out = (home / "out.txt").open("w+b")
        with (home / "err.txt").open("wb") as complaints:
            self._process = subprocess.Popen(
                ["bash", "--norc", "-c", script],
                cwd=home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=self._out,
                stderr=complaints,
                pass_fds=(commands, telling),
            )
        os.close(commands)
        os.close(telling)

    def run(self, command: str) -> tuple[int, str]:
        """The exit code and what was printed."""
        begin = os.lseek(self._out.fileno(), 0, os.SEEK_END)
        os.write(self._given, f"{command}\n".encode())
        ready, _, _ = select.select([self._told], [], [], DEADLINE_SECONDS)
        assert ready, f"did not end within {DEADLINE_SECONDS} s: {command}"
        code = os.read(self._told, 16).decode().strip()
        assert code, f"the shell ended with: {command}"
        return int(code), os.pread(self._out.fileno(), 1 << 20, begin).decode()

    def close(self) -> None:
        os.close(self._given)
        self._process.wait(DEADLINE_SECONDS)
        os.close(self._told)
        self._out.close()


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder like the project's after `make setup`; whatever still runs in it afterwards is ended."""
    # Not pytest's own directory: its path may be too long for a socket.
    with tempfile.TemporaryDirectory(prefix="switchover-docs-") as made:
        path = Path(made)
        (path / ".venv").symlink_to(sys.prefix)
        try:
            yield path
        finally:
            for words in ("out.txt", "err.txt", "tutorial/up.log"):
                if (path / words).exists():
                    print(f"--- {words}\n{(path / words).read_text(errors='replace')}")
            subprocess.run(
                [*COMMAND, "down", "--data-dir", str(path / "tutorial" / ".switchover")],
                check=False,
                capture_output=True,
                timeout=DEADLINE_SECONDS,
            )
            for process in left_behind(path):
                process.kill()


def left_behind(home: Path) -> list[psutil.Process]:
    """Processes that the tutorial in this folder has started and not ended."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("TUTORIAL") == str(home):
                found.append(process)
    return found


def eventually_none(home: Path) -> bool:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while left_behind(home) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left_behind(home) == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tutorial needs curl")
def test_the_tutorial_goes_as_it_is_written(home: Path) -> None:
    ports = dict(zip(PORTS, steady_ports(len(PORTS)), strict=True))

    def here(text: str) -> str:
        # Other tests and the machine's owner use the tutorial's ports too.
        return re.sub(rf"\b(?:{'|'.join(PORTS)})\b", lambda found: str(ports[found[0]]), text)

    (home / "examples").mkdir()
    (home / "examples" / "web.yaml").write_text(here((ROOT / "examples" / "web.yaml").read_text()))
    others = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHOVER_")}
    environment = {**others, "SWITCHOVER_PORT": str(ports["8700"]), "TUTORIAL": str(home)}
    tutorial = list(steps(here((ROOT / "README.md").read_text())))
    assert len(tutorial) > 20
    shell = Shell(home, environment)
    try:
        for step in tutorial:
            code, printed = shell.run(step.command)
            assert code == 0, f"{step.command}: {code}"
            assert shape(printed) == shape(step.printed), step.command
    finally:
        shell.close()
    assert eventually_none(home)
    assert not (home / "tutorial").exists()


def test_the_program_that_uses_the_library_prints_what_the_guide_says() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "library.py"],
        check=False,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    guide = (ROOT / "docs" / "implementation.md").read_text()
    assert f"It prints:\n\n```text\n{done.stdout}```\n" in guide
