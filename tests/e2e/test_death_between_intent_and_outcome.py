"""SIGKILL of our process at every step of a move; an ordinary `up` afterwards finds one truth and closes the story."""

import contextlib
import signal
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from tests.load import Load
from tests.machine import Machine
from tests.waiting import eventually

from switchover.model.events import EventStatus, EventType
from switchover.model.trail import Topic

DYING_UP = Path(__file__).parent / "dying_up.py"
POINTS = ("before-commit", "after-commit", "before-apply", "after-receipt", "before-close", "after-close")


def outbox(web: Machine) -> list[tuple[str, bool]]:
    """Topic of every message of a move, and whether it was handed over."""
    with closing(sqlite3.connect(f"file:{web.data / 'switchover.db'}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT topic, delivered_at IS NOT NULL FROM outbox_messages").fetchall()
    return [(topic, bool(delivered)) for topic, delivered in rows if topic.startswith("move.")]


async def start_dying(web: Machine, point: str, *, exclusive: bool) -> None:
    """Serve with a process that will die at `point`."""
    web.declare(exclusive=exclusive)
    await web.instances.start(*web.instances.ports)
    await web.up(declared=True, command=(sys.executable, str(DYING_UP), point))
    await web.settled("web-1")


async def assert_one_truth(web: Machine, active: str, *moves: tuple[EventType, int]) -> None:
    """Exactly one instance is active, record and node agree on it, every event is closed, and every one was told."""
    await web.settled(active, healthy=(active,))
    view = await web.proxy()
    assert [i.name for i in view.instances if i.standing == "active"] == [active]
    assert view.epoch == len(moves)
    events = await web.events()
    assert [(e.event_type, e.epoch, e.status) for e in reversed(events)] == [
        (kind, epoch, EventStatus.COMPLETED) for kind, epoch in moves
    ]
    request = await Load(host="127.0.0.1", port=web.listener).one()
    assert (request.instance, request.failure) == (active, None)
    await eventually(lambda: all(delivered for _, delivered in outbox(web)))
    assert Counter(topic for topic, _ in outbox(web)) == {
        Topic.MOVE_COMMITTED.value: len(moves),
        Topic.MOVE_CLOSED.value: len(moves),
    }


@pytest.mark.parametrize("point", POINTS)
async def test_a_failover_that_we_do_not_survive_ends_well(web: Machine, point: str) -> None:
    await start_dying(web, point, exclusive=False)
    envoy = web.envoy_pid
    web.instances["web-1"].kill()
    assert await web.ended() == -signal.SIGKILL

    await web.up()

    assert web.envoy_pid == envoy
    await assert_one_truth(web, "web-2", (EventType.ACTIVATION, 1), (EventType.FAILOVER, 2))


@pytest.mark.parametrize("point", [*POINTS, "between-break-and-make"])
async def test_an_exclusive_switchover_that_we_do_not_survive_ends_well(web: Machine, point: str) -> None:
    await start_dying(web, point, exclusive=True)
    order = {"proxyId": "web", "targetInstanceId": await web.id_of("web-2")}
    # The answer may come before the death, or be lost with it.
    with contextlib.suppress(httpx.TransportError):
        await web.data_of("POST", "/proxy/failover/switchover", order)
    assert await web.ended() == -signal.SIGKILL

    await web.up()

    if point == "before-commit":
        await assert_one_truth(web, "web-1", (EventType.ACTIVATION, 1))
    else:
        await assert_one_truth(web, "web-2", (EventType.ACTIVATION, 1), (EventType.SWITCHOVER, 2))
