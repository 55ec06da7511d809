"""What a full disk, a restored backup and a missing socket come to."""

import os
import signal
import sqlite3
import time
from contextlib import closing

import psutil
from tests.load import load
from tests.machine import Machine
from tests.waiting import eventually

from switchover.model.events import EventStatus, EventType

RATE = 200.0


async def test_a_full_disk_stops_no_traffic_and_the_record_follows_once_there_is_room(web: Machine) -> None:
    await web.serve()
    assert web.process is not None
    ours, target = psutil.Process(web.process.pid), await web.id_of("web-3")
    room = ours.rlimit(psutil.RLIMIT_FSIZE)

    async with load(web.listener, rate=RATE) as running:
        # No write to any file succeeds any more, our own log included.
        ours.rlimit(psutil.RLIMIT_FSIZE, (0, room[1]))
        answer = await web.ask(
            "POST", "/proxy/failover/switchover", {"proxyId": "web", "targetInstanceId": target}
        )
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        web.instances["web-1"].kill()
        await eventually(lambda: running.answered_by()["web-2"] > RATE)
        await eventually(lambda: believed(web, "web-1", "unhealthy"))
        view = await web.proxy()
        assert (view.name_of(view.active_id), view.epoch) == ("web-1", 1)

        ours.rlimit(psutil.RLIMIT_FSIZE, room)
        event = await web.settled("web-2", healthy=("web-2", "web-3"))

    assert running.failures == []
    assert set(running.answered_by()) == {"web-1", "web-2"}
    assert (event.event_type, event.status, event.epoch) == (EventType.FAILOVER, EventStatus.COMPLETED, 2)


async def believed(web: Machine, name: str, health: str) -> bool:
    instance = (await web.proxy()).instance(name)
    return instance is not None and instance.health == health


async def test_a_restored_backup_takes_back_no_epoch_and_costs_no_request(web: Machine) -> None:
    await web.serve()
    await web.end(signal.SIGTERM)
    database = web.data / "switchover.db"
    backup = database.read_bytes()
    await web.up()
    for target in ("web-2", "web-3", "web-2"):
        order = {"proxyId": "web", "targetInstanceId": await web.id_of(target)}
        await web.data_of("POST", "/proxy/failover/switchover", order)
        await web.settled(target)
    await web.end(signal.SIGTERM)
    assert sorted(path.name for path in web.data.glob("switchover.db*")) == ["switchover.db"]
    database.write_bytes(backup)

    async with load(web.listener, rate=RATE) as running:
        await eventually(lambda: running.answered_by()["web-2"] > RATE)
        await web.up()
        # The restored record has its way, under an epoch that the node has never seen.
        await eventually(lambda: epoch_is(web, 5))
        since = time.monotonic()
        await eventually(lambda: running.answered_by(since)["web-1"] > RATE)
        order = {"proxyId": "web", "targetInstanceId": await web.id_of("web-3")}
        await web.data_of("POST", "/proxy/failover/switchover", order)
        event = await web.settled("web-3")

    assert running.failures == []
    assert (event.epoch, event.status) == (6, EventStatus.COMPLETED)
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as stored:
        raised = stored.execute("SELECT detail FROM audit_log WHERE action = 'epoch.raise'").fetchall()
    assert len(raised) == 1
    assert "store is behind a node" in web.all_logs()


async def epoch_is(web: Machine, epoch: int) -> bool:
    return (await web.proxy()).epoch == epoch


async def test_an_envoy_that_dies_when_our_socket_was_removed_finds_the_new_one(web: Machine) -> None:
    await web.serve()
    envoy = web.envoy_pid
    web.envoy_paths.xds_socket.unlink()
    os.kill(envoy, signal.SIGKILL)
    await eventually(lambda: web.has_envoy_besides(envoy))

    async with load(web.listener, rate=20) as running:
        await eventually(lambda: running.answered_by()["web-1"] > 10)
    assert "Traceback" not in web.all_logs()
