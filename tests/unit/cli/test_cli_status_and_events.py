import io
import json

from rich.console import Console
from tests.command_line import Runs
from tests.contract_record import Answer
from tests.contract_server import ContractServer

from switchover.cli.event_tables import events_drawn
from switchover.cli.event_views import event_view
from switchover.cli.tables import overview
from switchover.cli.views import proxy_view


def two_proxies(contract: ContractServer) -> None:
    contract.add_proxy("web", {"listener": {"port": 10000}})
    contract.add_instance("web", {"instanceName": "web-1", "address": "127.0.0.1:9001", "priority": 10})
    sick = contract.add_instance("web", {"instanceName": "web-2", "priority": 20}, health="unhealthy")
    sick["consecutiveFailures"], sick["lastHealthDetail"] = 3, "connection refused"
    contract.add_proxy("api", {"failoverStrategy": "round_robin"})


def test_status_shows_who_carries_each_proxy_and_how_its_instances_are(
    client: Runs, contract: ContractServer
) -> None:
    two_proxies(contract)
    code, out, err = client("status")
    assert (code, err) == (0, "")
    header, api, web, node = out.splitlines()
    assert header.split() == [
        "PROXY",
        "ACTIVE",
        "INSTANCES",
        "REDUNDANCY",
        "EPOCH",
        "STRATEGY",
        "LAST",
        "MOVE",
    ]
    assert api.split()[:3] == ["api", "—", "none"]
    assert web.split()[:2] == ["web", "web-1"]
    assert "web-1 ✓ healthy, web-2 ✗ unhealthy  single degraded" in web
    assert node == "Node embedded is connected."


def test_status_without_proxies_says_what_to_do(client: Runs) -> None:
    code, out, _ = client("status")
    assert (code, out.splitlines()[0]) == (
        0,
        "No proxies yet. `switchover apply -f proxies.yaml` makes some.",
    )


def test_status_repeats_a_nodes_own_words(client: Runs, contract: ContractServer) -> None:
    two_proxies(contract)
    contract.proxies["web"]["rejections"] = {
        "embedded": "cannot bind '127.0.0.1:10000': Address already in use"
    }
    assert (
        "Node embedded refuses web: cannot bind '127.0.0.1:10000': Address already in use"
        in client("status")[1]
    )


def test_status_of_one_proxy_shows_its_instances_and_last_events(
    client: Runs, contract: ContractServer
) -> None:
    two_proxies(contract)
    contract.add_event("web", targetInstanceId=contract.proxies["web"]["activeInstanceId"])
    code, out, _ = client("status", "web")
    assert code == 0
    for words in (
        "127.0.0.1:10000",
        "connection refused",
        "failover",
        "12 ms",
        "+400 ms"[1:],
        "No failover needed",
    ):
        assert words in out


def test_status_shows_scores_pins_and_what_happens_when_all_are_down(
    client: Runs, contract: ContractServer
) -> None:
    config = {"allDown": "fail_fast", "failbackWindow": {"start": "22:00", "end": "02:00"}}
    web = contract.add_proxy("web", config)
    first = contract.add_instance("web", {"instanceName": "web-1"})
    second = contract.add_instance("web", {"instanceName": "web-2"}, health="unhealthy")
    first |= {"flapScore": 3.42, "dampedBy": ["flapping"], "dampedUntil": "2026-01-01T10:20:30Z"}
    second |= {"flapScore": 1.0, "dampedBy": ["damped"]}
    pin = {"instanceId": first["id"], "by": "root", "reason": "rack 7", "until": "2026-01-01T12:00:00Z"}
    web |= {"isAllDown": True, "pinnedInstanceId": first["id"], "pin": pin}

    code, out, _ = client("status", "web")

    assert code == 0
    for words in (
        "3.4, damped until 10:20:30Z",
        "1.0, damped until it is well",
        "fail_fast (they are)",
        "web-1 by root until 2026-01-01 12:00:00Z: rack 7",
        "automatic, daily from 22:00 to 02:00 UTC",
    ):
        assert words in out


def test_status_for_machines_is_what_the_api_says(client: Runs, contract: ContractServer) -> None:
    two_proxies(contract)
    contract.page_size = 1
    assert json.loads(client("status", "--json")[1]) == [contract.proxies["api"], contract.proxies["web"]]
    one = json.loads(client("status", "web", "--json")[1])
    assert one == {**contract.proxies["web"], "events": []}


def test_an_unknown_proxy_is_an_error_on_standard_error(client: Runs) -> None:
    code, out, err = client("status", "nope")
    assert (code, out) == (2, "")
    assert err == "switchover: proxy nope not found (PROXY_FAILOVER_021)\n"


def test_a_name_cannot_steer_the_terminal(client: Runs, contract: ContractServer) -> None:
    two_proxies(contract)
    contract.proxies["web"]["rejections"] = {"embedded": "\x1b[2J\x1b[31mgone\r\nsecond line [bold]x[/bold]"}
    _, out, _ = client("status")
    assert "\x1b" not in out
    assert "refuses web: \\x1b[2J\\x1b[31mgone  second line [bold]x[/bold]" in out


