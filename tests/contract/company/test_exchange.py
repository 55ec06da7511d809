"""What replicas tell each other: one contract for memory and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from tests.contract.company.conftest import Way, Ways
from tests.record_values import NOW, a_proxy, a_status

from switchover.model.observation import Health
from switchover.model.plan import EndpointTraffic, Phase, Receipt, ReceiptKind, TrafficEvidence
from switchover.model.rules import FLEET, Pause
from switchover.model.vantage import VantageReport
from switchover.record.exchange import Notes

DEADLINE_SECONDS = 60.0


@asynccontextmanager
async def listening(way: Way) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        listener = tasks.create_task(way.exchange.listen())
        if type(way.exchange).__name__ != "MemoryWay":
            assert (await notes_of(way)).missed, "what was told before is not known"
        yield
        listener.cancel()


async def notes_of(way: Way) -> Notes:
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await way.exchange.notes()


async def heard(way: Way, wanted: Notes) -> None:
    """Wait until the notes have all that is wanted."""
    got = Notes()
    while got.and_then(wanted) != got:
        got = got.and_then(await notes_of(way))


def a_receipt(
    node: str = "edge",
    *,
    epoch: int = 1,
    kind: ReceiptKind = ReceiptKind.APPLIED,
    phase: Phase = Phase.MAKE,
    detail: str = "",
) -> Receipt:
    return Receipt(node_id=node, proxy_id="web", epoch=epoch, kind=kind, phase=phase, detail=detail)


async def test_the_others_hear_of_a_change(ways: Ways) -> None:
    one, two = await ways(1), await ways(2)
    async with listening(two):
        await one.store.create_proxy(a_proxy())
        await heard(two, Notes(proxies=frozenset({"web"})))
        await one.store.save_redundancy(a_status())
        await heard(two, Notes(proxies=frozenset({"web"})))


async def test_the_others_hear_of_sessions_and_leases(ways: Ways) -> None:
    one, two = await ways(1), await ways(2)
    await one.store.create_proxy(a_proxy())
    async with listening(two):
        await one.live()
        await one.membership.claim(one.replica_id, ["web"])
        await heard(two, Notes(members=True))
        await one.membership.leave(one.replica_id)
        await heard(two, Notes(members=True))


async def test_the_others_hear_of_a_pause(ways: Ways) -> None:
    one, two = await ways(1), await ways(2)
    async with listening(two):
        await one.store.save_pause(FLEET, Pause(by="root", reason="network", since=NOW))
        await heard(two, Notes(scopes=True))
    assert [standing.scope for standing in await two.store.standings()] == [FLEET]


async def test_every_change_has_a_higher_number_and_is_found_by_looking(ways: Ways) -> None:
    one, two = await ways(1), await ways(2)
    assert (await two.exchange.changes(None)).numbers == {}
    await one.store.create_proxy(a_proxy())
    first = await two.exchange.changes(None)
    await one.store.save_redundancy(a_status())
    second = await two.exchange.changes(first.until)
    assert second.numbers["web"] > first.numbers["web"]
    (stored,) = await two.store.load(NOW)
    assert stored.change_number == second.numbers["web"]
    await one.store.delete_proxy("web", NOW)
    third = await two.exchange.changes(second.until)
    assert third.numbers["web"] > second.numbers["web"]


async def test_a_change_that_nobody_heard_of_is_found_again_for_a_while(ways: Ways) -> None:
    one, two = await ways(1), await ways(2)
    await one.store.create_proxy(a_proxy())
    looked = await two.exchange.changes(None)
    assert "web" in (await two.exchange.changes(looked.until)).numbers


async def test_a_receipt_reaches_whoever_asks_and_they_hear_of_it(ways: Ways) -> None:
    one, two = await ways(1), await ways(2)
    async with listening(two):
        await one.exchange.note_receipt(a_receipt(), one.replica_id)
        await heard(two, Notes(receipts=frozenset({"web"})))
    assert await two.exchange.receipts("web", 1) == [a_receipt()]
    assert await two.exchange.receipts("web", 2) == []
    assert await two.exchange.receipts("other", 1) == []


async def test_the_newest_answer_of_a_phase_counts_and_an_older_epoch_changes_nothing(ways: Ways) -> None:
    one = await ways(1)
    refused = a_receipt(epoch=2, kind=ReceiptKind.REJECTED, detail="cannot bind")
    for receipt in (a_receipt(epoch=1), refused, a_receipt(epoch=1)):
        await one.exchange.note_receipt(receipt, one.replica_id)
    assert await one.exchange.receipts("web", 2) == [refused]
    assert await one.exchange.receipts("web", 1) == [refused], "newer ones are named too"
    assert await one.exchange.receipts("web", 3) == []
    await one.exchange.note_receipt(a_receipt(epoch=2), one.replica_id)
    assert await one.exchange.receipts("web", 2) == [a_receipt(epoch=2)]


async def test_each_phase_and_node_has_its_own_answer(ways: Ways) -> None:
    one = await ways(1)
    receipts = [a_receipt("edge", phase=Phase.BREAK), a_receipt("edge"), a_receipt("far", phase=Phase.BREAK)]
    for receipt in receipts:
        await one.exchange.note_receipt(receipt, one.replica_id)
    got = await one.exchange.receipts("web", 1)
    assert sorted(got, key=repr) == sorted(receipts, key=repr)


async def test_what_nodes_refuse_is_told_until_they_take_it(ways: Ways) -> None:
    one, two = await ways(1), await ways(2)
    refused = a_receipt(kind=ReceiptKind.REJECTED, detail="cannot bind")
    await one.exchange.note_receipt(refused, one.replica_id)
    await one.exchange.note_receipt(a_receipt("far"), one.replica_id)
    assert await two.exchange.refusals() == [refused]
    await one.exchange.note_receipt(a_receipt(), one.replica_id)
    assert await two.exchange.refusals() == []


async def test_a_node_is_where_it_last_came_and_leaving_elsewhere_is_no_news(ways: Ways) -> None:
    one, two = await ways(1), await ways(2)
    await one.exchange.note_node("edge", one.replica_id, connected=True)
    await two.exchange.note_node("edge", two.replica_id, connected=True)
    await one.exchange.note_node("edge", one.replica_id, connected=False)
    (connected,) = await one.exchange.nodes()
    assert (connected.node_id, connected.replica_id) == ("edge", two.replica_id)
    await two.exchange.note_node("edge", two.replica_id, connected=False)
    (away,) = await one.exchange.nodes()
    assert away.replica_id is None


async def test_accounts_of_traffic_reach_the_others_however_many_there_are(ways: Ways) -> None:
    one, two = await ways(1), await ways(2)
    accounts = [
        TrafficEvidence(
            node_id="edge",
            proxy_id=f"proxy-{number}",
            endpoints=(
                EndpointTraffic(
                    instance_id=UUID(int=number), epoch=3, successes=number, errors=1, in_progress=2
                ),
            ),
        )
        for number in range(300)
    ]
    async with listening(two):
        await one.exchange.tell_traffic(accounts)
        got: list[TrafficEvidence] = []
        while len(got) < len(accounts):
            got += (await notes_of(two)).traffic
        assert got == accounts


def a_vantage(way: Way, health: Health, *, proxy_id: str = "web", failures: int = 0) -> VantageReport:
    return VantageReport(
        proxy_id=proxy_id,
        instance_id=UUID(int=77),
        replica_id=way.replica_id,
        health=health,
        consecutive_failures=failures,
    )


async def test_the_owner_hears_what_each_observer_saw_last_and_how_long_ago(ways: Ways) -> None:
    owner, one, two = await ways(1), await ways(2), await ways(3)
    async with listening(owner):
        await one.exchange.note_vantages([a_vantage(one, Health.HEALTHY)])
        await heard(owner, Notes(vantages=frozenset({"web"})))
        await one.exchange.note_vantages([a_vantage(one, Health.UNHEALTHY, failures=3)])
        await two.exchange.note_vantages(
            [a_vantage(two, Health.UNKNOWN), a_vantage(two, Health.HEALTHY, proxy_id="shop")]
        )
        await heard(owner, Notes(vantages=frozenset({"web", "shop"})))
    reports = await owner.exchange.vantages(["web", "nowhere"])
    assert all(0 <= report.age_seconds < DEADLINE_SECONDS for report in reports)
    seen = {report.replica_id: (report.health, report.consecutive_failures) for report in reports}
    assert seen == {one.replica_id: (Health.UNHEALTHY, 3), two.replica_id: (Health.UNKNOWN, 0)}
    assert await owner.exchange.vantages([]) == []


async def test_of_what_is_told_twice_at_once_neither_waits_for_the_other_for_ever(ways: Ways) -> None:
    one, two = await ways(1), await ways(2)
    reports = [
        VantageReport(
            proxy_id="web",
            instance_id=UUID(int=number),
            replica_id=UUID(int=9),
            health=Health.HEALTHY,
            consecutive_failures=0,
        )
        for number in range(100)
    ]
    async with asyncio.timeout(DEADLINE_SECONDS):
        await asyncio.gather(
            one.exchange.note_vantages(reports), two.exchange.note_vantages(list(reversed(reports)))
        )
    assert len(await one.exchange.vantages(["web"])) == 100
