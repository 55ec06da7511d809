import io
import sys
from pathlib import Path

import pytest
from tests.command_line import Runs
from tests.contract_record import Answer
from tests.contract_server import ContractServer

FILE = """proxies:
  - proxyId: web
    config:
      healthCheckIntervalSeconds: 1
      listener: {address: 127.0.0.1, port: 10000}
    instances:
      - {instanceName: web-2, address: "127.0.0.1:9002", priority: 20}
      - {instanceName: web-1, address: "127.0.0.1:9001", priority: 10}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "proxies.yaml"
    path.write_text(FILE)
    return path


def test_a_new_proxy_is_made_with_the_preferred_instance_first(
    client: Runs, contract: ContractServer, file: Path
) -> None:
    code, out, err = client("apply", "-f", str(file))
    assert (code, err) == (0, "")
    assert [body for _, _, body in contract.changes] == [
        {
            "proxyId": "web",
            "config": {"healthCheckIntervalSeconds": 1, "listener": {"address": "127.0.0.1", "port": 10000}},
        },
        {
            "proxyId": "web",
            "instanceData": {"instanceName": "web-1", "address": "127.0.0.1:9001", "priority": 10},
        },
        {
            "proxyId": "web",
            "instanceData": {"instanceName": "web-2", "address": "127.0.0.1:9002", "priority": 20},
        },
    ]
    assert out.splitlines() == [
        "+ proxy web",
        "    healthCheckIntervalSeconds: 1",
        '    listener.address: "127.0.0.1"',
        "    listener.port: 10000",
        "  + instance web-1",
        '      address: "127.0.0.1:9001"',
        "      priority: 10",
        "  + instance web-2",
        '      address: "127.0.0.1:9002"',
        "      priority: 20",
        "Applied 3 changes.",
    ]


def test_a_file_may_come_from_standard_input(
    client: Runs, contract: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FILE.encode())))
    assert client("apply", "-f", "-")[0] == 0
    assert len(contract.changes) == 3
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"proxies: 5")))
    code, _, err = client("apply", "-f", "-")
    assert (code, err[:35]) == (2, "switchover: standard input:1:10: pr")


def test_the_second_run_finds_nothing_to_change(client: Runs, contract: ContractServer, file: Path) -> None:
    client("apply", "-f", str(file))
    contract.requests.clear()
    code, out, _ = client("apply", "-f", str(file))
    assert (code, out) == (0, "Nothing to change.\n")
    assert contract.changes == []


def test_damping_windows_and_all_down_are_declared_and_then_are_no_change(
    client: Runs, contract: ContractServer, file: Path
) -> None:
    settings = """
      flapDamping: {halfLifeSeconds: 60, suppressLimit: 4}
      minDwellSeconds: 2
      failback: automatic
      failbackWindow: {start: "22:00", end: "06:00", timeZone: Europe/Berlin}
      allDown: fail_fast
