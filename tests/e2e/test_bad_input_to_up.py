"""What `up` is told wrongly: one clear line on standard error, an exit code, and nothing changed."""

import os
import socket
from pathlib import Path

import pytest
from tests.machine import Machine, run

AS_ROOT = "root may write everywhere"


def written(home: Path) -> dict[Path, int]:
    """Every file and when it was last written."""
    return {path: path.stat().st_mtime_ns for path in home.rglob("*")}


async def refused(home: Path, *options: str, code: int, env: dict[str, str] | None = None) -> str:
    """Start `up` and have it refused; its one line, without the program's name."""
    before = written(home)
    done = await run("up", "--port", "0", "--data-dir", str(home / "data"), *options, env=env)
    assert (done.code, done.out) == (code, ""), done.err
    (line,) = done.err.splitlines()
    assert line.startswith("switchover: ")
    assert written(home) == before
    return line.removeprefix("switchover: ")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("proxies:\n  - proxyId: web\n  extra: [}\n", "3:3", "; allowed is one YAML document"),
        ("proxies:\n  - proxyId: a/b\n", "2:14", "proxies[0].proxyId: 'a/b' is not valid; allowed"),
        (
            "proxies:\n  - proxyId: web\n    config: {listener: {address: 127.0.0.1, port: 70000}}\n",
            "3:51",
            "proxies[0].config.listener.port: 70000 is not valid; allowed",
        ),
        (
            "proxies:\n  - proxyId: web\n    config: {listener: {port: 9, protocol: tcp}}\n",
            "3:44",
            "proxies[0].config.listener.protocol: 'tcp' is not valid; TCP listeners are not supported yet; allowed",
        ),
        (
            "proxies:\n  - proxyId: web\n    instances: [{instanceName: a, address: here}]\n",
            "3:44",
            "proxies[0].instances[0].address: 'here' is not valid; allowed",
        ),
    ],
)
async def test_a_wrong_file_is_refused_with_the_place(
    tmp_path: Path, text: str, place: str, words: str
) -> None:
    file = tmp_path / "proxies.yaml"
    file.write_text(text)
    line = await refused(tmp_path, "-f", str(file), code=2)
    assert line.startswith(f"{file}:{place}: ")
    assert words in line


async def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "nowhere.yaml"
    assert str(file) in await refused(tmp_path, "-f", str(file), code=2)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SWITCHOVER_HOST", "", "SWITCHOVER_HOST: '' is not valid"),
        ("SWITCHOVER_PROBE_CONCURRENCY", "many", "SWITCHOVER_PROBE_CONCURRENCY: 'many' is not valid"),
        (
            "SWITCHOVER_JWT_SECRET",
            "too short",
            "SWITCHOVER_JWT_SECRET: '…' is not valid; allowed are 32 bytes",
        ),
        (
            "SWITCHOVER_JWT_JWKS_URL",
            "http://idp.example/keys",
            "SWITCHOVER_JWT_JWKS_URL: 'http://idp.example/keys' is not valid; allowed is an https address",
        ),
        (
            "SWITCHOVER_JWT_JWKS_URL",
            "https://ann:hunter2@idp.example/keys",
            "SWITCHOVER_JWT_JWKS_URL: '…' is not valid; allowed is an address without a user name",
        ),
        (
            "SWITCHOVER_JWT_ALGORITHMS",
            "RS256, HS256",
            "SWITCHOVER_JWT_ALGORITHMS: 'RS256, HS256' is not valid; allowed are one or more of ES256",
        ),
        (
            "SWITCHOVER_COLOUR",
            "red",
            "SWITCHOVER_COLOUR: '…' is not valid; there is no such setting; allowed are",
        ),
    ],
)
async def test_a_wrong_variable_is_refused(tmp_path: Path, name: str, value: str, words: str) -> None:
    assert (await refused(tmp_path, code=2, env={name: value})).startswith(words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = ", "it is not TOML: "),
        ("colour = 1", "colour: 1 is not valid; there is no such setting; allowed are "),
        ("log_level = 'loud'", "log_level: 'loud' is not valid; input should be 'debug', 'info'"),
        (
            "events_retention_days = 0",
            "events_retention_days: 0 is not valid; input should be greater than 0",
        ),
    ],
)
async def test_a_wrong_settings_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "switchover.toml"
    file.write_text(text)
    line = await refused(tmp_path, "--config", str(file), code=2)
    assert str(file) in line
    assert words in line


async def test_a_port_in_use_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = await run("up", "--port", str(port), "--data-dir", str(tmp_path / "data"))
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"switchover: --host, --port: '127.0.0.1:{port}' is not valid; it cannot be listened on "
        "(Address already in use); allowed is a free address and port\n"
    )
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["lock"]


async def test_a_data_directory_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    line = await refused(tmp_path, code=1)
    assert line.startswith(f"--data-dir {tmp_path / 'data'}: ")
    assert (tmp_path / "data").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason=AS_ROOT)
async def test_a_data_directory_that_is_not_writable_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    line = await refused(tmp_path, code=1)
    assert line == f"--data-dir {tmp_path / 'data'}: is not a directory that we may write to"


async def test_a_data_directory_in_use_is_refused_and_its_holder_serves_on(web: Machine) -> None:
    await web.serve()
    assert web.process is not None
    envoy, before = web.envoy_pid, await web.proxy()

    done = await run("up", "--port", "0", "--data-dir", str(web.data))

    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"switchover: --data-dir {web.data}: another switchover runs on it (process {web.process.pid}); "
        "end it with `switchover down`, or choose another directory\n"
    )
    assert web.envoy_pid == envoy
    assert (await web.proxy()).epoch == before.epoch


async def test_a_wrong_call_of_the_api_changes_nothing(web: Machine) -> None:
    await web.serve()
    stored = await web.data_of("GET", "/proxy/failover/config/web")

    answer = await web.ask(
        "POST",
        "/proxy/failover/config",
        {"proxyId": "web", "config": {"unhealthyThreshold": 0, "exclusive": True}},
    )

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "PROXY_FAILOVER_001"
    (problem,) = error["details"]["problems"]
    assert (problem["field"], problem["value"]) == ("config.unhealthyThreshold", 0)
    assert "1" in problem["allowed"]
    assert await web.data_of("GET", "/proxy/failover/config/web") == stored
