"""How a real Envoy shares requests among the instances of one tier."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.backend import backend
from tests.envoy_node import (
    APPLY_SECONDS,
    answered_by,
    control_plane,
    endpoint,
    envoy_node,
    plan,
)
from tests.load import Load, load
from tests.ports import free_port
from tests.waiting import eventually

from switchover.model.plan import Endpoint, ReceiptKind
from switchover.model.policy import BalancingAlgorithm
from switchover.switch.envoy.driver import EnvoyDriver

REQUESTS = 600


@pytest.fixture
async def driver() -> AsyncIterator[EnvoyDriver]:
    async with envoy_node() as node, control_plane(node.xds_socket) as made:
        await made.start([])
        await node.start()
        yield made


async def _share(
    driver: EnvoyDriver, endpoints: Sequence[Endpoint], algorithm: BalancingAlgorithm
) -> Counter[str]:
    """Who answered how many of `REQUESTS` requests, sent one after the other."""
    port = free_port()
    wanted = plan(endpoints, port=port, balancing=algorithm)
    assert (await driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED
    client = Load(host="127.0.0.1", port=port)
    await eventually(lambda: _answers(client))
    client.requests.clear()
    for _ in range(REQUESTS):
        await client.one(keep_alive=True)
    await client.close()
    assert client.failures == []
    return client.answered_by()


async def _answers(client: Load) -> bool:
    return (await client.one()).failure is None


async def test_round_robin_gives_each_the_same_whatever_its_weight(driver: EnvoyDriver) -> None:
    async with backend("a") as a, backend("b") as b, backend("c") as c:
        endpoints = [endpoint(a, weight=1), endpoint(b, weight=50), endpoint(c, weight=1000)]
        share = await _share(driver, endpoints, BalancingAlgorithm.ROUND_ROBIN)

    for name in "abc":
        assert share[name] == pytest.approx(REQUESTS / 3, rel=0.1)


async def test_weighted_gives_each_its_share(driver: EnvoyDriver) -> None:
    async with backend("a") as a, backend("b") as b:
        endpoints = [endpoint(a, weight=300), endpoint(b, weight=100)]
        share = await _share(driver, endpoints, BalancingAlgorithm.WEIGHTED)

    assert share["a"] == pytest.approx(REQUESTS * 3 / 4, rel=0.1)
    assert share["b"] == pytest.approx(REQUESTS / 4, rel=0.1)


async def test_least_connections_spares_the_slow_one(driver: EnvoyDriver) -> None:
    port = free_port()
    async with backend("slow", delay=1.0) as slow, backend("quick") as quick:
        wanted = plan(
            [endpoint(slow), endpoint(quick)], port=port, balancing=BalancingAlgorithm.LEAST_CONNECTIONS
        )
        assert (await driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED
        await answered_by(port, "quick")
        async with load(port, rate=100, method="POST") as running:
            await eventually(lambda: len(running.requests) > 300)

    assert running.failures == []
    share = running.answered_by()
    assert share["slow"] > 0
    assert share["slow"] < share["quick"] / 4


async def test_the_death_of_one_that_shares_the_load_costs_no_get(driver: EnvoyDriver) -> None:
    port = free_port()
    async with backend("a") as a, backend("b") as b, backend("c") as c:
        wanted = plan(
            [endpoint(a), endpoint(b), endpoint(c)], port=port, balancing=BalancingAlgorithm.ROUND_ROBIN
        )
        assert (await driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED
        await answered_by(port, "a")
        async with load(port, rate=200, target="/?delay=0.02") as running:
            await eventually(lambda: running.answered_by()["a"] > 50)
            a.kill()
            before = len(running.requests)
            await eventually(lambda: len(running.requests) > before + 300)

    assert running.failures == []
    assert min(running.answered_by().values()) > 50