def test_events_name_instances_and_stage_times(client: Runs, contract: ContractServer) -> None:
    two_proxies(contract)
    first, second = contract.proxies["web"]["instances"]
    contract.add_event("web", sourceInstanceId=first["id"], targetInstanceId=second["id"])
    contract.add_event("web", status="failed", errorMessage="embedded: timed out", durationMs=None)
    code, out, _ = client("events", "web", "--limit", "2")
    assert code == 0
    header, failed, completed = out.splitlines()
    assert header.split()[:7] == ["AT", "EVENT", "FROM", "TO", "STATUS", "EPOCH", "TOOK"]
    assert "failed" in failed
    assert "embedded: timed out" in failed
    assert completed.split()[2:9] == ["failover", "web-1", "web-2", "completed", "2", "12", "ms"]
    assert "400 ms" in completed


def test_events_for_machines_are_what_the_api_says(client: Runs, contract: ContractServer) -> None:
    two_proxies(contract)
    contract.add_event("web")
    assert json.loads(client("events", "web", "--json")[1]) == contract.events["web"]


def test_a_limit_beyond_what_is_allowed_is_wrong_usage(client: Runs, contract: ContractServer) -> None:
    code, _, err = client("events", "web", "--limit", "501")
    assert code == 2
    assert "--limit" in err
    assert contract.requests == []


def test_a_narrow_terminal_gets_a_few_lines_for_each_event(contract: ContractServer) -> None:
    two_proxies(contract)
    first, second = contract.proxies["web"]["instances"]
    event = contract.add_event("web", sourceInstanceId=first["id"], targetInstanceId=second["id"])
    written = io.StringIO()
    console = Console(file=written, width=100)
    console.print(events_drawn(console, proxy_view(contract.proxies["web"]), [event_view(event)]))
    assert written.getvalue().splitlines() == [
        "2026-01-01 00:00:00Z  failover web-1 → web-2 completed in 12 ms (epoch 2)",
        "    Active instance unhealthy (3 failures)",
        "    detected 00:00:00 → decided +400 ms → committed +— → applied +— → verified +—",
    ]


def test_a_terminal_stacks_the_instances_of_a_proxy(contract: ContractServer) -> None:
    two_proxies(contract)
    written = io.StringIO()
    console = Console(file=written, width=100, force_terminal=True, no_color=True, color_system=None)
    overview(console, [proxy_view(contract.proxies["web"])])
    _, first, second = written.getvalue().splitlines()
    assert "web-1 ✓ healthy" in first
    assert second.split() == ["web-2", "✗", "unhealthy", "degraded"]


def replica(name: str, *, owned: int, live: bool = True, answers: bool = False) -> dict[str, object]:
    return {
        "name": name,
        "url": f"http://{name}:8700",
        "since": "2026-01-01T00:00:00Z",
        "isSelf": answers,
        "isLive": live,
        "proxiesOwned": owned,
        "standing": "renewed 0.4 s ago" if live else "gone, renewed 12.0 s ago",
    }


def test_status_shows_the_replicas_when_there_are_several(client: Runs, contract: ContractServer) -> None:
    two_proxies(contract)
    contract.replicas = [replica("r1", owned=2, answers=True)]
    assert "REPLICA" not in client("status")[1]
    contract.replicas.append(replica("r2", owned=0, live=False))
    lines = client("status")[1].splitlines()[-3:]
    assert lines[0].split() == ["REPLICA", "PROXIES", "STANDING", "SINCE", "URL"]
    assert lines[1].split("  ")[0] == "r1 (answers)"
    assert "renewed 0.4 s ago" in lines[1]
    assert lines[2].split() == [
        *("r2", "0", "gone,", "renewed", "12.0", "s", "ago", "2026-01-01", "00:00:00Z", "http://r2:8700")
    ]


def test_status_of_one_proxy_names_its_owner(client: Runs, contract: ContractServer) -> None:
    two_proxies(contract)
    assert "owner" not in client("status", "web")[1]
    contract.proxies["web"]["owner"] = "r2"
    assert "owner        r2" in client("status", "web")[1]


def test_status_repeats_that_what_is_shown_may_be_old(client: Runs, contract: ContractServer) -> None:
    two_proxies(contract)
    page = {"data": list(contract.proxies.values()), "count": 2, "nextAfter": None}
    warning = '110 - "the store does not answer since 2026-01-01T00:00:00Z; this is what was known then"'
    contract.answers = [Answer(200, json.dumps(page).encode(), {"warning": warning})]
    code, out, err = client("status")
    assert code == 0
    assert "web-1" in out
    assert err == (
        "switchover: the store does not answer since 2026-01-01T00:00:00Z; this is what was known then\n"
    )
