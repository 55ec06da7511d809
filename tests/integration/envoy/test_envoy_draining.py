"""What a real Envoy does with an instance that is drained: it finishes what is open, counts it, and gives it nothing new."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.backend import Backend, backend
from tests.envoy_node import (
    APPLY_SECONDS,
    answered_by,
    control_plane,
    endpoint,
    envoy_node,
    instance_id,
    plan,
)
from tests.load import Load, load
from tests.ports import free_port
from tests.waiting import eventually

from switchover.model.plan import Drained, EndpointTraffic, Plan, ReceiptKind
from switchover.switch.envoy.driver import EnvoyDriver


@pytest.fixture
async def driver() -> AsyncIterator[EnvoyDriver]:
    async with envoy_node() as node, control_plane(node.xds_socket) as made:
        await made.start([])
        await node.start()
        yield made


async def _apply(driver: EnvoyDriver, wanted: Plan) -> None:
    assert (await driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED


def _moved(before: Plan, active: Backend, drained: Backend) -> Plan:
    return replace(
        before,
        epoch=before.epoch + 1,
        tiers=((endpoint(active),),),
        drained=(Drained(endpoint=endpoint(drained), epoch=before.epoch),),
    )


async def _until_told(driver: EnvoyDriver, name: str, open_requests: int) -> EndpointTraffic:
    async with asyncio.timeout(60):
        while True:
            for account in await driver.observe():
                for told in account.endpoints:
                    if told.instance_id == instance_id(name) and told.in_progress == open_requests:
                        return told


async def test_requests_open_on_a_drained_instance_are_counted_and_finished(driver: EnvoyDriver) -> None:
    port = free_port()
    async with backend("a") as a, backend("b") as b:
        before = plan([endpoint(a)], [endpoint(b)], port=port)
        await _apply(driver, before)
        await answered_by(port, "a")
        slow = Load(host="127.0.0.1", port=port, target="/?bytes=30&pause=0.1")
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(slow.one())
            assert (await _until_told(driver, "a", 5)).epoch == before.epoch
            async with load(port, rate=50) as fresh:
                await _apply(driver, _moved(before, b, a))
                open_after = await _until_told(driver, "a", 5)
                moved_at = asyncio.get_running_loop().time()
                assert open_after.epoch == before.epoch
                idle = await _until_told(driver, "a", 0)
                assert idle.epoch == before.epoch

    assert slow.failures == []
    assert slow.answered_by() == {"a": 5}
    assert fresh.failures == []
    assert set(fresh.answered_by(since=moved_at)) == {"b"}


async def test_a_drained_instance_gets_nothing_while_anybody_else_is_well(driver: EnvoyDriver) -> None:
    port = free_port()
    async with backend("a") as a, backend("b") as b, backend("c") as c:
        before = plan([endpoint(a)], [endpoint(b)], [endpoint(c)], port=port)
        await _apply(driver, before)
        await answered_by(port, "a")
        moved = _moved(before, b, a)
        await _apply(driver, replace(moved, tiers=(*moved.tiers, (endpoint(c),))))
        await answered_by(port, "b")
        async with load(port, rate=50) as running:
            b.kill()
            await eventually(lambda: running.answered_by()["c"] > 150)

    assert running.failures == []
    assert "a" not in running.answered_by()


async def test_with_nobody_else_left_a_node_turns_to_one_that_drains(driver: EnvoyDriver) -> None:
    # Why an instance that is idle is taken off the list.
    port = free_port()
    async with backend("a") as a, backend("b") as b:
        before = plan([endpoint(a)], [endpoint(b)], port=port)
        await _apply(driver, before)
        await answered_by(port, "a")
        await _apply(driver, _moved(before, b, a))
        await answered_by(port, "b")
        b.kill()
        await answered_by(port, "a")


async def test_once_idle_it_gets_nothing_whatever_becomes_of_the_others(driver: EnvoyDriver) -> None:
    port = free_port()
    async with backend("a") as a, backend("b") as b:
        before = plan([endpoint(a)], [endpoint(b)], port=port)
        await _apply(driver, before)
        await answered_by(port, "a")
        await _apply(driver, replace(_moved(before, b, a), drained=()))
        await answered_by(port, "b")
        async with load(port, rate=50) as running:
            b.kill()
            await eventually(lambda: len(running.failures) > 100)

    assert "a" not in running.answered_by()
