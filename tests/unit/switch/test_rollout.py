"""The newest plan of every proxy reaches every node."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

from switchover.model.plan import Endpoint, Phase, Plan, Receipt, ReceiptKind
from switchover.model.policy import Listener, Traffic
from switchover.switch.rollout import Rollout
from switchover.testing.clock import ManualClock
from switchover.testing.fake_driver import FakeDriver


def _plan(epoch: int, number: int = 1, *, exclusive: bool = False) -> Plan:
    endpoint = Endpoint(instance_id=UUID(int=number), host="127.0.0.1", port=9000 + number, weight=1)
    return Plan(
        proxy_id="web",
        epoch=epoch,
        listener=Listener(port=10000),
        traffic=Traffic(),
        tiers=((endpoint,),),
        balancing=None,
        autonomous=not exclusive,
        exclusive=exclusive,
    )


class _Run:
    def __init__(
        self, rollout: Rollout, drivers: list[FakeDriver], clock: ManualClock, got: list[Receipt]
    ) -> None:
        self.rollout, self.drivers, self.clock, self.got = rollout, drivers, clock, got

    def kinds(self) -> list[tuple[str, int, ReceiptKind]]:
        return [(receipt.node_id, receipt.epoch, receipt.kind) for receipt in self.got]


@asynccontextmanager
async def _running(nodes: int = 1) -> AsyncIterator[_Run]:
    clock, got = ManualClock(), []
    drivers = [FakeDriver(f"n{number}") for number in range(1, nodes + 1)]

    async def receive(receipt: Receipt) -> None:
        got.append(receipt)
        rollout.heed_answers(receipt.proxy_id)

    def all_broken(plan: Plan) -> bool:
        broken = {r.node_id for r in got if r.is_applied and (r.epoch, r.phase) == (plan.epoch, Phase.BREAK)}
        return len(broken) == nodes

    rollout = Rollout(drivers, clock, receive, all_broken=all_broken)
    task = asyncio.create_task(rollout.run())
    await rollout.running.wait()
    try:
        yield _Run(rollout, drivers, clock, got)
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_every_node_applies_the_plan_and_answers() -> None:
    async with _running(nodes=2) as run:
        run.rollout.want(_plan(1))
        await run.clock.advance(0)
        assert sorted(run.kinds()) == [("n1", 1, ReceiptKind.APPLIED), ("n2", 1, ReceiptKind.APPLIED)]
        assert all(driver.applied["web"] == _plan(1) for driver in run.drivers)


async def test_a_node_that_rejects_is_sent_the_plan_again_until_it_applies() -> None:
    async with _running() as run:
        run.drivers[0].reject("web", "cannot bind")
        run.rollout.want(_plan(1))
        await run.clock.advance(1.0)
        assert {receipt.detail for receipt in run.got} == {"cannot bind"}
        run.drivers[0].accept("web")
        await run.clock.advance(30.0)
        assert run.kinds()[-1] == ("n1", 1, ReceiptKind.APPLIED)


async def test_a_node_that_begins_anew_and_refuses_what_it_had_applied_is_sent_it_again() -> None:
    async with _running() as run:
        run.rollout.want(_plan(1))
        await run.clock.advance(1.0)
        run.drivers[0].applied.clear()
        run.drivers[0].reject("web", "cannot bind")
        await run.clock.advance(20.0)
        assert run.got[-1].detail == "cannot bind"
        run.drivers[0].accept("web")
        await run.clock.advance(20.0)
        assert run.drivers[0].applied["web"] == _plan(1)


async def test_a_newer_plan_takes_the_place_of_one_that_a_silent_node_has_not_answered() -> None:
    async with _running(nodes=2) as run:
        run.drivers[1].silence()
        run.rollout.want(_plan(1))
        await run.clock.advance(0)
        run.rollout.want(_plan(2, number=2))
        await run.clock.advance(0)
        assert ("n1", 2, ReceiptKind.APPLIED) in run.kinds()
        await run.drivers[1].speak()
        await run.clock.advance(1.0)
        assert run.kinds()[-1] == ("n2", 2, ReceiptKind.APPLIED)
        assert [plan.epoch for plan in run.drivers[1].history] == [2]


async def test_breaking_removes_the_old_active_from_every_node_before_any_gets_the_new_one() -> None:
    async with _running(nodes=2) as run:
        plan = _plan(2, number=2, exclusive=True)
        run.drivers[1].silence()
        run.rollout.want(plan, breaks=True)
        await run.clock.advance(1.0)
        assert [held.tiers for held in run.drivers[0].history] == [()]
        await run.drivers[1].speak()
        await run.clock.advance(1.0)
        for driver in run.drivers:
            assert driver.history == [replace(plan, tiers=()), plan]


async def test_a_plan_that_takes_the_place_of_an_unfinished_break_breaks_first_too() -> None:
    async with _running(nodes=2) as run:
        run.rollout.want(_plan(2, exclusive=True))
        await run.clock.advance(1.0)
        run.drivers[1].silence()
        run.rollout.want(_plan(3, number=2, exclusive=True), breaks=True)
        await run.clock.advance(1.0)
        # The same move with other settings: nothing changes hands by it.
        latest = replace(_plan(3, number=2, exclusive=True), traffic=Traffic(retries=5))
        run.rollout.want(latest)
        await run.clock.advance(1.0)
        assert run.drivers[0].applied["web"].tiers == ()
        await run.drivers[1].speak()
        await run.clock.advance(1.0)
        assert [driver.history[-2:] for driver in run.drivers] == [[replace(latest, tiers=()), latest]] * 2


async def test_a_withdrawn_proxy_is_taken_off_every_node() -> None:
    async with _running(nodes=2) as run:
        run.rollout.want(_plan(1))
        await run.clock.advance(0)
        await run.rollout.withdraw("web")
        assert [driver.applied for driver in run.drivers] == [{}, {}]
