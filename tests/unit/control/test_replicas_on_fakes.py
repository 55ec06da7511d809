"""Several replicas on fakes: who owns what, what the others know, and what nobody may do."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.unit.control.replicas import SESSION_SECONDS, Replicas

from switchover.model.actor import person
from switchover.model.errors import LostLease, OwnedElsewhere
from switchover.model.lease import Lease
from switchover.model.plan import EndpointTraffic, Phase, Receipt, ReceiptKind, TrafficEvidence
from switchover.record.exchange import Notes
from switchover.record.store import StoredProxy
from switchover.testing.memory_store import MemoryStore

ACTIVATION = "activation -->a completed"
FAILOVER = "failover a->b completed"


@pytest.fixture
async def replicas() -> AsyncIterator[Replicas]:
    async with Replicas().running() as running:
        # One node, which is connected to the first replica alone.
        for one in running.all[1:]:
            one.node.silence()
        yield running


async def test_every_proxy_has_one_owner_and_that_one_probes_it(replicas: Replicas) -> None:
    for number in range(12):
        await replicas.create(f"p{number}", f"{number:x}", listener=None)
    owned = [one.owned for one in replicas.all]
    assert set().union(*owned) == {f"p{number}" for number in range(12)}
    assert sum(len(ids) for ids in owned) == 12
    assert all(owned), "twelve proxies spread over three replicas"
    for one in replicas.all:
        one.bench.prober.probed.clear()
    await replicas.settle(20)
    probed = [one.probed for one in replicas.all]
    assert sum(len(ids) for ids in probed) == 12


async def test_the_others_know_what_the_owner_did(replicas: Replicas) -> None:
    await replicas.create()
    for one in replicas.all:
        state = one.service._desk.fleet.state("web")
        assert replicas.name(state.proxy.active_instance_id) == "a"
        assert state.proxy.epoch == 1


async def test_an_order_that_reaches_another_replica_names_the_owner(replicas: Replicas) -> None:
    await replicas.create()
    for one in replicas.others():
        with pytest.raises(OwnedElsewhere) as refused:
            await one.service.switch_over("web", replicas.ids["b"])
        assert refused.value.url == replicas.owner().replica.url
    assert await replicas.story() == [ACTIVATION]


async def test_a_move_is_completed_by_a_node_that_is_connected_to_another_replica(replicas: Replicas) -> None:
    await replicas.create()
    owner, (elsewhere, _) = replicas.owner(), replicas.others()
    for one in replicas.all:
        one.node.silence()
    await elsewhere.node.speak()
    replicas.script("a", fails=True)
    await replicas.settle(15)
    assert await replicas.story() == [ACTIVATION, FAILOVER]
    assert elsewhere.node.applied["web"].epoch == 2
    assert "web" not in owner.node.applied or owner.node.applied["web"].epoch < 2


async def test_a_dead_owner_is_replaced_when_its_session_ends_and_the_successor_decides(
    replicas: Replicas,
) -> None:
    await replicas.create()
    dead = replicas.owner()
    if dead is replicas.all[0]:
        await replicas.all[1].node.speak()
    await dead.die()
    replicas.script("a", fails=True)
    await replicas.settle(SESSION_SECONDS + SESSION_SECONDS / 5)
    assert replicas.owner() is not dead
    await replicas.settle(15)
    assert await replicas.story() == [ACTIVATION, FAILOVER]


async def test_an_owner_that_ends_in_order_is_replaced_at_once(replicas: Replicas) -> None:
    await replicas.create()
    former = replicas.owner()
    await former.stop()
    await replicas.settle(0.1)
    assert "web" in {proxy_id for one in replicas.all if one is not former for proxy_id in one.owned}


async def test_an_owner_that_is_cut_off_stops_before_its_session_ends_and_nobody_decides_twice(
    replicas: Replicas,
) -> None:
    await replicas.create()
    cut = replicas.owner()
    cut.way.cut = True
    await replicas.settle(SESSION_SECONDS * 0.95)
    assert cut.owned == set()
    replicas.script("a", fails=True)
    await replicas.settle(SESSION_SECONDS + 20)
    owner = replicas.owner()
    assert owner is not cut
    cut.way.cut = False
    await replicas.settle(SESSION_SECONDS * 3)
    epochs = [event.epoch for event in await replicas.events()]
    assert sorted(epochs) == [1, 2]
    assert replicas.owner().replica in {one.replica for one in replicas.all}


async def test_an_owner_that_slept_past_its_session_can_store_nothing(replicas: Replicas) -> None:
    await replicas.create()
    asleep = replicas.owner()
    stale = asleep.service._desk.fleet.state("web")
    asleep.way.cut = True
    await replicas.settle(SESSION_SECONDS * 2)
    assert replicas.owner() is not asleep
    # It wakes and goes on where it was, before it has learned anything.
    asleep.service._desk.ownership._valid_until = float("inf")
    asleep.service._desk.fleet.put(stale)
    with pytest.raises(LostLease):
        await asleep.service.switch_over("web", replicas.ids["b"])
    assert await replicas.story() == [ACTIVATION]
    assert asleep.owned == set()


async def test_an_exclusive_move_makes_nowhere_before_every_node_has_broken(replicas: Replicas) -> None:
    first, second = replicas.all[0], replicas.all[1]
    await replicas.create(exclusive=True)
    assert first.node.applied["web"].tiers
    await replicas.ask("switch_over", "web", replicas.ids["b"])
    await replicas.settle(1)
    assert [plan.tiers == () for plan in first.node.history[-2:]] == [True, False]
    assert await replicas.story() == [ACTIVATION, "switchover a->b completed"]
    assert second.node.applied == {}


async def test_what_a_node_carried_reaches_the_owner(replicas: Replicas) -> None:
    await replicas.create()
    for one in replicas.all:
        account = EndpointTraffic(
            instance_id=replicas.ids["a"], epoch=1, successes=5, errors=0, in_progress=1
        )
        one.node.account(TrafficEvidence(node_id="edge", proxy_id="web", endpoints=(account,)))
    await replicas.settle(5)
    state = replicas.owner().service._desk.fleet.state("web")
    assert state.instances[replicas.ids["a"]].usage.total_requests == 15


async def test_a_deleted_proxy_is_gone_everywhere(replicas: Replicas) -> None:
    await replicas.create()
    await replicas.owner().service.delete_proxy("web")
    await replicas.settle(1)
    assert [len(one.service._desk.fleet) for one in replicas.all] == [0, 0, 0]


async def test_an_owner_that_was_cut_off_learns_that_its_proxy_was_deleted(replicas: Replicas) -> None:
    await replicas.create()
    former = replicas.owner()
    former.way.cut = True
    await replicas.settle(SESSION_SECONDS * 3)
    assert replicas.owner() is not former
    await replicas.ask("delete_proxy", "web")
    await replicas.settle(SESSION_SECONDS)
    former.way.cut = False
    await replicas.settle(SESSION_SECONDS * 2)
    assert [len(one.service._desk.fleet) for one in replicas.all] == [0, 0, 0]
    assert "web" not in former.node.applied


async def test_a_newcomer_gets_its_share_and_no_instance_goes_unprobed(replicas: Replicas) -> None:
    newcomer = replicas.all[2]
    await newcomer.stop()
    for number in range(8):
        await replicas.create(f"p{number}", f"{number:x}", listener=None)
    newcomer.start()
    await replicas.settle(SESSION_SECONDS * 3)
    assert newcomer.owned
    assert sum(len(one.owned) for one in replicas.all) == 8


async def test_a_break_that_was_waited_for_is_told_to_the_others_all_the_same(replicas: Replicas) -> None:
    await replicas.create(exclusive=True)
    await replicas.ask("switch_over", "web", replicas.ids["b"])
    await replicas.settle(1)
    assert replicas.company.receipts["web", "edge", Phase.BREAK].epoch == 2
    assert [one.service._desk.switching.awaiting() for one in replicas.all] == [[], [], []]


async def test_a_break_of_which_a_replica_missed_the_note_is_found_by_looking(replicas: Replicas) -> None:
    first, second = replicas.all[0], replicas.all[1]
    await replicas.create(exclusive=True)
    first.node.silence()
    await replicas.ask("switch_over", "web", replicas.ids["b"])
    await replicas.settle(15)
    assert (await replicas.story())[-1] == "switchover a->b failed"
    second.way.cut = True
    await first.node.speak()
    await replicas.settle(1)
    assert second.service._desk.switching.awaiting() == ["web"]
    second.way.cut = False
    second.way._notes = Notes()
    await replicas.settle(6)
    assert second.service._desk.switching.awaiting() == []


async def test_a_node_that_made_elsewhere_has_broken_even_if_nobody_was_told(replicas: Replicas) -> None:
    # The replica that heard the break died before it could tell; the one that the node went to heard of the make alone.
    first, second = replicas.all[0], replicas.all[1]
    await replicas.create(exclusive=True)
    first.node.silence()
    await replicas.ask("switch_over", "web", replicas.ids["b"])
    await replicas.settle(1)
    assert first.service._desk.switching.awaiting() == ["web"]
    made = Receipt(node_id="edge", proxy_id="web", epoch=2, kind=ReceiptKind.APPLIED, phase=Phase.MAKE)
    await second.way.note_receipt(made, second.replica.replica_id)
    await replicas.settle(1)
    assert [one.service._desk.switching.awaiting() for one in replicas.all] == [[], [], []]


async def test_who_finds_its_lease_lost_probes_no_more(replicas: Replicas) -> None:
    await replicas.create()
    former, (heir, _) = replicas.owner(), replicas.others()
    for one in replicas.all:
        one.way.cut = True
    replicas.company.leases.grant("web", heir.replica.replica_id)
    with pytest.raises(LostLease):
        await former.service.switch_over("web", replicas.ids["b"])
    await replicas.settle(11)
    former.bench.prober.probed.clear()
    await replicas.settle(25)
    assert former.probed == set()


async def test_a_slow_look_at_the_store_does_not_take_a_follower_back(replicas: Replicas) -> None:
    await replicas.create()
    follower, store = replicas.others()[0], replicas.company.store
    replication = follower.plane._replication
    assert replication is not None
    looked = await store.load(replicas.clock.now())

    class SlowStore(MemoryStore):
        async def load(
            self,
            moves_since: datetime,  # noqa: ARG002
            proxy_ids: Collection[str] | None = None,  # noqa: ARG002
        ) -> Sequence[StoredProxy]:
            await replicas.ask("switch_over", "web", replicas.ids["b"])
            await store_seen()
            return looked

    async def store_seen() -> None:
        replication._following._store = store
        await replication.catch_up()

    replication._following._store = SlowStore()
    await replication._following.follow(["web"])
    assert follower.service._desk.fleet.state("web").proxy.epoch == 2


async def test_a_slow_look_at_what_is_shared_out_does_not_take_its_owner_back(replicas: Replicas) -> None:
    await replicas.create()
    owner, store = replicas.owner(), replicas.company.store
    fleet, replication = owner.service._desk.fleet, owner.plane._replication
    fence = fleet.state("web").fence
    assert replication is not None
    assert fence is not None
    looked = await store.load(replicas.clock.now())

    class SlowStore(MemoryStore):
        async def load(
            self,
            moves_since: datetime,  # noqa: ARG002
            proxy_ids: Collection[str] | None = None,  # noqa: ARG002
        ) -> Sequence[StoredProxy]:
            await replicas.ask("create_failover_configuration", "web", "alice", {"minDwellSeconds": 9})
            return looked

    # As when it creates a proxy while the holdings, which name it already, are looked at.
    replication._store = SlowStore()
    await replication._adopt([Lease(proxy_id="web", fence=fence)])
    assert fleet.state("web").proxy.policy.min_dwell_seconds == 9


async def test_a_proof_that_comes_after_the_lease_is_lost_is_not_stored(replicas: Replicas) -> None:
    await replicas.create()
    owner = replicas.owner()
    fleet = owner.service._desk.fleet
    account = EndpointTraffic(instance_id=replicas.ids["a"], epoch=1, successes=1, errors=0, in_progress=0)
    evidence = TrafficEvidence(node_id="edge", proxy_id="web", endpoints=(account,))
    fleet.put(replace(fleet.state("web"), unverified_event_id=(await replicas.events())[0].event_id))
    async with fleet.lock("web"):
        proving = asyncio.create_task(owner.plane._traffic.take_in(evidence))
        await replicas.settle()
        fleet.put(replace(fleet.state("web"), fence=None))
    await proving
    assert (await replicas.events())[0].stages.verified_at is None


async def test_who_creates_a_proxy_while_it_is_shared_out_does_not_wait_for_itself(
    replicas: Replicas,
) -> None:
    await replicas.create()
    owner, other = replicas.owner(), replicas.others()[0]
    async with owner.service._desk.fleet.lock("web"), asyncio.timeout(10):
        fence = await owner.service._desk.claim("web")
    assert fence == owner.service._desk.fleet.state("web").fence
    async with other.service._desk.fleet.lock("web"), asyncio.timeout(10):
        with pytest.raises(OwnedElsewhere):
            await other.service._desk.claim("web")


async def test_what_was_ordered_for_later_is_done_once_by_whoever_owns_the_proxy_then(
    replicas: Replicas,
) -> None:
    await replicas.create()
    former = replicas.owner()
    at = replicas.clock.now() + timedelta(seconds=120)
    service = former.service
    event = await service.switch_over(
        "web", replicas.ids["b"], scheduled_for=at, actor=person("ann", admin=True)
    )
    await service.set_admin_state(replicas.ids["c"], "drain", expires_in_seconds=60)
    await former.die()
    await replicas.settle(40)
    heir = replicas.owner()
    assert heir is not former
    assert heir.service._desk.fleet.state("web").scheduled_move == event
    await replicas.settle(40)
    (ended,) = [e for e in await replicas.company.store.audit("web", 50) if e.detail.get("why")]
    assert (ended.actor.name, ended.detail["to"]) == ("switchover", "ready")
    await replicas.settle(60)
    assert await replicas.story() == ["activation -->a completed", "switchover a->b completed"]
    assert (await replicas.events())[0].actor == "ann"


async def test_a_drill_goes_on_at_another_owner(replicas: Replicas) -> None:
    await replicas.create()
    former = replicas.owner()
    await former.service.start_drill("web", hold_seconds=60)
    await replicas.settle(5)
    assert (await replicas.story())[-1] == "switchover a->b completed"
    await former.die()
    await replicas.settle(120)
    assert (await replicas.story())[1:] == ["switchover a->b completed", "switchover b->a completed"]
    (drill,) = await replicas.company.store.drills("web", 5)
    assert (drill.status, drill.outcome) == ("completed", "succeeded")
