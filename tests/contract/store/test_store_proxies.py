import asyncio
from dataclasses import replace

import pytest
from tests.record_values import (
    LONG_AGO,
    NOW,
    a_move,
    a_pass,
    a_proxy,
    a_status,
    a_trail,
    after,
    an_event,
    an_instance,
    proxy_with,
    stored_in,
    trail_of,
)

from switchover.model.errors import Conflict, NotFound
from switchover.model.events import EventStatus, EventType
from switchover.model.policy import FailoverPolicy, Listener
from switchover.record.outcomes import PROXY_DELETED
from switchover.record.store import Store
from switchover.testing.clock import CountingIds


async def test_a_created_proxy_is_loaded_as_it_was_with_nothing_beside_it(store: Store) -> None:
    proxy = a_proxy(port=10000)

    assert await store.create_proxy(proxy) == proxy

    stored = await stored_in(store)
    assert stored.proxy == proxy
    assert (stored.instances, stored.moves, stored.open_move, stored.redundancy) == ((), (), None, None)


async def test_an_unknown_proxy_is_none(store: Store) -> None:
    assert await store.load_proxy("web", LONG_AGO) is None


async def test_everything_is_loaded_by_proxy_id_with_what_belongs_to_each(store: Store) -> None:
    for proxy_id in ("b", "B", "a-2", "a"):
        await store.create_proxy(a_proxy(proxy_id))
        await store.add_instance(an_instance("one", proxy_id))
        await store.save_redundancy(a_status(proxy_id))

    loaded = await store.load(LONG_AGO)

    assert [stored.proxy.proxy_id for stored in loaded] == ["B", "a", "a-2", "b"]
    assert [stored.instances[0].proxy_id for stored in loaded] == ["B", "a", "a-2", "b"]
    assert [await store.load_proxy(s.proxy.proxy_id, LONG_AGO) for s in loaded] == list(loaded)


async def test_a_taken_id_is_refused_for_its_owner_and_for_others_alike(store: Store) -> None:
    await store.create_proxy(a_proxy())

    for owner in ("ann", "bob"):
        with pytest.raises(Conflict, match="proxyId 'web' is taken") as refused:
            await store.create_proxy(a_proxy(owner_id=owner), a_trail())
        assert "ann" not in str(refused.value)

    assert (await stored_in(store)).proxy.owner_id == "ann"
    assert await trail_of(store) == await trail_of(store, "nothing")


async def test_two_proxies_cannot_listen_at_the_same_place(store: Store) -> None:
    await store.create_proxy(a_proxy("web", port=10000))

    with pytest.raises(Conflict, match=r"^listener 127\.0\.0\.1:10000 is already used by another proxy$"):
        await store.create_proxy(a_proxy("shop", port=10000), a_trail("shop"))

    assert await store.load_proxy("shop", LONG_AGO) is None
    assert (await trail_of(store, "shop")).audit == ()
    await store.create_proxy(a_proxy("shop", port=10001))


async def test_an_address_of_ipv6_is_named_in_brackets(store: Store) -> None:
    policy = FailoverPolicy(listener=Listener(address="::1", port=10000))
    await store.create_proxy(a_proxy("web", policy=policy))

    with pytest.raises(Conflict, match=r"^listener \[::1\]:10000 is already used"):
        await store.create_proxy(a_proxy("shop", policy=policy))


async def test_many_proxies_may_have_no_listener(store: Store) -> None:
    await store.create_proxy(a_proxy("web"))
    await store.create_proxy(a_proxy("shop"))

    assert len(await store.load(LONG_AGO)) == 2