"""
    file.write_text(FILE.replace("    config:\n", f"    config:{settings}"))
    assert client("apply", "-f", str(file))[0] == 0
    assert contract.policies["web"].all_down.value == "fail_fast"
    assert client("apply", "-f", str(file))[:2] == (0, "Nothing to change.\n")

    file.write_text(file.read_text().replace('"22:00"', "22:00"))
    code, _, err = client("apply", "-f", str(file))
    assert code == 2
    assert "failbackWindow.start: 1320" in err
    assert "in quotes in YAML" in err


def test_a_dry_run_prints_the_changes_and_makes_none(
    client: Runs, contract: ContractServer, file: Path
) -> None:
    code, out, _ = client("apply", "-f", str(file), "--dry-run")
    assert code == 0
    assert "+ proxy web" in out
    assert out.endswith("Dry run: 3 changes would be made; nothing was changed.\n")
    assert contract.changes == []


def test_only_fields_that_the_file_gives_are_changed(
    client: Runs, contract: ContractServer, file: Path
) -> None:
    contract.add_proxy(
        "web", {"healthCheckIntervalSeconds": 1, "unhealthyThreshold": 7, "listener": {"port": 9999}}
    )
    contract.add_instance(
        "web", {"instanceName": "web-1", "address": "127.0.0.1:9001", "weight": 3, "priority": 50}
    )
    contract.add_instance("web", {"instanceName": "web-2", "address": "127.0.0.1:9002", "priority": 20})
    code, out, _ = client("apply", "-f", str(file))
    assert code == 0
    assert [(method, body) for method, _, body in contract.changes] == [
        ("POST", {"proxyId": "web", "config": {"listener": {"address": "127.0.0.1", "port": 10000}}}),
        ("PATCH", {"priority": 10}),
    ]
    assert out.splitlines() == [
        "~ proxy web",
        "    listener.port: 9999 → 10000",
        "  ~ instance web-1",
        "      priority: 50 → 10",
        "Applied 2 changes.",
    ]


def test_nothing_is_removed_without_prune(client: Runs, contract: ContractServer, file: Path) -> None:
    client("apply", "-f", str(file))
    contract.add_proxy("old")
    contract.add_instance("web", {"instanceName": "web-3"})
    code, out, _ = client("apply", "-f", str(file))
    assert (code, out) == (0, "Nothing to change.\n")


def test_prune_removes_proxies_first_and_instances_last(
    client: Runs, contract: ContractServer, file: Path
) -> None:
    contract.page_size = 1
    contract.add_proxy("old")
    contract.add_proxy("web")
    gone = contract.add_instance("web", {"instanceName": "web-0"})
    code, out, err = client("apply", "-f", str(file), "--prune")
    assert (code, err) == (0, "")
    assert [(method, path) for method, path, _ in contract.changes] == [
        ("DELETE", "/proxy/old"),
        ("POST", "/proxy/failover/config"),
        ("POST", "/proxy/instances"),
        ("POST", "/proxy/instances"),
        ("DELETE", f"/proxy/instances/{gone['id']}"),
    ]
    assert "- proxy old" in out
    assert "  - instance web-0" in out


def test_prune_leaves_instances_of_a_proxy_whose_instances_the_file_does_not_name(
    client: Runs, contract: ContractServer, file: Path
) -> None:
    contract.add_proxy("web")
    contract.add_instance("web", {"instanceName": "web-0"})
    file.write_text("proxies: [{proxyId: web}]")
    assert client("apply", "-f", str(file), "--prune")[:2] == (0, "Nothing to change.\n")


def test_an_explicit_null_goes_back_to_the_default_and_then_is_no_change(
    client: Runs, contract: ContractServer, file: Path
) -> None:
    contract.add_proxy("web", {"healthCheckIntervalSeconds": 2, "healthCheckTimeoutSeconds": 1})
    file.write_text("proxies: [{proxyId: web, config: {healthCheckTimeoutSeconds: null}}]")
    code, out, _ = client("apply", "-f", str(file))
    assert (code, out.splitlines()[1]) == (0, "    healthCheckTimeoutSeconds: 1.0 → 2.0")
    assert client("apply", "-f", str(file))[1] == "Nothing to change.\n"


def test_an_invalid_file_changes_nothing_and_says_where(
    client: Runs, contract: ContractServer, file: Path
) -> None:
    file.write_text(FILE.replace("port: 10000", "port: 70000").replace("priority: 20", "priority: low"))
    code, out, err = client("apply", "-f", str(file))
    assert (code, out) == (2, "")
    assert [line.split(": ")[:2] for line in err.splitlines()] == [
        [f"{file}:5:44", "proxies[0].config.listener.port"],
        [f"{file}:7:68", "proxies[0].instances[0].priority"],
    ]
    assert contract.requests == []


def test_a_field_of_a_newer_server_is_left_alone(client: Runs, contract: ContractServer, file: Path) -> None:
    client("apply", "-f", str(file))
    contract.proxies["web"]["config"]["fieldOfTheFuture"] = 1
    contract.proxies["web"]["config"]["traffic"]["another"] = True
    assert client("apply", "-f", str(file))[:2] == (0, "Nothing to change.\n")


def test_what_contradicts_the_stored_policy_is_refused_before_anything_changes(
    client: Runs, contract: ContractServer, file: Path
) -> None:
    contract.add_proxy("web", {"exclusive": True})
    file.write_text("proxies: [{proxyId: new}, {proxyId: web, config: {enableLoadBalancing: true}}]")
    code, _, err = client("apply", "-f", str(file))
    assert code == 2
    assert err.startswith(
        "switchover: proxy web: config.enableLoadBalancing: True is not valid; allowed is false"
    )
    assert contract.changes == []


NOT_FOUND = b'{"error": {"code": "PROXY_FAILOVER_003", "message": "not found", "statusCode": 404}}'


@pytest.mark.parametrize("status", [409, 400])
def test_a_refusal_half_way_says_what_was_made_before(
    client: Runs, contract: ContractServer, file: Path, status: int
) -> None:
    refusal = b'{"error": {"code": "PROXY_FAILOVER_020", "message": "name taken"}}'
    contract.answers = [Answer(404, NOT_FOUND), Answer(201, b'{"data": {}}'), Answer(status, refusal)]
    code, _, err = client("apply", "-f", str(file))
    assert code == 1
    assert err == (
        "switchover: instance web-1 of proxy web: name taken (PROXY_FAILOVER_020); "
        "1 of 3 changes were made before it\n"
    )


def test_a_refusal_of_the_first_change_is_invalid_input(
    client: Runs, contract: ContractServer, file: Path
) -> None:
    contract.answers = [Answer(404, NOT_FOUND), Answer(400, b'{"error": {"message": "no"}}')]
    assert client("apply", "-f", str(file))[0] == 2
