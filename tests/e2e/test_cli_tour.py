"""The command line against the real `switchover up`: what a person would type, in that order."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from switchover.cli.demo.processes import free_ports

COMMAND = (sys.executable, "-m", "switchover.cli")
DEADLINE_SECONDS = 60.0

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def switchover(*arguments: str) -> Done:
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS
    )
    return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def instance(name: str, port: int) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "switchover.cli.demo.instance", name, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield
        finally:
            process.kill()


@dataclass(frozen=True)
class Server:
    """A running `up` and the client that goes with it."""

    process: subprocess.Popen[str]
    data_dir: Path
    announced: tuple[str, ...]
    listener: int

    def client(self, *arguments: str) -> Done:
        return switchover(*arguments, "--data-dir", str(self.data_dir))

    def until_active(self, name: str, proxy: str = "web") -> None:
        """Wait until `name` is active and everything is healthy."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            status = self.client("status", proxy, "--json")
            if status.code == 0:
                told = json.loads(status.out)
                healthy = all(i["healthStatus"] == "healthy" for i in told["instances"])
                active = next((i["instanceName"] for i in told["instances"] if i["status"] == "active"), None)
                if healthy and active == name:
                    return
            assert time.monotonic() < deadline, status
            time.sleep(0.1)


def declaration(listener: int, instances: dict[str, int]) -> str:
    listed = "".join(
        f'      - {{instanceName: {name}, address: "127.0.0.1:{port}", priority: {10 * n}}}\n'
        for n, (name, port) in enumerate(instances.items(), start=1)
    )
    return (
        "proxies:\n  - proxyId: web\n    config:\n      healthCheckIntervalSeconds: 0.5\n"
        "      healthCheck: {type: http, path: /health}\n"
        f"      listener: {{address: 127.0.0.1, port: {listener}}}\n    instances:\n{listed}"
    )


