from datetime import datetime

import pytest
from tests.command_line import Runs
from tests.contract_server import ContractServer


@pytest.fixture(autouse=True)
def _web(contract: ContractServer) -> None:
    contract.add_proxy("web")
    for name in ("web-1", "web-2"):
        contract.add_instance("web", {"instanceName": name})


def instance_id(contract: ContractServer, name: str) -> str:
    return next(str(i["id"]) for i in contract.proxies["web"]["instances"] if i["instanceName"] == name)


def test_switch_waits_for_the_outcome_and_tells_it(client: Runs, contract: ContractServer) -> None:
    code, out, err = client("switch", "web", "--to", "web-2", "--reason", "kernel update")
    assert (code, err) == (0, "")
    assert out == "Completed: switchover of web from web-1 to web-2, in 7 ms (epoch 2).\n"
    assert contract.changes == [
        (
            "POST",
            "/proxy/failover/switchover",
            {
                "proxyId": "web",
                "targetInstanceId": instance_id(contract, "web-2"),
                "reason": "kernel update",
            },
        )
    ]


def test_switch_takes_an_id_too(client: Runs, contract: ContractServer) -> None:
    assert client("switch", "web", "--to", instance_id(contract, "web-2"))[0] == 0


def test_switch_to_the_active_moves_nothing(client: Runs, contract: ContractServer) -> None:
    code, out, _ = client("switch", "web", "--to", "web-1")
    assert (code, out) == (0, "web-1 carries web already; nothing was moved.\n")
    assert contract.changes == []


def test_switch_to_an_unknown_instance_names_those_that_there_are(
    client: Runs, contract: ContractServer
) -> None:
    code, _, err = client("switch", "web", "--to", "web-9")
    assert (code, err) == (2, "switchover: web has no instance 'web-9'; its instances are web-1, web-2\n")
    assert contract.changes == []


def test_a_switch_that_fails_says_why(client: Runs, contract: ContractServer) -> None:
    contract.switches_end_as = "failed"
    code, out, err = client("switch", "web", "--to", "web-2")
    assert (code, out) == (1, "")
    assert err == "switchover: switchover of web from web-1 to web-2 failed: embedded: rejected\n"


def test_a_switch_that_nobody_confirms_is_given_up_after_the_wait(
    client: Runs, contract: ContractServer
) -> None:
    contract.switches_end_as = "in_progress"
    code, _, err = client("switch", "web", "--to", "web-2", "--wait", "0.2")
    assert code == 1
    assert "is not confirmed after 0.2 s; `switchover events web` tells more" in err


def test_unpin_takes_the_pin_off(client: Runs, contract: ContractServer) -> None:
    contract.proxies["web"]["pinnedInstanceId"] = instance_id(contract, "web-1")
    assert client("unpin", "web")[:2] == (0, "web is not pinned.\n")
    assert contract.proxies["web"]["pinnedInstanceId"] is None


def test_pin_says_who_until_when_and_why(client: Runs, contract: ContractServer) -> None:
    code, out, err = client("pin", "web", "--reason", "rack 7", "--pin-for", "2h")
    assert (code, err) == (0, "")
    assert out.startswith("web-1 is pinned in web by operator until 20")
    assert out.endswith("Z: rack 7.\n")
    ((_, path, body),) = contract.changes
    assert path == "/proxy/web/pin"
    assert body is not None
    assert body["reason"] == "rack 7"
    assert datetime.fromisoformat(body["until"]).tzinfo is not None


def test_switch_hands_the_end_of_the_pin_over(client: Runs, contract: ContractServer) -> None:
    assert client("switch", "web", "--to", "web-2", "--pin-for", "30m")[0] == 0
    ((_, _, body),) = contract.changes
    assert body is not None
    assert "pinUntil" in body


def test_a_pin_for_no_time_is_refused_before_anything_moves(client: Runs, contract: ContractServer) -> None:
    code, _, err = client("switch", "web", "--to", "web-2", "--pin-for", "soon")
    assert (code, contract.requests) == (2, [])
    assert "--pin-for: 'soon' is not valid" in err


def test_undamp_clears_an_instance_by_name(client: Runs, contract: ContractServer) -> None:
    assert client("undamp", "web", "web-2") == (0, "web-2 is not damped.\n", "")
    path = f"/proxy/instances/{instance_id(contract, 'web-2')}/damping"
    assert contract.changes == [("DELETE", path, None)]


@pytest.mark.parametrize("state", ["ready", "drain", "maintenance"])
def test_admin_states_are_ordered_by_name(client: Runs, contract: ContractServer, state: str) -> None:
    code, out, _ = client(state, "web", "web-2")
    assert (code, out) == (0, f"web-2 is ordered {state}; web-1 is active in web.\n")
    assert contract.changes == [
        (
            "PUT",
            f"/proxy/instances/{instance_id(contract, 'web-2')}/admin-state",
            {"adminState": state},
        )
    ]
