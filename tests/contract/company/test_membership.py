"""Sessions, leases and fences: one contract for memory and PostgreSQL."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from tests.contract.company.conftest import Way, Ways
from tests.record_values import NOW, a_move, a_pass, a_proxy, a_status, a_trail, an_instance, stored_in
from tests.waiting import eventually

from switchover.model.errors import LostLease
from switchover.model.events import Closing, EventStatus, close
from switchover.model.instance import Usage
from switchover.model.lease import Fence


async def lived_out(way: Way) -> None:
    """A session of that way that is over."""
    await way.live(0.05)

    async def over() -> bool:
        members = await other_look(way)
        return members[way.replica_id] <= 0

    await eventually(over)


async def other_look(way: Way) -> dict[UUID, float]:
    onlooker = replace(way.replica, replica_id=UUID(int=999), name="onlooker")
    members = await way.membership.renew(onlooker, 3600.0)
    return {member.replica.replica_id: member.seconds_left for member in members}


async def test_whoever_renews_is_seen_by_all_with_the_time_that_is_left(ways: Ways) -> None:
    one, two = await ways(1), await ways(2)
    await one.live(100)
    members = await two.membership.renew(two.replica, 50)
    left = {member.replica: member.seconds_left for member in members}
    assert set(left) == {one.replica, two.replica}
    assert 0 < left[one.replica] <= 100
    assert 0 < left[two.replica] <= 50


async def test_whoever_doubts_itself_tells_so_with_its_renewals(ways: Ways) -> None:
    one, two = await ways(1), await ways(2)

    async def doubts() -> dict[str, str | None]:
        members = await two.membership.renew(two.replica, 50)
        return {member.replica.name: member.doubt for member in members}

    await one.membership.renew(one.replica, 100, "it is late")
    assert await doubts() == {"r1": "it is late", "r2": None}
    await one.membership.renew(one.replica, 100, "nobody answers")
    assert await doubts() == {"r1": "nobody answers", "r2": None}
    await one.membership.renew(one.replica, 100)
    assert await doubts() == {"r1": None, "r2": None}


async def test_a_free_proxy_goes_to_whoever_claims_it_first(ways: Ways) -> None:
    one, two = await ways(1), await ways(2)
    await one.store.create_proxy(a_proxy())
    await one.live()
    await two.live()
    claimed = await one.membership.claim(one.replica_id, ["web"])
    assert [(lease.proxy_id, lease.fence) for lease in claimed] == [("web", Fence(one.replica_id, 1))]
    assert await two.membership.claim(two.replica_id, ["web"]) == []
    assert await one.membership.claim(one.replica_id, ["web"]) == []
    assert [holding.fence for holding in await two.membership.holdings()] == [Fence(one.replica_id, 1)]


async def test_of_many_who_claim_at_once_one_gets_each(ways: Ways) -> None:
    all_ways = [await ways(number) for number in (1, 2, 3)]
    names = [f"p{number:02}" for number in range(20)]
    for name in names:
        await all_ways[0].store.create_proxy(a_proxy(name))
    for way in all_ways:
        await way.live()
    claimed = await asyncio.gather(*(way.membership.claim(way.replica_id, names) for way in all_ways))
    assert sorted(lease.proxy_id for leases in claimed for lease in leases) == names


async def test_who_has_no_session_gets_nothing(ways: Ways) -> None:
    one = await ways(1)
    await one.store.create_proxy(a_proxy())
    assert await one.membership.claim(one.replica_id, ["web"]) == []
    await lived_out(one)
    assert await one.membership.claim(one.replica_id, ["web"]) == []


async def test_a_proxy_that_does_not_exist_cannot_be_claimed(ways: Ways) -> None:
    one = await ways(1)
    await one.live()
    assert await one.membership.claim(one.replica_id, ["nothing"]) == []


async def test_what_a_dead_replica_held_is_free_and_its_token_is_outdated(ways: Ways) -> None:
    dead, heir = await ways(1), await ways(2)
    await dead.store.create_proxy(a_proxy())
    await dead.live()
    await dead.membership.claim(dead.replica_id, ["web"])
    await lived_out(dead)
    await heir.live()
    claimed = await heir.membership.claim(heir.replica_id, ["web"])
    assert [lease.fence for lease in claimed] == [Fence(heir.replica_id, 2)]


async def test_whoever_left_holds_nothing_any_more(ways: Ways) -> None:
    one, two = await ways(1), await ways(2)
    await one.store.create_proxy(a_proxy())
    await one.live()
    await two.live()
    await one.membership.claim(one.replica_id, ["web"])
    await one.membership.leave(one.replica_id)
    assert await two.membership.claim(two.replica_id, ["web"]) != []
    assert one.replica not in [member.replica for member in await two.membership.renew(two.replica, 10)]


async def test_only_the_holder_can_hand_over(ways: Ways) -> None:
    one, two, three = await ways(1), await ways(2), await ways(3)
    for way in (one, two, three):
        await way.live()
    await one.store.create_proxy(a_proxy())
    await one.membership.claim(one.replica_id, ["web"])
    await two.membership.hand_over(two.replica_id, {"web": three.replica_id})
    assert [holding.fence for holding in await one.membership.holdings()] == [Fence(one.replica_id, 1)]
    await one.membership.hand_over(one.replica_id, {"web": two.replica_id, "nothing": two.replica_id})
    assert [holding.fence for holding in await one.membership.holdings()] == [Fence(two.replica_id, 2)]


async def test_a_session_that_lapsed_and_was_renewed_keeps_what_nobody_took(ways: Ways) -> None:
    one = await ways(1)
    await one.store.create_proxy(a_proxy())
    await one.live()
    (lease,) = await one.membership.claim(one.replica_id, ["web"])
    await lived_out(one)
    with pytest.raises(LostLease):
        await one.store.save_redundancy(a_status(), fence=lease.fence)
    await one.live()
    await one.store.save_redundancy(a_status(), fence=lease.fence)


async def test_no_write_of_a_former_owner_is_stored(ways: Ways) -> None:
    former, owner = await ways(1), await ways(2)
    store = former.store
    await store.create_proxy(a_proxy())
    instance = an_instance("one")
    await store.add_instance(instance)
    await former.live()
    await owner.live()
    (lease,) = await former.membership.claim(former.replica_id, ["web"])
    fence = lease.fence
    move = a_move(await stored_in(store), instance)
    await store.commit_pass(replace(a_pass(move=move), fence=fence))
    await former.membership.hand_over(former.replica_id, {"web": owner.replica_id})
    before = await stored_in(store)
    closed = close(move.event, Closing(status=EventStatus.COMPLETED, at=NOW))

    late = [
        store.save_policy(replace(before.proxy, generation=before.proxy.generation + 1), fence=fence),
        store.add_instance(an_instance("two"), fence=fence),
        store.save_instance(replace(instance, priority=7), fence=fence),
        store.delete_instance(instance.instance_id, NOW, fence=fence),
        store.commit_pass(replace(a_pass(redundancy=a_status(epoch=1)), fence=fence)),
        store.close_event(closed, fence=fence),
        store.note_verified(move.event.event_id, NOW, fence=fence),
        store.save_redundancy(a_status(epoch=1), fence=fence),
        store.raise_epoch("web", 99, fence=fence),
        store.delete_proxy("web", NOW, fence=fence),
    ]
    for write in late:
        with pytest.raises(LostLease):
            await write
    used = replace(instance, usage=Usage(total_requests=9))
    await store.flush_instances([used], {"web": fence})
    await store.flush_instances([used], {})

    assert await stored_in(store) == before
    stored_event = await store.event(move.event.event_id)
    assert stored_event is not None
    assert stored_event.stages.verified_at is None


async def test_an_owner_flushes_what_is_its_own(ways: Ways) -> None:
    one = await ways(1)
    await one.live()
    await one.store.create_proxy(a_proxy())
    instance = an_instance("one")
    await one.store.add_instance(instance)
    (lease,) = await one.membership.claim(one.replica_id, ["web"])
    used = replace(instance, usage=Usage(total_requests=9))
    await one.store.flush_instances([used], {"web": lease.fence})
    assert (await stored_in(one.store)).instances[0].usage.total_requests == 9


async def test_messages_are_the_owners_to_hand_over_and_anybodys_once_the_proxy_is_deleted(
    ways: Ways,
) -> None:
    one, two = await ways(1), await ways(2)
    for name in ("web", "shop"):
        await one.store.create_proxy(a_proxy(name), a_trail(name))
    await one.live()
    await two.live()
    await one.membership.claim(one.replica_id, ["web"])
    await two.membership.claim(two.replica_id, ["shop"])

    async def pending(way: Way) -> list[str]:
        return [message.proxy_id for message in await one.store.pending_messages(10, way.replica_id)]

    assert (await pending(one), await pending(two)) == (["web"], ["shop"])
    await one.store.delete_proxy("web", NOW, fence=Fence(one.replica_id, 1))
    await one.membership.leave(one.replica_id)
    assert await pending(two) == ["web", "shop"]
