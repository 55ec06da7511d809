"""What a command is given, and what it is never given."""

import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs
from tests.recovery_calls import EVENT_ID, a_call
from tests.waiting import eventually

from switchover.model.recovery import RecoveryAction, RecoveryActionType, RecoveryAnswer
from switchover.recover.command import MOST_OUTPUT_BYTES, PATH, CommandRecoverer
from switchover.recover.recoverer import MOST_DETAIL_CHARACTERS

SAY_ALL = (
    "import json, os, sys; json.dump([sys.argv[1:], dict(os.environ), os.getcwd()], open(sys.argv[1], 'w'))"
)


async def run(*argv: str, name: str = "restart") -> RecoveryAnswer:
    recoverer = CommandRecoverer({"restart": argv}, timeout_seconds=60)
    return await recoverer.recover(a_call(RecoveryAction(type=RecoveryActionType.COMMAND, command=name)))


async def test_a_command_is_given_the_facts_and_nothing_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHOVER_JWT_SECRET", "never")
    told = tmp_path / "told"

    assert (await run(sys.executable, "-c", SAY_ALL, str(told), "$HOME; *")).accepted

    arguments, environment, place = json.loads(told.read_text())
    assert arguments == [str(told), "$HOME; *"]
    assert place == "/"
    environment.pop("LC_CTYPE", None)
    assert environment == {
        "PATH": PATH,
        "RECOVERY_EVENT_ID": str(EVENT_ID),
        "RECOVERY_ATTEMPT": "2",
        "RECOVERY_MOST_ATTEMPTS": "3",
        "RECOVERY_KEY": f"{EVENT_ID}-2",
        "RECOVERY_OWNER_ID": "ann",
        "RECOVERY_PROXY_ID": "web",
        "RECOVERY_INSTANCE_ID": "01980f3c-0000-7000-8000-000000000001",
        "RECOVERY_INSTANCE_NAME": "web-1; touch never",
        "RECOVERY_INSTANCE_TYPE": "standard",
        "RECOVERY_INSTANCE_HOST": "10.0.0.1",
        "RECOVERY_INSTANCE_PORT": "8080",
        "RECOVERY_REASON": "Instance unhealthy (3 failures)",
    }


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("/bin/sh", "-c", "echo out; echo err >&2; exit 7"), "exit status 7"),
        (("/bin/sh", "-c", "kill -9 $$"), "ended by signal 9"),
        (("/no/such/program",), "/no/such/program: [Errno 2] No such file or directory: '/no/such/program'"),
    ],
)
async def test_how_a_command_ended_is_told(argv: tuple[str, ...], words: str) -> None:
    assert await run(*argv) == RecoveryAnswer(accepted=False, detail=words)


async def test_only_a_command_of_the_configuration_runs() -> None:
    refused = await run("/bin/true", name="/bin/true")
    assert refused == RecoveryAnswer(
        accepted=False, detail="this process knows no recovery command '/bin/true'"
    )


async def test_a_flood_of_output_stops_no_command() -> None:
    flood = f"import sys; sys.stdout.write('x' * {MOST_OUTPUT_BYTES * 1000})"
    with capture_logs() as logs:
        assert (await run(sys.executable, "-c", flood)).accepted
    (line,) = logs
    assert line["output"].startswith("xxx")
    assert len(line["output"]) == MOST_DETAIL_CHARACTERS


async def test_what_a_command_prints_is_logged_and_not_told() -> None:
    with capture_logs() as logs:
        answer = await run("/bin/sh", "-c", "echo out; echo err >&2; exit 7")
    assert answer == RecoveryAnswer(accepted=False, detail="exit status 7")
    (line,) = logs
    assert (line["event"], line["output"], line["command"]) == (
        "recovery command ended",
        "out err",
        "restart",
    )


async def test_what_a_command_leaves_running_holds_it_up_by_nothing(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    # The child inherits the output and keeps it open.
    answer = await run("/bin/sh", "-c", f"sleep 600 & echo $! > {pid}; echo left")
    try:
        assert answer == RecoveryAnswer(accepted=True, detail="exit status 0")
        os.kill(int(pid.read_text()), 0)
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


async def test_no_descriptor_is_kept() -> None:
    process = psutil.Process()
    await run("/bin/true")
    before = process.num_fds()
    for _ in range(5):
        await run("/bin/true")
        await run("/no/such/program")
    await eventually(lambda: process.num_fds() <= before)
