"""What `switch.driver.Driver` promises, on every implementation.

To add one: write a rig (a `Rig`) for it and put its name into `RIGS`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol

import pytest
from tests.backend import Backend, backend
from tests.envoy_node import (
    APPLY_SECONDS,
    EnvoyNode,
    answered_by,
    control_plane,
    endpoint,
    envoy_node,
    instance_id,
    occupied,
    plan,
)
from tests.ports import free_port
from tests.waiting import eventually

from switchover.model.plan import Endpoint, Plan, ReceiptKind
from switchover.switch.driver import Driver, NodeState

SOON = 0.3
"""Seconds after which an apply that cannot succeed is given up."""


class Rig(Protocol):
    """A driver, the node that it steers, and two instances, `a` and `b`."""

    @property
    def driver(self) -> Driver:
        """The driver; the node knows it."""

    @property
    def a(self) -> Endpoint: ...

    @property
    def b(self) -> Endpoint: ...

    @property
    def port(self) -> int:
        """A port that the node may listen on."""

    async def node_comes(self) -> None:
        """The node starts; it need not have connected when this returns."""

    async def node_goes(self) -> None:
        """The node ends."""

    def node_refuses(self, plan: Plan) -> AbstractContextManager[None]:
        """Within the block the node cannot do what the plan says about its listener."""

    async def carry(self, plan: Plan, instance: str) -> None:
        """Send requests through the node until the instance of this name has answered one."""

    def restarted(self) -> AbstractAsyncContextManager[Driver]:
        """A driver of our next life for the same node, not started; the node lives on."""


class EnvoyRig:
    """The real Envoy and two real backends."""

    def __init__(self, node: EnvoyNode, a: Backend, b: Backend) -> None:
        self.node = node
        self.a = endpoint(a)
        self.b = endpoint(b)
        self.port = free_port()
        self._life = contextlib.AsyncExitStack()

    async def open(self) -> None:
        self.driver: Driver = await self._life.enter_async_context(control_plane(self.node.xds_socket))

    async def close(self) -> None:
        await self._life.aclose()

    async def node_comes(self) -> None:
        await self.node.start()

    async def node_goes(self) -> None:
        await self.node.stop()

    def node_refuses(self, plan: Plan) -> AbstractContextManager[None]:
        return occupied(plan.listener.port)

    async def carry(self, plan: Plan, instance: str) -> None:
        await answered_by(plan.listener.port, instance)

    @contextlib.asynccontextmanager
    async def restarted(self) -> AsyncIterator[Driver]:
        await self._life.aclose()
        async with control_plane(self.node.xds_socket) as driver:
            yield driver


@contextlib.asynccontextmanager
async def envoy_rig() -> AsyncIterator[Rig]:
    async with envoy_node() as node, backend("a") as a, backend("b") as b:
        rig = EnvoyRig(node, a, b)
        await rig.open()
        try:
            yield rig
        finally:
            await rig.close()


RIGS: dict[str, Callable[[], AbstractAsyncContextManager[Rig]]] = {"envoy": envoy_rig}


@pytest.fixture(params=RIGS)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with RIGS[request.param]() as made:
        yield made


async def test_a_plan_that_the_node_takes_is_applied_and_carried(rig: Rig) -> None:
    await rig.driver.start([])
    await rig.node_comes()
    wanted = plan([rig.a], [rig.b], port=rig.port, epoch=3)

    receipt = await rig.driver.apply(wanted, APPLY_SECONDS)

    assert (receipt.kind, receipt.detail) == (ReceiptKind.APPLIED, "")
    assert (receipt.node_id, receipt.proxy_id, receipt.epoch) == (rig.driver.node_id, "web", 3)
    await rig.carry(wanted, "a")


async def test_the_plans_it_starts_with_are_applied_without_another_word(rig: Rig) -> None:
    wanted = plan([rig.b], port=rig.port)
    await rig.driver.start([wanted])
    await rig.node_comes()

    await rig.carry(wanted, "b")
    assert (await rig.driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED


async def test_nothing_is_answered_before_it_is_started(rig: Rig) -> None:
    await rig.node_comes()
    wanted = plan([rig.a], port=rig.port)

    assert (await rig.driver.apply(wanted, SOON)).kind is ReceiptKind.TIMED_OUT
    await rig.driver.start([wanted])

    assert (await rig.driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED


async def test_a_node_that_is_away_times_out_and_gets_the_plan_when_it_comes(rig: Rig) -> None:
    await rig.driver.start([])
    wanted = plan([rig.a], port=rig.port)

    receipt = await rig.driver.apply(wanted, SOON)

    assert receipt.kind is ReceiptKind.TIMED_OUT
    assert receipt.detail
    assert rig.driver.status().state is NodeState.AWAY
    await rig.node_comes()
    await rig.carry(wanted, "a")
    assert rig.driver.status().state is NodeState.CONNECTED


async def test_a_node_that_ends_is_away(rig: Rig) -> None:
    await rig.driver.start([])
    await rig.node_comes()
    await eventually(lambda: rig.driver.status().state is NodeState.CONNECTED)

    await rig.node_goes()

    await eventually(lambda: rig.driver.status().state is NodeState.AWAY)


async def test_comings_and_goings_are_told(rig: Rig) -> None:
    await rig.driver.start([])
    told = asyncio.ensure_future(rig.driver.came_or_went())
    await asyncio.sleep(0)
    assert not told.done()
    await rig.node_comes()
    await asyncio.wait_for(told, APPLY_SECONDS)
    assert rig.driver.status().state is NodeState.CONNECTED

    await rig.node_goes()

    await asyncio.wait_for(rig.driver.came_or_went(), APPLY_SECONDS)
    assert rig.driver.status().state is NodeState.AWAY


async def test_a_node_that_is_sent_away_is_served_when_it_comes_back(rig: Rig) -> None:
    await rig.driver.start([])
    await rig.node_comes()
    await asyncio.wait_for(rig.driver.came_or_went(), APPLY_SECONDS)

    rig.driver.send_away()

    await asyncio.wait_for(rig.driver.came_or_went(), APPLY_SECONDS)
    await eventually(lambda: rig.driver.status().state is NodeState.CONNECTED)
    wanted = plan([rig.a], port=rig.port)
    assert (await rig.driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED


async def test_a_plan_waits_for_a_node_that_comes_in_time(rig: Rig) -> None:
    await rig.driver.start([])
    applying = asyncio.ensure_future(rig.driver.apply(plan([rig.a], port=rig.port), APPLY_SECONDS))

    await rig.node_comes()

    assert (await applying).kind is ReceiptKind.APPLIED


async def test_a_newer_plan_takes_the_place_of_one_that_waits(rig: Rig) -> None:
    await rig.driver.start([])
    older = asyncio.ensure_future(rig.driver.apply(plan([rig.a], port=rig.port, epoch=1), APPLY_SECONDS))
    await asyncio.sleep(0)
    newer = asyncio.ensure_future(rig.driver.apply(plan([rig.b], port=rig.port, epoch=2), APPLY_SECONDS))

    assert (await older).kind is ReceiptKind.TIMED_OUT
    assert "2" in (await older).detail
    await rig.node_comes()
    assert (await newer).kind is ReceiptKind.APPLIED


async def test_equal_plans_applied_at_once_are_all_answered(rig: Rig) -> None:
    await rig.driver.start([])
    await rig.node_comes()
    wanted = plan([rig.a], port=rig.port)

    receipts = await asyncio.gather(*(rig.driver.apply(wanted, APPLY_SECONDS) for _ in range(3)))

    assert [receipt.kind for receipt in receipts] == [ReceiptKind.APPLIED] * 3


async def test_a_refusal_has_the_nodes_words_and_ends_when_its_cause_does(rig: Rig) -> None:
    await rig.driver.start([])
    await rig.node_comes()
    wanted = plan([rig.a], port=rig.port)

    with rig.node_refuses(wanted):
        for _ in range(2):
            receipt = await rig.driver.apply(wanted, APPLY_SECONDS)
            assert receipt.kind is ReceiptKind.REJECTED
            assert receipt.detail
            assert rig.driver.status().rejections == {"web": receipt.detail}

    assert (await rig.driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED
    assert rig.driver.status().rejections == {}
    await rig.carry(wanted, "a")


async def test_one_proxys_refusal_is_not_anothers(rig: Rig) -> None:
    await rig.driver.start([])
    bad = plan([rig.a], port=rig.port, proxy_id="bad")
    good = plan([rig.a], port=free_port(), proxy_id="good")

    with rig.node_refuses(bad):
        applying = [asyncio.ensure_future(rig.driver.apply(each, APPLY_SECONDS)) for each in (bad, good)]
        await rig.node_comes()
        kinds = [(await each).kind for each in applying]

        assert kinds == [ReceiptKind.REJECTED, ReceiptKind.APPLIED]
        assert rig.driver.status().rejections.keys() == {"bad"}
    await rig.carry(good, "a")


async def test_a_withdrawn_proxy_is_taken_off_and_may_come_back(rig: Rig) -> None:
    await rig.driver.start([])
    await rig.node_comes()
    wanted = plan([rig.a], port=rig.port)
    await rig.driver.apply(wanted, APPLY_SECONDS)

    await rig.driver.withdraw("web")
    await rig.driver.withdraw("never-known")

    receipt = await eventually(lambda: _applied(rig.driver, wanted))
    assert receipt
    await rig.carry(wanted, "a")


async def _applied(driver: Driver, wanted: Plan) -> bool:
    # The port may still be held by the listener that is being taken away.
    return (await driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED


async def test_withdrawing_ends_the_wait_for_a_plan_and_its_refusal(rig: Rig) -> None:
    await rig.driver.start([])
    applying = asyncio.ensure_future(rig.driver.apply(plan([rig.a], port=rig.port), APPLY_SECONDS))
    await asyncio.sleep(0)

    await rig.driver.withdraw("web")

    assert (await applying).kind is ReceiptKind.TIMED_OUT
    assert rig.driver.status().rejections == {}


async def test_a_plan_without_tiers_is_valid(rig: Rig) -> None:
    await rig.driver.start([])
    await rig.node_comes()

    assert (await rig.driver.apply(plan(port=rig.port), APPLY_SECONDS)).kind is ReceiptKind.APPLIED
    after = plan([rig.b], port=rig.port, epoch=2)
    assert (await rig.driver.apply(after, APPLY_SECONDS)).kind is ReceiptKind.APPLIED
    await rig.carry(after, "b")


async def test_the_account_names_instances_and_the_epoch_that_was_applied(rig: Rig) -> None:
    await rig.driver.start([])
    await rig.node_comes()
    wanted = plan([rig.b], [rig.a], port=rig.port, epoch=4)
    await rig.driver.apply(wanted, APPLY_SECONDS)

    observing = asyncio.ensure_future(rig.driver.observe())

    # A node may count from its first account on, so the first request may be too early for it.
    async def told() -> bool:
        await rig.carry(wanted, "b")
        return observing.done()

    await eventually(told)
    (evidence,) = await observing
    (part,) = evidence.endpoints
    assert (evidence.node_id, evidence.proxy_id) == (rig.driver.node_id, "web")
    assert (part.instance_id, part.epoch) == (instance_id("b"), 4)
    assert part.successes >= 1


async def test_a_node_that_knows_a_newer_epoch_is_not_sent_an_older_one(rig: Rig) -> None:
    await rig.driver.start([])
    await rig.node_comes()
    known = plan([rig.a], port=rig.port, epoch=7)
    await rig.driver.apply(known, APPLY_SECONDS)

    async with rig.restarted() as driver:
        older = plan([rig.b], port=rig.port, epoch=5)
        await driver.start([older])

        assert await asyncio.wait_for(driver.newer_epoch(), APPLY_SECONDS) == ("web", 7)
        assert (await driver.apply(older, SOON)).kind is ReceiptKind.TIMED_OUT
        await rig.carry(known, "a")

        raised = plan([rig.b], port=rig.port, epoch=8)
        assert (await driver.apply(raised, APPLY_SECONDS)).kind is ReceiptKind.APPLIED
        await rig.carry(raised, "b")


async def test_a_node_that_comes_back_with_what_is_wanted_has_applied_it(rig: Rig) -> None:
    await rig.driver.start([])
    await rig.node_comes()
    wanted = plan([rig.a], port=rig.port, epoch=2)
    await rig.driver.apply(wanted, APPLY_SECONDS)

    async with rig.restarted() as driver:
        await driver.start([wanted])

        assert (await driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED
