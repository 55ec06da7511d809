"""`explain`, `replay` and `simulate` as clients of the contract."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.command_line import Runs
from tests.contract_server import ContractServer
from tests.proxies import NOON, instance, view_of

from switchover.control.evidence import evidence_of
from switchover.control.plain import plain
from switchover.decision.decide import decide
from switchover.model.observation import Health

EVENT = "00000000-0000-7000-8000-00000000e001"


def recorded(contract: ContractServer, **changes: Any) -> None:
    """An explanation of a failover from a to b, three failures after the first."""
    view = view_of(instance("a", Health.UNHEALTHY, priority=1), instance("b", priority=2), active="a")
    evidence = evidence_of(view, decide(view, NOON), NOON, sightings={}, actor="switchover", reason="x")
    contract.explanations[EVENT] = {
        "words": ["Failover of web from a to b.", "Why: \x1b[31mhot."],
        "evidence": json.loads(json.dumps(evidence)),
        **changes,
    }


def policy(tmp_path: Path, text: str) -> str:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    return str(file)


def test_explain_tells_of_an_event_or_of_a_proxy(client: Runs, contract: ContractServer) -> None:
    recorded(contract)
    contract.add_proxy("web")
    contract.standings["web"] = {"words": ["web stays on a: No failover needed."]}
    assert client("explain", EVENT) == (0, "Failover of web from a to b.\nWhy: \\x1b[31mhot.\n", "")
    assert client("explain", "web") == (0, "web stays on a: No failover needed.\n", "")
    assert json.loads(client("explain", EVENT, "--json")[1]) == contract.explanations[EVENT]


def test_a_proxy_that_is_called_like_an_event_is_explained(client: Runs, contract: ContractServer) -> None:
    contract.add_proxy(EVENT)
    contract.standings[EVENT] = {"words": ["stays."]}
    assert client("explain", EVENT) == (0, "stays.\n", "")


def test_what_there_is_not_is_told_as_it_was_asked_for(client: Runs) -> None:
    code, _, err = client("explain", EVENT)
    assert (code, err) == (2, f"switchover: event {EVENT} not found (PROXY_FAILOVER_023)\n")
    code, _, err = client("explain", "nope")
    assert (code, err) == (2, "switchover: proxy nope not found (PROXY_FAILOVER_021)\n")


def test_replay_says_that_it_is_the_same_decision(client: Runs, contract: ContractServer) -> None:
    recorded(contract)
    code, out, err = client("replay", EVENT)
    assert (code, err) == (0, "")
    assert out == "The same decision: failover from a to b: Active instance unhealthy (10 failures).\n"
    told = json.loads(client("replay", EVENT, "--json")[1])
    assert (told["same"], told["differences"], told["replayed"]["kind"]) == (True, [], "failover")


def test_replay_fails_with_every_difference_when_it_is_another_one(
    client: Runs, contract: ContractServer
) -> None:
    recorded(contract)
    contract.explanations[EVENT]["evidence"]["record"]["decision"]["facts"]["failures"] = 9
    code, out, err = client("replay", EVENT)
    assert code == 1
    assert "Recorded: failover from a to b: Active instance unhealthy (9 failures)." in out
    assert ["facts.failures", "9", "10"] in [line.split() for line in out.splitlines()]
    assert err == "switchover: the decision replays differently; this version decides by other rules\n"
    code, out, _ = client("replay", EVENT, "--json")
    assert (code, json.loads(out)["same"]) == (1, False)


def test_replay_with_another_policy_shows_what_would_have_been_done(
    client: Runs, contract: ContractServer, tmp_path: Path
) -> None:
    recorded(contract)
    file = policy(tmp_path, "unhealthyThreshold: 20\n")
    code, out, err = client("replay", EVENT, "--policy", file)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:3] == [
        "Recorded: failover from a to b: Active instance unhealthy (10 failures).",
        f"With {file}: hold: No failover needed.",
        "Other settings: unhealthyThreshold 3 → 20.",
    ]
    assert ["kind", "failover", "hold"] in [line.split() for line in lines]
    told = json.loads(client("replay", EVENT, "--policy", file, "--json")[1])
    assert told["settings"] == {"unhealthyThreshold": {"recorded": 3, "tried": 20}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("unhealthyThreshold: 0\n", "1:21: unhealthyThreshold: 0 is not valid; allowed"),
        (
            "config:\n  healthCheck: {type: icmp}\n",
            "2:23: healthCheck.type: 'icmp' is not valid; allowed are tcp",
        ),
        ("colour: red\n", "colour: 'red' is not valid; there is no such field"),
        ("- a\n", "1:1: (the file): "),
        ("a: [\n", ":"),
        (
            "healthCheckIntervalSeconds: 1\nhealthCheckTimeoutSeconds: 3\n",
            "healthCheckTimeoutSeconds: 3.0 is not valid",
        ),
    ],
)
def test_a_policy_that_is_not_valid_is_told_with_its_place(
    client: Runs, contract: ContractServer, tmp_path: Path, text: str, told: str
) -> None:
    recorded(contract)
    file = policy(tmp_path, text)
    code, out, err = client("replay", EVENT, "--policy", file)
    assert (code, out) == (2, "")
    assert err.startswith(f"switchover: {file}:")
    assert told in err


def test_replay_of_old_evidence_and_of_no_event_is_refused(client: Runs, contract: ContractServer) -> None:
    recorded(contract, evidence={"strategy": "priority", "candidates": []})
    code, _, err = client("replay", EVENT)
    assert (code, err) == (
        1,
        f"switchover: event {EVENT} cannot be replayed: its evidence has no record of a decision; an earlier version made it, or it is no move\n",
    )
    code, _, err = client("replay", "web")
    assert (code, err[:31]) == (2, "switchover: EVENT: 'web' is not")


def ago(**of: float) -> datetime:
    return datetime.now(UTC) - timedelta(**of)


def turned(instance_id: str, number: int, at: datetime, **changes: Any) -> Mapping[str, Any]:
    return {
        "id": f"00000000-0000-7000-9000-{number:012d}",
        "proxyId": "web",
        "instanceId": instance_id,
        "at": plain(at),
        "fromStatus": "healthy",
        "toStatus": "unhealthy",
        "reason": "fall_reached",
        "code": "timeout",
        "consecutiveFailures": 3,
        "consecutivePasses": 0,
        "firstFailedAt": plain(at - timedelta(seconds=2)),
        **changes,
    }


def well(instance_id: str, number: int, at: datetime) -> Mapping[str, Any]:
    return turned(
        instance_id,
        number,
        at,
        fromStatus="unhealthy",
        toStatus="healthy",
        reason="rise_reached",
        consecutiveFailures=0,
        consecutivePasses=2,
        firstFailedAt=None,
    )


def outage_of_ten_seconds(contract: ContractServer) -> None:
    """An hour ago web-1 failed for 10 s, and it was failed over from and back to."""
    contract.add_proxy("web")
    first = contract.add_instance("web", {"instanceName": "web-1", "priority": 10})
    second = contract.add_instance("web", {"instanceName": "web-2", "priority": 20})
    at = ago(hours=1)
    contract.transitions["web"] = [
        dict(turned(first["id"], 1, at + timedelta(seconds=2))),
        dict(well(first["id"], 2, at + timedelta(seconds=11))),
    ]
    for away, to, kind, seconds in ((first, second, "failover", 2), (second, first, "failback", 16)):
        moved = plain(at + timedelta(seconds=seconds))
        contract.add_event(
            "web",
            eventType=kind,
            sourceInstanceId=away["id"],
            targetInstanceId=to["id"],
            stages={"committedAt": moved},
            createdAt=moved,
        )


def test_simulate_counts_for_both_policies_over_what_was_recorded(
    client: Runs, contract: ContractServer, tmp_path: Path
) -> None:
    outage_of_ten_seconds(contract)
    file = policy(tmp_path, "unhealthyThreshold: 30\n")
    code, out, err = client("simulate", "web", "--policy", file, "--since", "2h", "--json")
    assert (code, err) == (0, "")
    (told,) = json.loads(out)["proxies"]
    assert told == {
        "proxyId": "web",
        "recorded": {
            "moves": 2,
            "failovers": 1,
            "failbacks": 1,
            "byHand": 0,
            "flaps": 1,
            "minutesDown": 0.033,
        },
        "inForce": {
            "moves": 2,
            "failovers": 1,
            "failbacks": 1,
            "byHand": 0,
            "flaps": 1,
            "minutesDown": 0.033,
        },
        "tried": {"moves": 0, "failovers": 0, "failbacks": 0, "byHand": 0, "flaps": 0, "minutesDown": 0.167},
        "gaps": [],
    }
    lines = [line.split() for line in client("simulate", "--all", "--policy", file)[1].splitlines()]
    assert lines[0][:4] == ["PROXY", "POLICY", "MOVES", "FAILOVERS"]
    assert lines[1] == ["web", "as", "recorded", "2", "1", "1", "0", "1", "2.0", "s"]
    assert lines[3] == [file, "0", "0", "0", "0", "0", "10.0", "s"]


def test_simulate_reads_a_long_history_page_by_page(
    client: Runs, contract: ContractServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switchover.cli.recorded.TRANSITIONS_PAGE", 3)
    contract.add_proxy("web")
    first = contract.add_instance("web", {"instanceName": "web-1", "priority": 10})
    contract.add_instance("web", {"instanceName": "web-2", "priority": 20})
    begin = ago(hours=2)
    for n in range(5):
        at = begin + timedelta(minutes=10 * n)
        contract.transitions.setdefault("web", []).append(dict(turned(first["id"], 2 * n, at)))
        contract.transitions["web"].append(dict(well(first["id"], 2 * n + 1, at + timedelta(minutes=1))))
    code, out, _ = client("simulate", "web", "--policy", policy(tmp_path, "{}"), "--since", "3h", "--json")
    (told,) = json.loads(out)["proxies"]
    assert code == 0
    assert told["inForce"] == told["tried"]
    assert told["inForce"]["failovers"] >= 4
    asked = [path for _, path, _ in contract.requests if "health-transitions" in path]
    assert len(asked) > 3


def test_simulate_says_what_the_record_lacks(client: Runs, contract: ContractServer, tmp_path: Path) -> None:
    outage_of_ten_seconds(contract)
    contract.proxies["web"]["createdAt"] = plain(ago(minutes=90))
    contract.audits["web"] = [
        {
            "id": EVENT,
            "at": plain(ago(minutes=30)),
            "action": "config.change",
            "subjectId": None,
            "proxyId": "web",
            "detail": {},
        },
    ]
    out = client("simulate", "web", "--policy", policy(tmp_path, "{}"), "--since", "2h")[1]
    assert "web: the proxy is younger: it was created " in out
    assert "web: its configuration changed once in that time; the one in force now is simulated" in out


def test_simulate_wants_one_proxy_or_all_and_a_time(client: Runs, tmp_path: Path) -> None:
    file = policy(tmp_path, "{}")
    for arguments in (("simulate",), ("simulate", "web", "--all")):
        code, _, err = client(*arguments, "--policy", file)
        assert (code, err) == (2, "switchover: PROXY: give a proxy's id, or --all for every one\n")
    code, _, err = client("simulate", "web", "--policy", file, "--since", "soon")
    assert (code, err[:33]) == (2, "switchover: --since: 'soon' is no")