@contextmanager
def up(data_dir: Path, *arguments: str, listener: int = 0) -> Iterator[Server]:
    """`switchover up` until the block ends, then Ctrl-C and whatever `down` still finds."""
    process = subprocess.Popen(
        [*COMMAND, "up", "--port", "0", "--data-dir", str(data_dir), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            announced = []
            for line in process.stdout:
                announced.append(line.rstrip())
                if line.startswith("Token"):
                    break
            assert announced, "up ended before it served"
            yield Server(process, data_dir, tuple(announced), listener)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(DEADLINE_SECONDS)
            switchover("down", "--data-dir", str(data_dir))


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("web")
    listener, *ports = free_ports(3)
    with ExitStack() as running:
        instances = {f"web-{n}": port for n, port in enumerate(ports, start=1)}
        for name, port in instances.items():
            running.enter_context(instance(name, port))
        file = home / "proxies.yaml"
        file.write_text(declaration(listener, instances))
        server = running.enter_context(up(home / "data", "-f", str(file), listener=listener))
        server.until_active("web-1")
        yield server


def served_by(server: Server) -> str:
    return httpx.get(f"http://127.0.0.1:{server.listener}/", trust_env=False).headers["x-instance"]


def test_up_prints_what_it_serves_and_where(web: Server) -> None:
    told = "\n".join(web.announced)
    assert "API" in told
    assert f"web at http://127.0.0.1:{web.listener}" in told
    assert "switchover token create" in told


def test_status_finds_the_server_by_its_data_directory(web: Server) -> None:
    status = web.client("status")
    assert (status.code, status.err) == (0, "")
    assert "✓ healthy" in status.out
    assert "Node embedded is connected." in status.out


def test_a_token_made_while_up_runs_opens_the_api(web: Server) -> None:
    token = web.client("token", "create", "--user", "ann", "--role", "admin").out.strip()
    url = next(line.split()[1] for line in web.announced if line.startswith("API"))
    assert switchover("status", "web", "--url", url, "--token", token).code == 0
    refused = switchover("status", "web", "--url", url, "--token", token[:-4] + "AAAA")
    assert refused.code == 1
    assert "the token was refused" in refused.err


def test_somebody_elses_proxy_does_not_exist(web: Server) -> None:
    token = web.client("token", "create", "--user", "bob", "--role", "user").out.strip()
    url = next(line.split()[1] for line in web.announced if line.startswith("API"))
    assert "not found" in switchover("status", "web", "--url", url, "--token", token).err
    listed = switchover("status", "--url", url, "--token", token)
    assert listed.out.startswith("No proxies yet.")


def test_switch_moves_the_traffic_and_unpin_lets_it_come_back(web: Server) -> None:
    web.until_active("web-1")
    switched = web.client("switch", "web", "--to", "web-2", "--reason", "kernel update")
    assert (switched.code, switched.err) == (0, "")
    assert switched.out.startswith("Completed: switchover of web from web-1 to web-2")
    assert served_by(web) == "web-2"
    assert "web-2 (pinned)" in web.client("status").out
    assert web.client("unpin", "web").code == 0
    web.until_active("web-1")
    assert "switchover" in web.client("events", "web").out


def test_a_move_is_explained_replayed_and_tried_with_another_policy(web: Server, tmp_path: Path) -> None:
    web.until_active("web-1")
    (event,) = json.loads(web.client("status", "web", "--json").out)["events"][-1:]
    explained = web.client("explain", event["id"])
    assert (explained.code, explained.err) == (0, "")
    assert explained.out.startswith("Activation of web of web-1, completed in ")
    assert "Nodes: embedded applied it after " in explained.out
    replayed = web.client("replay", event["id"])
    assert (replayed.code, replayed.err) == (0, "")
    assert replayed.out.startswith("The same decision: activate from nothing to web-1")
    assert web.client("explain", "web").out.startswith("web stays on web-1: No failover needed.")
    file = tmp_path / "policy.yaml"
    file.write_text("enableAutoFailover: false\n")
    tried = web.client("simulate", "web", "--policy", str(file), "--since", "1h", "--json")
    assert (tried.code, tried.err) == (0, "")
    (told,) = json.loads(tried.out)["proxies"]
    assert told["recorded"]["moves"] == told["inForce"]["moves"]
    assert told["tried"]["failovers"] == 0


def test_a_drained_instance_is_left_and_ready_brings_it_back(web: Server) -> None:
    web.until_active("web-1")
    drained = web.client("drain", "web", "web-1")
    assert (drained.code, drained.out) == (0, "web-1 is ordered drain; web-2 is active in web.\n")
    deadline = time.monotonic() + DEADLINE_SECONDS
    while served_by(web) != "web-2":
        assert time.monotonic() < deadline
    assert web.client("switch", "web", "--to", "web-1").code == 1
    assert web.client("ready", "web", "web-1").code == 0
    web.until_active("web-1")


def test_apply_of_the_file_that_up_took_changes_nothing(web: Server) -> None:
    file = web.data_dir.parent / "proxies.yaml"
    assert web.client("apply", "-f", str(file)).out == "Nothing to change.\n"


def test_apply_makes_a_second_proxy_and_prune_takes_it_away(web: Server, tmp_path: Path) -> None:
    more = tmp_path / "more.yaml"
    before = (web.data_dir.parent / "proxies.yaml").read_text()
    more.write_text(before + "  - proxyId: batch\n    instances: [{instanceName: batch-1}]\n")
    first = web.client("apply", "-f", str(more))
    assert (first.code, first.err) == (0, "")
    assert "+ proxy batch" in first.out
    assert web.client("apply", "-f", str(more)).out == "Nothing to change.\n"
    more.write_text(before)
    assert web.client("apply", "-f", str(more)).out == "Nothing to change.\n"
    assert "- proxy batch" in web.client("apply", "-f", str(more), "--prune").out
    assert web.client("status", "batch").code == 2


def test_an_invalid_file_changes_nothing(web: Server, tmp_path: Path) -> None:
    file = tmp_path / "proxies.yaml"
    file.write_text("proxies:\n  - proxyId: new\n  - proxyId: web\n    config: {unhealthyThreshold: 0}\n")
    before = web.client("status", "--json").out
    refused = web.client("apply", "-f", str(file))
    assert refused.code == 2
    assert refused.err.startswith(
        f"switchover: {file}:4:34: proxies[1].config.unhealthyThreshold: 0 is not valid"
    )
    names = [proxy["proxyId"] for proxy in json.loads(web.client("status", "--json").out)]
    assert names == [proxy["proxyId"] for proxy in json.loads(before)]


def test_a_second_up_on_the_same_data_directory_is_refused(web: Server) -> None:
    second = switchover("up", "--port", "0", "--data-dir", str(web.data_dir))
    assert second.code == 1
    assert f"another switchover runs on it (process {web.process.pid})" in second.err
    assert web.client("status").code == 0


def test_up_with_an_invalid_file_starts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "proxies.yaml"
    file.write_text("proxies: [{proxyId: web, colour: red}]")
    refused = switchover("up", "--port", "0", "--data-dir", str(tmp_path / "data"), "-f", str(file))
    assert refused.code == 2
    assert f"{file}:1:26: proxies[0].colour" in refused.err
    assert not (tmp_path / "data").exists()


def test_down_ends_the_server_and_its_envoy(tmp_path: Path) -> None:
    with up(tmp_path / "data") as server:
        (envoy,) = (
            int(line.split("process ")[1].split(",")[0]) for line in server.announced if "Envoy" in line
        )
        down = server.client("down")
        assert (down.code, down.err) == (0, "")
        assert server.process.wait(DEADLINE_SECONDS) == 0
        with pytest.raises(ProcessLookupError):
            os.kill(envoy, 0)
        assert "Nothing runs" in server.client("down").out
        gone = server.client("status")
        assert gone.code == 3
