import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.command_line import Runs
from tests.contract_record import TOKEN
from tests.contract_server import ContractServer
from tests.waiting import DEADLINE_SECONDS

from switchover.cli import times
from switchover.cli.failures import CommandFailed

COMMANDS = (
    *(
        "up",
        "down",
        "demo",
        "status",
        "events",
        "apply",
        "switch",
        "pin",
        "unpin",
        "undamp",
        "unschedule",
        "drill",
    ),
    *("ready", "drain", "maintenance"),
    *("pause", "resume", "rules", "gate"),
    *("doctor", "token", "db", "node", "serve", "explain", "replay", "simulate"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(switchover: Runs, command: str) -> None:
    code, out, err = switchover(command, "--help")
    assert (code, err) == (0, "")
    assert f"Usage: switchover {command}" in out


def test_help_lists_every_command_and_the_exit_codes(switchover: Runs) -> None:
    code, out, _ = switchover("--help")
    assert code == 0
    assert [command for command in COMMANDS if f" {command} " not in out] == []
    assert "3 the server cannot be reached" in " ".join(out.split())


def test_the_version_stands_alone(switchover: Runs) -> None:
    assert switchover("--version") == (0, "switchover 0.1.0\n", "")


@pytest.mark.parametrize(
    "arguments", [("stats",), ("status", "--nope"), ("switch",), ("up", "--port", "70000"), ("apply",)]
)
def test_wrong_usage_is_one_line_on_standard_error(switchover: Runs, arguments: tuple[str, ...]) -> None:
    code, out, err = switchover(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("switchover: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("up", "--port", "abc"), "--port: 'abc' is not valid; input should be a valid integer"),
        (("events", "web", "--limit", "0"), "--limit: '0' is not valid; input should be greater than or equal to 1"),
        (("status", "a", "b"), "Got unexpected extra argument(s) (b). `switchover status --help` lists what there is."),
        (("token", "create"), "Missing option '--user'. `switchover token create --help` lists what there is."),
        (("stats",), "No such command 'stats'. Did you mean 'status'? `switchover --help` lists what there is."),
    ],
)  # fmt: skip
def test_wrong_usage_names_the_option_its_value_and_where_to_look(
    switchover: Runs, arguments: tuple[str, ...], told: str
) -> None:
    code, _, err = switchover(*arguments)
    assert (code, err[: len("switchover: ") + len(told)]) == (2, f"switchover: {told}")


def test_what_does_not_exist_is_a_wrong_argument_whatever_it_is(
    client: Runs, contract: ContractServer
) -> None:
    contract.add_proxy("web")
    for arguments in (("status", "shop"), ("events", "shop"), ("unpin", "shop"), ("drain", "web", "web-9")):
        code, out, err = client(*arguments)
        assert (code, out) == (2, ""), arguments
        assert arguments[-1] in err


def test_a_mistyped_variable_is_told_with_the_nearest_one(
    switchover: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHOVER_PROT", "hunter2")
    code, out, err = switchover("doctor")
    assert (code, out) == (2, "")
    assert "SWITCHOVER_PROT" in err
    assert "did you mean SWITCHOVER_PORT?" in err
    assert "hunter2" not in err


def test_url_and_token_may_come_from_the_environment(
    switchover: Runs, contract: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHOVER_URL", contract.url)
    monkeypatch.setenv("SWITCHOVER_TOKEN", TOKEN)
    assert switchover("status")[0] == 0


def test_without_a_running_server_the_command_says_how_to_start_one(switchover: Runs, tmp_path: Path) -> None:
    code, _, err = switchover("status", "--data-dir", str(tmp_path / "none"))
    assert code == 3
    assert "start one with `switchover up`, or give --url and --token" in err
    assert not (tmp_path / "none").exists()


def test_a_token_of_this_machine_is_not_sent_elsewhere(
    switchover: Runs, contract: ContractServer, tmp_path: Path
) -> None:
    code, _, err = switchover("status", "--url", contract.url, "--data-dir", str(tmp_path))
    assert code == 2
    assert "--token: is missing" in err
    assert contract.requests == []


def test_a_reader_that_goes_away_is_no_traceback(contract: ContractServer) -> None:
    for n in range(3):
        contract.add_proxy(f"proxy-{n}")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "switchover.cli", "status", "--url", contract.url, "--token", TOKEN],
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1.5h", 5400), ("24h", 86400), ("366d", 366 * 86400)]
)
def test_durations_have_units(text: str, seconds: int) -> None:
    assert times.seconds("--ttl", text) == seconds


@pytest.mark.parametrize("text", ["", "10", "0s", "-1h", "1.h", "367d", "h", "1w", "٣h", "1 h"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(CommandFailed, match="allowed is a number and s, m, h or d"):
        times.seconds("--ttl", text)


def test_a_token_stands_alone_on_standard_output(switchover: Runs, tmp_path: Path) -> None:
    code, out, err = switchover(
        "token", "create", "--user", "ann", "--role", "user", "--data-dir", str(tmp_path)
    )
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    assert out.count(".") == 2


def test_an_unknown_role_is_refused(switchover: Runs, tmp_path: Path) -> None:
    code, out, err = switchover(
        "token", "create", "--user", "ann", "--role", "root", "--data-dir", str(tmp_path)
    )
    assert (code, out) == (2, "")
    assert err.startswith("switchover: --role: 'root' is not valid; allowed are")


def test_db_upgrade_makes_the_tables_once(switchover: Runs, tmp_path: Path) -> None:
    first = switchover("db", "upgrade", "--data-dir", str(tmp_path))
    again = switchover("db", "upgrade", "--data-dir", str(tmp_path))
    assert first[0] == again[0] == 0
    assert first[1].endswith("it was empty.\n")
    assert again[1].endswith("already.\n")


def test_down_on_no_data_directory_is_wrong_usage(switchover: Runs, tmp_path: Path) -> None:
    code, _, err = switchover("down", "--data-dir", str(tmp_path / "none"))
    assert code == 2
    assert "is no data directory" in err


def test_ctrl_c_ends_a_waiting_command_without_a_traceback(contract: ContractServer) -> None:
    contract.switches_end_as = "in_progress"
    contract.add_proxy("web")
    for name in ("web-1", "web-2"):
        contract.add_instance("web", {"instanceName": name})
    with subprocess.Popen(
        [*(sys.executable, "-m", "switchover.cli", "switch", "web", "--to", "web-2")],
        env={**os.environ, "SWITCHOVER_URL": contract.url, "SWITCHOVER_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as waiting:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not any(path.endswith("limit=50") for _, path, _ in tuple(contract.requests)):
            assert time.monotonic() < deadline
            # The server answers from this process; a loop that never rests would starve it.
            time.sleep(0.01)
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=DEADLINE_SECONDS)
    assert (waiting.returncode, out, err) == (130, "", "")
