import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.command_line import Runs
from tests.contract_record import MADE_SECRET
from tests.contract_server import ContractServer

from switchover.cli.tables import recovery_words
from switchover.cli.views import RecoveryView

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GIVEN = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture(autouse=True)
def _web(contract: ContractServer) -> None:
    contract.add_proxy("web")
    contract.add_instance("web", {"instanceName": "web-1"}, health="unhealthy")


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (
            RecoveryView(attempt=2, most_attempts=3, is_under_way=False, next_at=NOW + timedelta(seconds=10)),
            "recovering (attempt 2 of 3, next in 10 s)",
        ),
        (
            RecoveryView(attempt=1, most_attempts=3, is_under_way=True, next_at=None),
            "recovering (attempt 1 of 3 under way)",
        ),
        (
            RecoveryView(attempt=3, most_attempts=3, is_under_way=False, next_at=NOW + timedelta(seconds=40)),
            "recovering (attempt 3 of 3, given up in 40 s)",
        ),
        (
            RecoveryView(attempt=1, most_attempts=3, is_under_way=False, next_at=NOW - timedelta(seconds=40)),
            "recovering (attempt 1 of 3, next in 0 s)",
        ),
    ],
)
def test_how_a_recovery_stands_is_told_in_a_few_words(view: RecoveryView, words: str) -> None:
    assert recovery_words(view, NOW) == words


def test_status_shows_a_recovery_with_its_instance(client: Runs, contract: ContractServer) -> None:
    (instance,) = contract.proxies["web"]["instances"]
    instance["recovery"] = {"attempt": 2, "mostAttempts": 3, "isUnderWay": True, "nextAt": None}
    assert "recovering (attempt 2 of 3 under way)" in client("status", "web")[1]


def test_recover_calls_for_an_instance(client: Runs, contract: ContractServer) -> None:
    code, out, err = client("recover", "web", "web-1", "--reason", "The disk was replaced")
    assert (code, err) == (0, "")
    assert out.startswith("web-1 of web is called for (event ")
    instance_id = contract.proxies["web"]["instances"][0]["id"]
    path = f"/proxy/instances/{instance_id}/recover"
    assert contract.changes == [("POST", path, {"reason": "The disk was replaced"})]


def test_a_secret_that_the_server_made_is_all_of_the_output(client: Runs) -> None:
    assert client("secret", "web") == (
        0,
        f"{MADE_SECRET}\n",
        "The recovery webhook of web has another secret; the former one signs too until the next.\n",
    )


@pytest.mark.parametrize("where", ["file", "-"])
def test_a_secret_that_is_given_is_not_printed(
    client: Runs, contract: ContractServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{GIVEN}\n")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{GIVEN}\n"))
    code, out, err = client("secret", "web", "--from", str(file) if where == "file" else "-")
    assert (code, out) == (0, "")
    assert GIVEN not in err
    assert contract.changes == [("POST", "/proxy/web/recovery/secret", {"secret": GIVEN})]
