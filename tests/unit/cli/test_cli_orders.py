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


def test_switch_without_a_target_takes_the_best_standby(client: Runs, contract: ContractServer) -> None:
    code, out, _ = client("switch", "web")
    assert (code, out) == (0, "Completed: switchover of web from web-1 to web-2, in 7 ms (epoch 2).\n")
    assert contract.changes[0][2] == {"proxyId": "web"}


def test_force_needs_a_reason_and_tells_what_it_skipped(client: Runs, contract: ContractServer) -> None:
    code, _, err = client("switch", "web", "--to", "web-2", "--force")
    assert (code, err) == (2, "switchover: --reason: is missing; --force needs one\n")
    assert contract.changes == []
    code, out, _ = client("switch", "web", "--to", "web-2", "--force", "--reason", "Probes lie")
    assert (code, "(forced, skipping: unhealthy)" in out) == (0, True)
    body = contract.changes[0][2]
    assert body is not None
    assert (body["force"], body["reason"]) == (True, "Probes lie")


def test_a_switch_for_later_is_not_waited_for(client: Runs, contract: ContractServer) -> None:
    code, out, _ = client("switch", "web", "--to", "web-2", "--at", "2026-01-31T23:00:00+01:00")
    assert (code, out) == (0, "web moves to web-2 at 2026-01-31 22:00:00Z.\n")
    body = contract.changes[0][2]
    assert body is not None
    assert body["scheduledFor"] == "2026-01-31T22:00:00+00:00"
    assert client("unschedule", "web")[:2] == (0, "web has no scheduled switchover any more.\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("switch", "web", "--at", "tonight"), "--at: 'tonight' is not valid"),
        (("switch", "web", "--at", "2026-01-31T22:00:00"), "--at: '2026-01-31T22:00:00' is not valid"),
        (
            ("drain", "web", "web-1", "--for", "2 weeks"),
            "--for: '2 weeks' is not valid; allowed is a number and s, m, h or d",
        ),
        (("drill", "web", "--hold", "-1"), "--hold: '-1' is not valid"),
        (("drill", "web", "--cancel", "--list"), "--cancel: cannot be given with --list"),
    ],
)
def test_a_time_that_is_none_is_refused(
    client: Runs, contract: ContractServer, arguments: tuple[str, ...], told: str
) -> None:
    code, _, err = client(*arguments)
    assert (code, err[: len("switchover: ") + len(told)]) == (2, f"switchover: {told}")
    assert contract.changes == []


def test_a_drain_has_a_reason_and_an_end(client: Runs, contract: ContractServer) -> None:
    code, out, _ = client(
        "drain", "web", "web-2", "--reason", "Kernel update", "--for", "2h", "--timeout", "1.5m"
    )
    assert code == 0
    assert out == "web-2 is ordered drain until 2026-01-01 02:00:00Z; web-1 is active in web.\n"
    assert contract.changes[0][2] == {
        "adminState": "drain",
        "reason": "Kernel update",
        "expiresInSeconds": 7200.0,
        "drainTimeoutSeconds": 90.0,
    }
    _, status, _ = client("status", "web")
    told = " ".join(status.split())
    assert (
        "order web-2 drain by ann until 2026-01-01 02:00:00Z: Kernel update (draining, 3 requests open)"
        in told
    )


def test_waiting_for_a_drain_tells_how_far_it_is(client: Runs, contract: ContractServer) -> None:
    instance = next(i for i in contract.proxies["web"]["instances"] if i["instanceName"] == "web-2")
    instance["adminOrder"] = {"actor": "ann", "leftOpen": 0}
    contract.answers = [
        contract.answer(contract.proxies["web"]),
        contract.answer(instance),
        contract.answer(contract.proxies["web"]),
        contract.drained(instance, "draining"),
        contract.drained(instance, "idle"),
    ]
    code, out, _ = client("drain", "web", "web-2", "--wait")
    assert code == 0
    assert out.splitlines()[1:] == ["web-2 drains: 3 requests open.", "web-2 is idle."]


def test_a_drill_is_followed_to_its_end(client: Runs, contract: ContractServer) -> None:
    moment = "2026-01-01T00:00:0{}Z"
    contract.drill_steps = [
        {"status": "moving", "startedAt": moment.format(1)},
        {"movedAt": moment.format(2)},
        {"status": "returning"},
        {"status": "completed", "outcome": "succeeded", "finishedAt": moment.format(9)},
    ]
    code, out, _ = client("drill", "web", "--hold", "5s", "--reason", "Quarterly")
    assert code == 0
    assert out.splitlines() == [
        "The drill of web begins.",
        "web-2 takes over from web-1.",
        "web-2 carries web.",
        "web-1 takes over again.",
        "The drill succeeded: web-1 → web-2 → web-1 in 8.0 s.",
    ]
    assert contract.changes[0][2] == {"reason": "Quarterly", "holdSeconds": 5.0}
    assert "succeeded" in client("drill", "web", "--list")[1]


def test_a_drill_that_is_refused_is_told_with_the_reason(client: Runs, contract: ContractServer) -> None:
    ended = {"status": "failed", "outcome": "refused", "message": "the proxy is degraded"}
    contract.drill_steps = [{**ended, "finishedAt": "2026-01-01T00:00:01Z"}]
    code, _, err = client("drill", "web")
    assert (code, err) == (1, "switchover: the drill of web ended as refused: the proxy is degraded\n")


def test_a_drill_for_later_is_ordered_and_cancelled(client: Runs) -> None:
    at = "2026-01-31T22:00:00Z"
    assert client("drill", "web", "--at", at)[:2] == (0, "A drill of web begins at 2026-01-31 22:00:00Z.\n")
    assert client("drill", "web", "--cancel")[:2] == (0, "The drill of web is cancelled.\n")


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
