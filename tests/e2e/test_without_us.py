"""Our process dies or restarts under full load: the Envoy serves on, and whoever comes back finds the truth."""

import signal
import time

from tests.load import load
from tests.machine import Machine
from tests.waiting import eventually

from switchover.model.events import EventStatus, EventType

RATE = 200.0
CONFIGURED = (
    r"^(listener_manager\.(listener_(added|modified|removed|create_success|in_place_updated)|lds\.update_success"
    r"|lds\.update_rejected|total_listeners_draining)|cluster_manager\.(cluster_(added|modified|removed|updated)"
    r"|cds\.update_success|cds\.update_rejected)|cluster\.web\.(update_success|update_rejected|membership_change)"
    r"|http\.web\.rds\.web\.(update_success|update_rejected|config_reload))$"
)
"""Envoy's counters of configuration that it took or refused; connections to us are not among them."""


async def reconnected(web: Machine) -> None:
    """Envoy is connected to this life of ours, and every instance has had a fresh verdict."""

    async def so() -> bool:
        nodes = await web.data_of("GET", "/nodes")
        return [node["state"] for node in nodes] == ["connected"]

    await eventually(so)
    began = await last_checks(web)

    async def probed() -> bool:
        return all(after > before for before, after in zip(began, await last_checks(web), strict=True))

    await eventually(probed)


async def last_checks(web: Machine) -> list[str]:
    return [i["lastHealthCheck"] for i in await web.data_of("GET", "/proxy/web/instances")]


async def test_a_failover_while_we_are_dead_is_found_and_put_on_record(web: Machine) -> None:
    await web.serve()
    envoy = web.envoy_pid

    async with load(web.listener, rate=RATE) as running:
        await eventually(lambda: running.answered_by()["web-1"] > RATE)
        await web.kill()
        killed = time.monotonic()
        await eventually(lambda: running.answered_by(killed)["web-1"] > RATE)
        web.instances["web-1"].kill()
        await eventually(lambda: running.answered_by(killed)["web-2"] > RATE)
        await web.up()
        assert web.envoy_pid == envoy
        event = await web.settled("web-2", healthy=("web-2", "web-3"))
        settled = time.monotonic()
        await eventually(lambda: running.answered_by(settled)["web-2"] > RATE)

    assert running.failures == []
    assert set(running.answered_by(settled)) == {"web-2"}
    assert (event.event_type, event.status, event.epoch) == (EventType.FAILOVER, EventStatus.COMPLETED, 2)
    view = await web.proxy()
    assert view.epoch == 2
    assert {i.name: (i.standing, i.health) for i in view.instances} == {
        "web-1": ("ineligible", "unhealthy"),
        "web-2": ("active", "healthy"),
        "web-3": ("standby", "healthy"),
    }


async def test_a_plain_restart_touches_neither_a_request_nor_the_configuration(web: Machine) -> None:
    await web.serve()
    envoy = web.envoy_pid
    await reconnected(web)
    before = await web.counters(CONFIGURED)
    assert before["listener_manager.listener_added"] == 1
    assert before["cluster.web.update_success"] >= 1

    async with load(web.listener, rate=RATE) as running:
        # Without the file as a service would, and with it as the tutorial does.
        for declared in (False, True):
            await eventually(lambda: len(running.requests) > RATE)
            assert await web.end(signal.SIGTERM) == 0
            await web.up(declared=declared)
            assert web.envoy_pid == envoy
            await reconnected(web)
            assert await web.counters(CONFIGURED) == before

    assert running.failures == []
    assert set(running.answered_by()) == {"web-1"}
    assert [event.event_type for event in await web.events()] == [EventType.ACTIVATION]
    assert "Traceback" not in web.all_logs()


async def test_an_envoy_that_dies_is_started_again_and_serves_what_it_served(web: Machine) -> None:
    await web.serve()
    envoy = web.envoy_pid

    web.kill_envoy()
    await eventually(lambda: web.has_envoy_besides(envoy))

    async with load(web.listener, rate=20) as running:
        await eventually(lambda: running.answered_by()["web-1"] > 10)
    assert (await web.proxy()).epoch == 1
    assert "Traceback" not in web.all_logs()
