import io
from collections import Counter

import pytest
from rich.console import Console
from tests.contract_server import ContractServer

from switchover.cli.demo.load import Window
from switchover.cli.demo.processes import Doing
from switchover.cli.demo.stage import LiveStage, Picture, PlainStage, stage_for
from switchover.cli.event_tables import stage_times
from switchover.cli.event_views import event_view
from switchover.cli.views import proxy_view


@pytest.fixture
def picture() -> Picture:
    contract = ContractServer()
    contract.add_proxy("demo")
    for name in ("web-1", "web-2"):
        contract.add_instance("demo", {"instanceName": name})
    event = contract.add_event(
        "demo",
        stages={
            "detectedAt": "2026-01-01T00:00:00Z",
            "decidedAt": "2026-01-01T00:00:01.400Z",
            "committedAt": "2026-01-01T00:00:01.405Z",
            "appliedAt": "2026-01-01T00:00:01.420Z",
            "verifiedAt": None,
        },
    )
    return Picture(
        seconds=7.25,
        act="Crash: web-1 is killed (SIGKILL)",
        proxy=proxy_view(contract.proxies["demo"]),
        event=event_view(event),
        doing={"web-1": Doing.KILLED, "web-2": Doing.RUNNING},
        sent=1450,
        failed=2,
        last=Window(
            requests=200, failed=0, late=3, p99_ms=12.0, slowest_ms=130.0, by_instance=Counter({"web-2": 200})
        ),
    )


def test_a_pipe_gets_plain_lines(picture: Picture) -> None:
    written = io.StringIO()
    console = Console(file=written, width=10_000)
    stage = stage_for(console)
    assert isinstance(stage, PlainStage)
    with stage:
        stage.tell(0.0, "Calm")
        stage.show(picture)
        stage.show(picture)
    assert written.getvalue().splitlines() == [
        "  0.0 s  Calm",
        "  7.2 s  web-1 serves · 200/s, 1450 sent, 2 failed, p99 12 ms · web-1 healthy, web-2 healthy",
    ]


def test_a_terminal_gets_a_live_picture_with_the_story_beneath(picture: Picture) -> None:
    written = io.StringIO()
    console = Console(file=written, width=120, height=50, force_terminal=True)
    stage = stage_for(console)
    assert isinstance(stage, LiveStage)
    with stage:
        stage.show(picture)
        stage.tell(7.3, "failover web-1 → web-2")
    shown = written.getvalue()
    for words in (
        "Crash: web-1 is killed",
        "1450 requests",
        "2 failed",
        "p99 12 ms",
        "killed",
        "committed +1405 ms",
    ):
        assert words in shown
    assert "failover web-1 → web-2" in shown


def test_stages_are_told_after_detection(picture: Picture) -> None:
    assert picture.event is not None
    assert stage_times(picture.event) == (
        "detected 00:00:00 → decided +1400 ms → committed +1405 ms → applied +1420 ms → verified +—"
    )
