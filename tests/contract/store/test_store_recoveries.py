import asyncio
from dataclasses import replace

import pytest
from tests.record_values import (
    NOW,
    a_proxy,
    a_trail,
    after,
    an_event,
    done,
    failed,
    proxy_with,
    stored_in,
    trail_of,
)

from switchover.model.errors import NotFound
from switchover.model.events import EventStatus, EventType, FailoverEvent
from switchover.model.instance import Instance
from switchover.model.policy import FailoverPolicy
from switchover.model.recovery import (
    Attempt,
    RecoveryAction,
    RecoveryActionType,
    RecoverySecrets,
    attempts_of,
    with_attempt,
)
from switchover.record.store import Store

SECRETS = RecoverySecrets(proxy_id="web", secret="whsec_new", former="whsec_old", rotated_at=NOW)


def a_recovery(instance: Instance) -> FailoverEvent:
    return an_event(event_type=EventType.RECOVERY, target_instance_id=instance.instance_id)


async def test_the_newest_recovery_of_each_instance_is_loaded_open_or_closed(store: Store) -> None:
    one, two, _ = await proxy_with(store, "one", "two", "three")
    first, second, other = a_recovery(one), a_recovery(one), a_recovery(two)
    await store.add_recovery_event(first)
    closed = failed(first, "in vain", after(1))
    await store.close_event(closed)
    assert (await stored_in(store)).recoveries == (closed,)

    await store.add_recovery_event(second)
    await store.add_recovery_event(other)
    assert {event.event_id for event in (await stored_in(store)).recoveries} == {
        second.event_id,
        other.event_id,
    }


async def test_a_refused_recovery_is_not_the_newest(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    first = a_recovery(one)

    stored = await asyncio.gather(*(store.add_recovery_event(e) for e in (first, a_recovery(one))))

    assert sorted(stored) == [False, True]
    (newest,) = (await stored_in(store)).recoveries
    assert (await store.events("web", 10)) == [newest]


async def test_attempts_are_noted_and_the_outcome_is_left_alone(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    event = a_recovery(one)
    await store.add_recovery_event(event)
    attempt = Attempt(
        number=1, started_at=NOW, ended_at=after(1), next_at=after(6), accepted=True, detail="ok"
    )
    trail = a_trail()

    await store.note_attempts(replace(with_attempt(event, attempt), status=EventStatus.COMPLETED), trail)

    (stored,) = (await stored_in(store)).recoveries
    assert stored.status is EventStatus.IN_PROGRESS
    assert attempts_of(stored) == (attempt,)
    assert await trail_of(store) == trail


async def test_an_attempt_that_ends_after_its_recovery_is_noted_too(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    event = a_recovery(one)
    await store.add_recovery_event(event)
    closed = done(event, after(3))
    await store.close_event(closed)
    attempt = Attempt(
        number=1, started_at=NOW, ended_at=after(4), next_at=after(9), accepted=True, detail="ok"
    )

    await store.note_attempts(with_attempt(event, attempt))

    assert (await stored_in(store)).recoveries == (with_attempt(closed, attempt),)


async def test_attempts_of_what_is_no_recovery_are_not_found(store: Store) -> None:
    await proxy_with(store, "one")
    with pytest.raises(NotFound, match="event"):
        await store.note_attempts(an_event())


async def test_deleting_an_instance_ends_its_recovery_alone(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    first, second = a_recovery(one), a_recovery(two)
    await store.add_recovery_event(first)
    await store.add_recovery_event(second)

    await store.delete_instance(one.instance_id, after(5))

    ended = await store.event(first.event_id)
    assert ended == failed(first, "the instance was deleted", after(5))
    assert [event.event_id for event in (await stored_in(store)).recoveries] == [second.event_id]


async def test_secrets_are_kept_until_others_take_their_place_or_the_proxy_goes(store: Store) -> None:
    await proxy_with(store, "one")
    assert await store.recovery_secrets("web") is None

    await store.save_recovery_secrets(SECRETS, a_trail())
    assert await store.recovery_secrets("web") == SECRETS
    newer = replace(SECRETS, secret="whsec_newer", former=None, rotated_at=after(1))
    await store.save_recovery_secrets(newer)
    assert await store.recovery_secrets("web") == newer

    await store.delete_proxy("web", after(2))
    assert await store.recovery_secrets("web") is None


async def test_secrets_of_no_proxy_are_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="proxy web not found"):
        await store.save_recovery_secrets(SECRETS)


async def test_the_recovery_action_comes_back(store: Store) -> None:
    action = RecoveryAction(type=RecoveryActionType.WEBHOOK, url="https://ops.example/", command="restart")
    await store.create_proxy(a_proxy(policy=FailoverPolicy(recovery_action=action)))
    assert (await stored_in(store)).proxy.policy.recovery_action == action
