"""What people order over HTTP while traffic flows: moves, drain, maintenance, deletion, load balancing."""

import asyncio
import time
from collections import Counter
from typing import Any

import pytest
from tests.load import Load, load
from tests.machine import Machine
from tests.waiting import eventually

from switchover.model.events import EventStatus, EventType

RATE = 200.0
WEIGHTS = {"web-1": 50, "web-2": 100, "web-3": 250}


async def test_of_two_admins_at_once_one_wins_and_the_other_is_told_the_state(web: Machine) -> None:
    await web.serve()
    source, *targets = [await web.id_of(name) for name in ("web-1", "web-2", "web-3")]
    orders = [
        {"proxyId": "web", "sourceInstanceId": source, "targetInstanceId": target} for target in targets
    ]

    answers = await asyncio.gather(*(web.ask("POST", "/proxy/failover/execute", order) for order in orders))

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (won,) = (answer.json()["data"] for answer in answers if answer.status_code == 200)
    (lost,) = (answer.json()["error"] for answer in answers if answer.status_code == 409)
    assert lost["statusCode"] == 409
    assert lost["details"]["state"] == {"activeInstanceId": won["targetInstanceId"], "epoch": 2}
    view = await web.proxy()
    assert (view.active_id, view.epoch) == (won["targetInstanceId"], 2)
    assert [e.event_type for e in await web.events()] == [EventType.SWITCHOVER, EventType.ACTIVATION]


@pytest.mark.parametrize("order", ["drain", "maintenance", "delete"])
async def test_taking_the_active_away_costs_no_request(web: Machine, order: str) -> None:
    await web.serve()
    instance_id = await web.id_of("web-1")

    async with load(web.listener, rate=RATE, target="/?delay=0.02") as running:
        await eventually(lambda: running.answered_by()["web-1"] > RATE)
        if order == "delete":
            await web.data_of("DELETE", f"/proxy/instances/{instance_id}")
        else:
            path = f"/proxy/instances/{instance_id}/admin-state"
            await web.data_of("PUT", path, {"adminState": order})
        event = await web.settled("web-2", healthy=("web-2", "web-3"))
        since = time.monotonic()
        await eventually(lambda: running.answered_by(since)["web-2"] > RATE)

    assert running.failures == []
    assert set(running.answered_by(since)) == {"web-2"}
    assert (event.status, event.epoch, event.source_id) == (EventStatus.COMPLETED, 2, instance_id)


async def test_each_algorithm_gives_every_instance_its_share(web: Machine) -> None:
    await web.serve(instances={name: {"weight": weight} for name, weight in WEIGHTS.items()})

    async with load(web.listener, rate=RATE) as running:
        for algorithm in ("round_robin", "least_connections", "weighted"):
            shares = await spread(running, await balanced(web, algorithm), 2 * RATE)
            expected = WEIGHTS if algorithm == "weighted" else dict.fromkeys(WEIGHTS, 1)
            for name, weight in expected.items():
                fair = shares.total() * weight / sum(expected.values())
                assert fair * 0.5 < shares[name] < fair * 1.6, (algorithm, shares)

        await web.data_of(
            "PUT", f"/proxy/instances/{await web.id_of('web-3')}/admin-state", {"adminState": "drain"}
        )
        since = await applied(web, r"^cluster\.web\.membership_total$", 2)
        assert set(await spread(running, since, RATE)) == {"web-1", "web-2"}

    assert running.failures == []


async def spread(running: Load, since: float, count: float) -> Counter[str]:
    """Wait until so many requests that started since then are answered; by whom."""
    await eventually(lambda: running.answered_by(since).total() >= count)
    return running.answered_by(since)


async def balanced(web: Machine, algorithm: str) -> float:
    """Order this algorithm; from when on it is in force."""
    update = r"^cluster\.web\.update_success$"
    before = await web.counters(r"^cluster_manager\.cds\.update_success$|" + update)
    config: dict[str, Any] = {"enableLoadBalancing": True, "loadBalancingAlgorithm": algorithm}
    await web.data_of("POST", "/proxy/failover/config", {"proxyId": "web", "config": config})

    async def taken() -> bool:
        return before != await web.counters(r"^cluster_manager\.cds\.update_success$|" + update)

    await eventually(taken)
    # A changed cluster serves once it is warm.
    return await applied(web, r"^cluster_manager\.warming_clusters$", 0)


async def applied(web: Machine, pattern: str, value: int) -> float:
    """Wait until this number of Envoy's is `value`; when that was."""

    async def so() -> bool:
        return set((await web.counters(pattern)).values()) == {value}

    await eventually(so)
    return time.monotonic()
