"""What a real Envoy does when every instance that it was given refuses, by the all-down policy."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from tests.backend import Backend, backend
from tests.envoy_node import (
    APPLY_SECONDS,
    EnvoyNode,
    answered_by,
    control_plane,
    endpoint,
    envoy_node,
    plan,
)
from tests.load import Load
from tests.ports import free_port
from tests.waiting import eventually

from switchover.model.plan import Endpoint, ReceiptKind
from switchover.model.steadiness import AllDown
from switchover.switch.envoy.driver import EnvoyDriver

PANICS = "lb_healthy_panic"
REFUSALS = "upstream_cx_none_healthy"


@dataclass(slots=True)
class Stage:
    """An Envoy that carries `web` on a port."""

    node: EnvoyNode
    driver: EnvoyDriver
    port: int
    epoch: int = 0

    async def told(self, all_down: AllDown, *tiers: list[Endpoint]) -> None:
        """Give it these tiers, and wait until it has applied them."""
        self.epoch += 1
        wanted = replace(plan(*tiers, port=self.port, epoch=self.epoch), all_down=all_down)
        assert (await self.driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED

    async def count(self, counter: str) -> int:
        """One of its counters."""
        return sum((await self.node.counters(rf"^cluster\.web\.{counter}$")).values())

    async def asked_until_counted(self, counter: str) -> None:
        """Send requests that fail until the counter has grown."""
        before = await self.count(counter)

        async def grown() -> bool:
            failure = (await Load(host="127.0.0.1", port=self.port).one()).failure
            assert failure == "status 503"
            return await self.count(counter) > before

        await eventually(grown)

    async def all_dead(self, all_down: AllDown, *dying: Backend) -> None:
        """Carry traffic to the first of these, then lose them all."""
        await self.told(all_down, *([endpoint(each)] for each in dying))
        await answered_by(self.port, dying[0].name)
        for each in dying:
            each.kill()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with envoy_node() as node, control_plane(node.xds_socket) as driver:
        await driver.start([])
        await node.start()
        yield Stage(node=node, driver=driver, port=free_port())


async def test_fail_fast_answers_503_without_trying_those_that_it_has_ejected(stage: Stage) -> None:
    async with backend("a") as a, backend("b") as b:
        await stage.all_dead(AllDown.FAIL_FAST, a, b)
        await stage.asked_until_counted(REFUSALS)

    assert await stage.count(PANICS) == 0


async def test_keep_last_goes_on_trying_and_so_finds_out_at_once_who_is_back(stage: Stage) -> None:
    async with backend("a") as a, backend("b") as b:
        await stage.all_dead(AllDown.KEEP_LAST, a, b)
        await stage.asked_until_counted(PANICS)
        async with backend("a", a.port):
            await answered_by(stage.port, "a")


async def test_nobody_listed_is_503_at_once_and_one_who_is_back_serves_again(stage: Stage) -> None:
    async with backend("a") as a:
        await stage.told(AllDown.FAIL_FAST, [endpoint(a)])
        await answered_by(stage.port, "a")
        await stage.told(AllDown.FAIL_FAST)
        await stage.asked_until_counted(REFUSALS)
        await stage.told(AllDown.FAIL_FAST, [endpoint(a)])
        await answered_by(stage.port, "a")


async def test_send_to_all_finds_the_one_that_answers_after_all(stage: Stage) -> None:
    async with backend("a") as a, backend("b") as b, backend("c") as c:
        await stage.told(AllDown.SEND_TO_ALL, [endpoint(a), endpoint(b), endpoint(c)])
        await answered_by(stage.port, "a")
        a.kill()
        c.kill()
        asked = Load(host="127.0.0.1", port=stage.port)
        for _ in range(100):
            await asked.one()

    assert asked.failures == []
    assert set(asked.answered_by()) == {"b"}
