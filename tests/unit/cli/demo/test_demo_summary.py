import io
from dataclasses import replace

import pytest
from rich.console import Console
from tests.contract_server import ContractServer

from switchover.app.clock import SystemClock
from switchover.cli.demo.acts import Act, Seen
from switchover.cli.demo.command import declaration, summary
from switchover.cli.demo.load import Load
from switchover.cli.demo.processes import InstanceProcess
from switchover.cli.event_views import event_view
from switchover.cli.views import proxy_view
from switchover.control.documents import parse_instance, parse_policy
from switchover.model.events import EventStatus

ACT = Act(title="Crash", begun_at=0.0, ended_at=1.0, event=None, missed=None)


@pytest.fixture
def seen() -> Seen:
    contract = ContractServer()
    contract.add_proxy("demo")
    contract.add_instance("demo", {"instanceName": "web-1"})
    return Seen(proxy=proxy_view(contract.proxies["demo"]), events=(event_view(contract.add_event("demo")),))


def load(*, failed: int) -> Load:
    ended = Load("127.0.0.1", 1, 1.0, SystemClock())
    ended.total, ended.failed = 100, failed
    return ended


def told(acts: list[Act], seen: Seen, ended: Load) -> tuple[bool, str]:
    written = io.StringIO()
    well = summary(Console(file=written, width=10_000), acts, seen, ended)
    return well, written.getvalue()


def test_all_is_well_when_nothing_failed_and_every_event_was_completed(seen: Seen) -> None:
    well, words = told([ACT], seen, load(failed=0))
    assert well
    assert "A crash and a hang, 100 requests, none failed; every event was completed." in words


def test_what_the_machine_was_too_busy_to_send_is_told_and_no_failure(seen: Seen) -> None:
    ended = load(failed=0)
    ended.unsent = 30
    well, words = told([ACT], seen, ended)
    assert well
    assert "This machine was too busy for 30 more requests; they were not sent." in words


def test_one_failed_request_is_not_well(seen: Seen) -> None:
    well, words = told([ACT], seen, load(failed=1))
    assert not well
    assert "Not as it should be: 1 of 100 requests failed." in words


@pytest.mark.parametrize("status", [EventStatus.FAILED, EventStatus.IN_PROGRESS])
def test_an_event_that_was_not_completed_is_not_well(seen: Seen, status: EventStatus) -> None:
    event = replace(seen.events[0], status=status)
    well, words = told([ACT], replace(seen, events=(event,)), load(failed=0))
    assert not well
    assert "1 events were not completed" in words


def test_a_move_that_did_not_come_is_not_well(seen: Seen) -> None:
    well, words = told([replace(ACT, missed="no failover came")], seen, load(failed=0))
    assert not well
    assert "Not as it should be: no failover came." in words


def test_the_demos_declaration_is_valid() -> None:
    (proxy,) = declaration(10000, [InstanceProcess("web-1", 9001)])["proxies"]
    assert parse_policy(proxy["config"], None).failback_hold_down_seconds == 2
    assert parse_instance(proxy["instances"][0]).name == "web-1"
