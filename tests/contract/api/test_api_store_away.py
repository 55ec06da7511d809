"""What the API answers while the store does not."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.api_world import ApiWorld, api_world, assert_error

from switchover.control.outage import OUTAGE_SECONDS
from switchover.testing.memory_store import MemoryStore


@pytest.fixture
async def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def world(store: MemoryStore) -> AsyncIterator[ApiWorld]:
    async with api_world(store=store) as running:
        yield running
        store.unavailable = False


READS = (
    "/proxy",
    "/proxy/web",
    "/proxy/failover/config/web",
    "/proxy/web/instances",
    "/proxy/web/redundancy",
)


async def away(world: ApiWorld, store: MemoryStore, seconds: float = 10) -> None:
    store.unavailable = True
    await world.bench.clock.advance(seconds)


async def test_reads_from_memory_say_since_when_the_store_is_away(
    world: ApiWorld, store: MemoryStore
) -> None:
    await world.proxy("a", "b")
    for path in READS:
        assert "warning" not in (await world.call("GET", path)).headers
    await away(world, store)
    since = world.service.stale_since()
    assert since is not None
    for path in READS:
        response = await world.call("GET", path)
        assert response.status_code == 200, response.text
        assert response.headers["warning"] == (
            f'110 - "the store does not answer since {since:%Y-%m-%dT%H:%M:%S}Z; this is what was known then"'
        )
    said = await world.call("POST", "/proxy/failover/evaluate", {"proxyId": "web"})
    assert "warning" in said.headers
    store.unavailable = False
    await world.bench.clock.advance(1)
    assert "warning" not in (await world.call("GET", "/proxy/web")).headers


@pytest.mark.parametrize(
    ("method", "path", "body", "number"),
    [
        ("POST", "/proxy/failover/config", {"proxyId": "new"}, 2),
        ("POST", "/proxy/failover/config", {"proxyId": "web", "config": {"unhealthyThreshold": 9}}, 2),
        ("POST", "/proxy/instances", {"proxyId": "web", "instanceData": {"instanceName": "x"}}, 6),
        ("POST", "/proxy/failover/switchover", {"proxyId": "web"}, 43),
        ("PUT", "/proxy/web/redundancy", {"isDegraded": True}, 18),
        ("GET", "/proxy/web/failover/events", None, 19),
        ("DELETE", "/proxy/web", None, 35),
    ],
)
async def test_what_needs_the_store_is_503_with_a_time_to_try_again(
    world: ApiWorld, store: MemoryStore, method: str, path: str, body: Any, number: int
) -> None:
    await world.proxy("a", "b")
    await world.close_open_event()
    await away(world, store)
    response = await world.call(method, path, body, user="root")
    error = assert_error(response, 503, number)
    assert response.headers["retry-after"] == "1"
    assert error["message"] == "the store does not answer; try again"
    store.unavailable = False
    await world.bench.clock.advance(1)
    assert (await world.call(method, path, body, user="root")).is_success


async def test_who_cannot_decide_is_not_ready_and_says_why(world: ApiWorld, store: MemoryStore) -> None:
    assert (await world.http.get("/readyz")).json() == {"status": "ready", "reasons": []}
    await away(world, store, 5)
    store_was_missed_at = world.service.stale_since()
    assert store_was_missed_at is not None
    await world.bench.clock.advance(OUTAGE_SECONDS)
    response = await world.http.get("/readyz")
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    told = response.json()
    assert told["status"] == "not ready"
    assert told["reasons"] == [f"the store does not answer since {store_was_missed_at:%Y-%m-%dT%H:%M:%S}Z"]
    assert (await world.http.get("/healthz")).status_code == 200, "a restart would mend nothing"
    store.unavailable = False
    await world.bench.clock.advance(1)
    assert (await world.http.get("/readyz")).status_code == 200
