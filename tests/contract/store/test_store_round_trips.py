"""Every field of every value comes back as it went in."""

from dataclasses import replace
from datetime import datetime
from itertools import count

import pytest
from hypothesis import HealthCheck as Check
from hypothesis import given, settings
from tests.record_strategies import (
    ENTRIES,
    INSTANCES,
    MESSAGES,
    OPEN_MOVES,
    PINS,
    POLICIES,
    SAMPLES,
    STATUSES,
    TEXTS,
    TIMES,
    maybe,
)
from tests.record_values import LONG_AGO, a_pass, a_proxy, an_instance, done, new_id, stored_in

from switchover.model.events import FailoverEvent
from switchover.model.instance import Instance
from switchover.model.metrics import InstanceMetrics
from switchover.model.policy import FailoverPolicy
from switchover.model.proxy import Pin
from switchover.model.redundancy import RedundancyStatus
from switchover.model.trail import AuditEntry, OutboxMessage, Trail
from switchover.record.store import Move, Store

# The store of a test outlives its examples: each uses ids of its own. No deadline, because speed is not the point.
many = settings(max_examples=40, suppress_health_check=[Check.function_scoped_fixture, Check.too_slow])
numbers = count()


@pytest.fixture(autouse=True)
async def _a_proxy_to_belong_to(store: Store) -> None:
    await store.create_proxy(a_proxy("web"))


@many
@given(policy=POLICIES, changed=POLICIES, owner=TEXTS, at=TIMES, pin=maybe(PINS))
async def test_proxies(
    store: Store,
    policy: FailoverPolicy,
    changed: FailoverPolicy,
    owner: str,
    at: datetime,
    pin: Pin | None,
) -> None:
    proxy = a_proxy(
        f"p{next(numbers)}",
        owner,
        policy=policy,
        created_at=at,
        updated_at=at,
        pinned_instance_id=new_id(),
        pin_note=pin,
    )

    await store.create_proxy(proxy)
    assert (await stored_in(store, proxy.proxy_id)).proxy == proxy

    changed_proxy = replace(proxy, policy=changed, generation=2, pin_note=None)
    await store.save_policy(changed_proxy)
    assert (await stored_in(store, proxy.proxy_id)).proxy == changed_proxy


@many
@given(instance=INSTANCES, changed=INSTANCES)
async def test_instances(store: Store, instance: Instance, changed: Instance) -> None:
    async def loaded() -> Instance:
        stored = await stored_in(store)
        return next(i for i in stored.instances if i.instance_id == instance.instance_id)

    await store.add_instance(instance)
    assert await loaded() == instance

    changed = replace(changed, instance_id=instance.instance_id, created_at=instance.created_at)
    await store.save_instance(changed)
    await store.flush_instances([changed])
    assert await loaded() == changed


@many
@given(event=OPEN_MOVES, at=TIMES)
async def test_events(store: Store, event: FailoverEvent, at: datetime) -> None:
    proxy_id = f"p{next(numbers)}"
    source, target = an_instance("a", proxy_id), an_instance("b", proxy_id)
    await store.create_proxy(a_proxy(proxy_id))
    await store.add_instance(source)
    await store.add_instance(target)
    event = replace(
        event,
        proxy_id=proxy_id,
        source_instance_id=source.instance_id,
        target_instance_id=target.instance_id,
    )
    move = Move(seen_active_instance_id=None, seen_epoch=0, event=event, pin=None)

    await store.commit_pass(a_pass(proxy_id, move=move))
    stored = await store.load_proxy(proxy_id, LONG_AGO)
    assert stored is not None
    assert stored.open_move == event
    assert stored.proxy.epoch == event.epoch

    closed = done(event, at)
    await store.close_event(closed)
    assert await store.events(proxy_id, 5) == [closed] == [await store.event(event.event_id)]


@many
@given(status=STATUSES)
async def test_redundancy(store: Store, status: RedundancyStatus) -> None:
    await store.save_redundancy(status)

    assert (await stored_in(store)).redundancy == status


@many
@given(sample=SAMPLES)
async def test_metrics(store: Store, sample: InstanceMetrics) -> None:
    instance = an_instance(str(next(numbers)))
    await store.add_instance(instance)
    sample = replace(sample, instance_id=instance.instance_id)

    await store.record_metrics(sample)

    at = sample.recorded_at
    assert await store.metrics(instance.instance_id, at, at, 5) == [sample]


@many
@given(entry=ENTRIES)
async def test_audit(store: Store, entry: AuditEntry) -> None:
    await store.append_audit(entry)

    assert await store.audit(entry.proxy_id, 5) == [entry]


@many
@given(message=MESSAGES, at=TIMES)
async def test_messages(store: Store, message: OutboxMessage, at: datetime) -> None:
    await store.commit_pass(a_pass(trail=Trail(messages=(message,))))

    assert await store.pending_messages(5) == [message]
    await store.mark_delivered([message.message_id], at)
