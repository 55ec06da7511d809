import asyncio
from dataclasses import replace

import pytest
from tests.record_values import (
    NOW,
    a_pass,
    a_proxy,
    a_trail,
    after,
    an_event,
    an_instance,
    proxy_with,
    stored_in,
    trail_of,
)

from switchover.model.address import Address
from switchover.model.errors import Conflict, NotFound
from switchover.model.instance import AdminState, Usage
from switchover.model.observation import UNSEEN, Health, InstanceHealth, Outcome
from switchover.record.store import Store

SICK = InstanceHealth(
    state=Health.UNHEALTHY,
    consecutive_failures=3,
    last_outcome=Outcome.FAIL,
    last_checked_at=NOW,
    changed_at=NOW,
    first_failed_at=NOW,
    last_code="timeout",
    last_detail="no answer within 5 s",
)
BUSY = Usage(
    total_requests=10, successful_requests=9, failed_requests=1, average_latency_ms=1.5, error_rate=0.1
)


async def test_an_added_instance_is_loaded_as_it_was(store: Store) -> None:
    await store.create_proxy(a_proxy())
    instance, trail = an_instance(health=SICK, usage=BUSY, resolved_host="127.0.0.1"), a_trail()

    await store.add_instance(instance, trail)

    assert (await stored_in(store)).instances == (instance,)
    assert await trail_of(store) == trail


@pytest.mark.parametrize("deleted_before", [False, True])
async def test_an_instance_needs_its_proxy(store: Store, *, deleted_before: bool) -> None:
    if deleted_before:
        await store.create_proxy(a_proxy())
        await store.delete_proxy("web", NOW)

    with pytest.raises(NotFound, match="proxy web not found"):
        await store.add_instance(an_instance())


async def test_a_name_is_taken_within_its_proxy_alone(store: Store) -> None:
    await proxy_with(store, "web-1")
    await proxy_with(store, "web-1", proxy_id="shop")

    with pytest.raises(Conflict, match=r"^instanceName 'web-1' is taken in proxy web$"):
        await store.add_instance(an_instance("web-1"), a_trail())

    assert len((await stored_in(store)).instances) == 1
    assert (await trail_of(store)).audit == ()


async def test_of_two_registrations_of_a_name_at_once_one_wins(store: Store) -> None:
    await store.create_proxy(a_proxy())

    outcomes = await asyncio.gather(
        *(store.add_instance(an_instance("web-1")) for _ in range(3)), return_exceptions=True
    )

    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 2
    assert len((await stored_in(store)).instances) == 1


async def test_an_id_is_taken_for_ever(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    await store.delete_instance(one.instance_id, NOW)

    with pytest.raises(Conflict, match=f"instance id {one.instance_id} is taken"):
        await store.add_instance(replace(one, name="two"))


async def test_saving_stores_what_people_say_and_the_health_but_not_usage(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    await store.flush_instances([replace(one, usage=BUSY)])
    changed = replace(
        one,
        name="uno",
        instance_type="canary",
        priority=1,
        weight=2,
        address=Address(host="web.example", port=80),
        resolved_host="192.0.2.1",
        admin_state=AdminState.DRAIN,
        admin_changed_at=after(1),
        health=SICK,
    )
    trail = a_trail()

    await store.save_instance(changed, trail)

    assert (await stored_in(store)).instances == (replace(changed, usage=BUSY),)
    assert await trail_of(store) == trail


async def test_an_address_can_be_taken_away(store: Store) -> None:
    (one,) = await proxy_with(store, "one")

    await store.save_instance(replace(one, address=None))

    assert (await stored_in(store)).instances == (replace(one, address=None),)


async def test_a_rename_to_a_taken_name_is_refused(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")

    with pytest.raises(Conflict, match="instanceName 'one' is taken in proxy web"):
        await store.save_instance(replace(two, name="one", priority=1), a_trail())

    assert (await stored_in(store)).instances == (one, two)
    assert (await trail_of(store)).audit == ()


async def test_a_deleted_instance_is_gone_frees_its_name_and_stays_in_events(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    event = an_event(event_type="recovery", target_instance_id=one.instance_id)
    await store.add_recovery_event(event)
    trail = a_trail()

    await store.delete_instance(one.instance_id, NOW, trail)

    assert (await stored_in(store)).instances == (two,)
    assert [e.target_instance_id for e in await store.events("web", 5)] == [one.instance_id]
    assert await trail_of(store) == trail
    await store.add_instance(an_instance("one"))


@pytest.mark.parametrize("how", ["unknown", "deleted", "with its proxy"])
async def test_an_instance_that_is_gone_is_not_found(store: Store, how: str) -> None:
    (one,) = await proxy_with(store, "one")
    match how:
        case "unknown":
            one = an_instance()
        case "deleted":
            await store.delete_instance(one.instance_id, NOW)
        case _:
            await store.delete_proxy("web", NOW)

    with pytest.raises(NotFound, match=f"instance {one.instance_id} not found"):
        await store.save_instance(one, a_trail())
    with pytest.raises(NotFound, match=f"instance {one.instance_id} not found"):
        await store.delete_instance(one.instance_id, NOW, a_trail())

    assert (await trail_of(store)).audit == ()


async def test_a_flush_stores_what_was_measured_and_nothing_else(store: Store) -> None:
    one, two, three = await proxy_with(store, "one", "two", "three")
    seen = replace(UNSEEN, consecutive_failures=2, last_checked_at=NOW, last_code="timeout")
    measured = [replace(i, health=seen, usage=BUSY, resolved_host="127.0.0.9") for i in (one, two)]

    await store.flush_instances([replace(i, name="other", priority=1, weight=5) for i in measured])

    assert (await stored_in(store)).instances == (*measured, three)


async def test_a_flush_skips_what_is_gone(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    await store.delete_instance(one.instance_id, NOW)

    await store.flush_instances([replace(i, usage=BUSY) for i in (one, two, an_instance("never"))])

    assert (await stored_in(store)).instances == (replace(two, usage=BUSY),)


async def test_a_flush_that_comes_after_a_transition_takes_nothing_back(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    turned = replace(one, health=SICK)
    await store.commit_pass(a_pass(instances=(turned,)))

    await store.flush_instances([replace(one, usage=BUSY), replace(two, usage=BUSY)])

    assert (await stored_in(store)).instances == (turned, replace(two, usage=BUSY))


async def test_a_flush_of_nothing_does_nothing(store: Store) -> None:
    (one,) = await proxy_with(store, "one")

    await store.flush_instances([])

    assert (await stored_in(store)).instances == (one,)