async def test_two_creators_at_once_leave_one_proxy(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(store.create_proxy(a_proxy(owner_id=owner)) for owner in ("ann", "bob", "cid")),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 2


async def test_saving_a_policy_leaves_active_and_epoch_alone(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    stored = await stored_in(store)
    await store.commit_pass(a_pass(move=a_move(stored, one)))
    changed = replace(
        stored.proxy,
        policy=FailoverPolicy(unhealthy_threshold=7, listener=Listener(port=10000)),
        generation=2,
        pinned_instance_id=one.instance_id,
        updated_at=after(5),
        epoch=99,
        active_instance_id=None,
    )
    trail = a_trail()

    await store.save_policy(changed, trail)

    assert (await stored_in(store)).proxy == replace(changed, epoch=1, active_instance_id=one.instance_id)
    assert await trail_of(store) == trail


async def test_a_policy_of_another_generation_is_refused(store: Store) -> None:
    proxy = await store.create_proxy(a_proxy())

    for generation in (1, 3):
        with pytest.raises(Conflict, match="its generation is 1") as refused:
            await store.save_policy(replace(proxy, generation=generation), a_trail())
        assert refused.value.state == {"generation": 1}

    assert (await stored_in(store)).proxy == proxy
    assert (await trail_of(store)).messages == ()


async def test_of_two_who_change_a_policy_at_once_one_wins(store: Store) -> None:
    proxy = await store.create_proxy(a_proxy())
    wanted = [
        replace(proxy, generation=2, policy=FailoverPolicy(unhealthy_threshold=threshold))
        for threshold in (4, 5)
    ]

    outcomes = await asyncio.gather(*map(store.save_policy, wanted), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "NoneType"]
    assert (await stored_in(store)).proxy == wanted[outcomes.index(None)]


async def test_a_policy_cannot_take_another_proxys_listener(store: Store) -> None:
    await store.create_proxy(a_proxy("web", port=10000))
    shop = await store.create_proxy(a_proxy("shop", port=10001))

    with pytest.raises(Conflict, match="listener 127"):
        await store.save_policy(replace(a_proxy("shop", port=10000), generation=2), a_trail("shop"))

    assert (await stored_in(store, "shop")).proxy == shop
    assert (await trail_of(store, "shop")).audit == ()


async def test_a_policy_keeps_its_own_listener(store: Store) -> None:
    proxy = await store.create_proxy(a_proxy(port=10000))

    await store.save_policy(replace(proxy, generation=2))

    assert (await stored_in(store)).proxy.generation == 2


async def test_a_policy_of_an_unknown_proxy_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="proxy web not found"):
        await store.save_policy(a_proxy(generation=2))


async def test_a_deleted_proxy_is_gone_with_its_instances_and_frees_its_listener(store: Store) -> None:
    await proxy_with(store, "one", port=10000)
    trail = a_trail()

    await store.delete_proxy("web", NOW, trail)

    assert await store.load_proxy("web", LONG_AGO) is None
    assert await store.load(LONG_AGO) == []
    assert await trail_of(store) == trail
    await store.create_proxy(a_proxy("shop", port=10000))


async def test_deleting_closes_what_is_open_and_keeps_history(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    move = a_move(await stored_in(store), one)
    await store.commit_pass(a_pass(move=move))
    recovery = an_event(event_type=EventType.RECOVERY, target_instance_id=one.instance_id)
    await store.add_recovery_event(recovery)

    await store.delete_proxy("web", after(2))

    events = await store.events("web", 10)
    assert {event.event_id for event in events} == {move.event.event_id, recovery.event_id}
    for event in events:
        assert (event.status, event.error_message) == (EventStatus.FAILED, PROXY_DELETED)
        assert (event.completed_at, event.duration_ms) == (after(2), 2000.0)


@pytest.mark.parametrize("deleted_before", [False, True])
async def test_deleting_what_is_not_there_is_not_found(store: Store, *, deleted_before: bool) -> None:
    if deleted_before:
        await store.create_proxy(a_proxy())
        await store.delete_proxy("web", NOW)

    with pytest.raises(NotFound, match="proxy web not found"):
        await store.delete_proxy("web", NOW, a_trail())

    assert (await trail_of(store)).audit == ()


async def test_a_revived_proxy_goes_on_with_its_epoch_and_history_but_without_instances(store: Store) -> None:
    (one,) = await proxy_with(store, "one", port=10000)
    move = a_move(await stored_in(store), one, pin=one.instance_id)
    await store.commit_pass(a_pass(move=move, redundancy=a_status()))
    await store.delete_proxy("web", after(1))
    again = a_proxy(port=10001, created_at=after(9), updated_at=after(9))

    revived = await store.create_proxy(again)

    assert revived == replace(again, epoch=1)
    stored = await stored_in(store)
    assert stored.proxy == revived
    assert (stored.instances, stored.open_move, stored.redundancy) == ((), None, None)
    assert [event.event_id for event in await store.events("web", 10)] == [move.event.event_id]
    await store.add_instance(an_instance("one"))


async def test_a_deleted_proxy_is_revived_for_nobody_but_its_owner(store: Store) -> None:
    await store.create_proxy(a_proxy())
    await store.delete_proxy("web", NOW)

    with pytest.raises(Conflict, match="proxyId 'web' is taken"):
        await store.create_proxy(a_proxy(owner_id="bob"))

    assert await store.load_proxy("web", LONG_AGO) is None


async def test_a_proxy_is_not_revived_onto_a_taken_listener(store: Store) -> None:
    await store.create_proxy(a_proxy("web", port=10000))
    await store.delete_proxy("web", NOW)
    await store.create_proxy(a_proxy("shop", port=10000))

    with pytest.raises(Conflict, match="listener 127"):
        await store.create_proxy(a_proxy("web", port=10000))

    assert await store.load_proxy("web", LONG_AGO) is None


async def test_an_epoch_is_raised_but_never_lowered(store: Store) -> None:
    await store.create_proxy(a_proxy())
    trail = a_trail()

    assert await store.raise_epoch("web", 7, trail)
    assert not await store.raise_epoch("web", 7, a_trail())
    assert not await store.raise_epoch("web", 6, a_trail())

    assert (await stored_in(store)).proxy == a_proxy(epoch=7)
    assert await trail_of(store) == trail


@pytest.mark.parametrize("deleted_before", [False, True])
async def test_the_epoch_of_no_proxy_is_not_raised(store: Store, *, deleted_before: bool) -> None:
    if deleted_before:
        await store.create_proxy(a_proxy())
        await store.delete_proxy("web", NOW)

    assert not await store.raise_epoch("web", 7)


async def test_a_redundancy_status_replaces_the_one_before(store: Store) -> None:
    await store.create_proxy(a_proxy())
    ids = CountingIds()
    declared = a_status(backup_instance_ids=(ids(), ids()), active_instance_id=ids(), is_degraded=True)
    trail = a_trail()

    await store.save_redundancy(a_status())
    await store.save_redundancy(declared, trail)

    assert (await stored_in(store)).redundancy == declared
    assert await trail_of(store) == trail


async def test_a_redundancy_status_of_no_proxy_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="proxy web not found"):
        await store.save_redundancy(a_status())
