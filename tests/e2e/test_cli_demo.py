"""`switchover demo` as a person would run it, in a pipe."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

COMMAND = (sys.executable, "-m", "switchover.cli", "demo")
DEADLINE_SECONDS = 280.0

pytestmark = pytest.mark.timeout(300)


def left_behind(home: Path) -> list[str]:
    """Command lines of processes that were started by a demo whose temporary directory is `home`."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("TMPDIR") == str(home):
                found.append(" ".join(process.cmdline()))
    return found


def environment(home: Path) -> dict[str, str]:
    # Every process that the demo starts inherits it, so they can be told from those of others.
    return {**os.environ, "TMPDIR": str(home)}


@pytest.fixture
def home() -> Iterator[Path]:
    # Not pytest's own directory: its path is too long for Envoy's sockets, which would then lie elsewhere.
    with tempfile.TemporaryDirectory(prefix="demo-test-") as path:
        yield Path(path)


def test_neither_crash_nor_hang_costs_a_request(home: Path) -> None:
    done = subprocess.run(
        COMMAND, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS, env=environment(home)
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert "A crash and a hang, " in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == ""
    for act in ("Crash: web-1 is killed", "Return: web-1", "Hang: web-1 is frozen", "Recovery: web-1"):
        assert act in done.stdout
    assert left_behind(home) == []
    assert list(home.iterdir()) == []


def test_ctrl_c_ends_everything_that_was_started(home: Path) -> None:
    with subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(home)
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "Crash" in line:
                break
        assert len(left_behind(home)) > 1
        demo.send_signal(signal.SIGINT)
        # An impatient second one must not leave anything behind either.
        demo.send_signal(signal.SIGINT)
        _, err = demo.communicate(timeout=DEADLINE_SECONDS)
    assert demo.returncode == 130
    assert "Traceback" not in err
    assert left_behind(home) == []
    assert list(home.iterdir()) == []


def test_a_server_that_does_not_start_is_told_in_its_own_words(home: Path) -> None:
    broken = {**environment(home), "SWITCHOVER_ENVOY_BINARY": str(home / "no-envoy")}
    done = subprocess.run(
        COMMAND, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS, env=broken
    )
    assert done.returncode == 1
    assert "switchover up ended with" in done.stderr
    assert "no-envoy is not an executable file" in done.stderr
    assert "Traceback" not in done.stderr
    assert left_behind(home) == []


def test_a_reader_that_goes_away_ends_the_demo_in_order(home: Path) -> None:
    with subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(home)
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "Calm" in line:
                break
        demo.stdout.close()
        assert demo.wait(DEADLINE_SECONDS) == 141
        assert demo.stderr is not None
        assert demo.stderr.read() == ""
    assert left_behind(home) == []
    assert list(home.iterdir()) == []
