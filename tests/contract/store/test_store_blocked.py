"""Moves that a rule blocked: stored once, told as they go on, ended and pruned."""

from dataclasses import replace
from typing import Any

from tests.record_values import (
    LONG_AGO,
    NOW,
    a_pass,
    a_proxy,
    a_trail,
    after,
    new_id,
    proxy_with,
    stored_in,
)

from switchover.model.blocked import BlockedMove
from switchover.model.events import EventType, Trigger
from switchover.model.rules import Pause, scope_of_proxy
from switchover.record.store import Store


def a_blocked_move(proxy_id: str = "web", **changes: Any) -> BlockedMove:
    values: dict[str, Any] = {
        "event_type": EventType.FAILBACK,
        "trigger": Trigger.AUTOMATIC,
        "source_instance_id": None,
        "target_instance_id": None,
        "reason": "Preferred instance is well again",
        "reason_code": "preferred_is_well",
        "rule": "pause",
        "scope": "fleet",
        "message": "Automation is paused for the fleet by root: network",
        "evidence": {"rules": [{"rule": "pause"}]},
        "first_at": NOW,
        "last_at": NOW,
        **changes,
    }
    return BlockedMove(blocked_id=new_id(), proxy_id=proxy_id, **values)


async def test_a_blocked_move_is_stored_once_and_told_as_it_goes_on(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    blocked = a_blocked_move(source_instance_id=one.instance_id, target_instance_id=two.instance_id)
    await store.commit_pass(a_pass(blocked=(blocked,), trail=a_trail()))
    assert (await stored_in(store)).blocked == blocked
    assert await store.blocked_moves("web", 10) == [blocked]

    again = replace(blocked, last_at=after(60), count=61)
    await store.commit_pass(a_pass(blocked=(again,)))
    assert (await stored_in(store)).blocked == again

    ended, other = replace(again, ended_at=after(90)), a_blocked_move(first_at=after(90), last_at=after(90))
    await store.commit_pass(a_pass(blocked=(ended, other)))
    assert (await stored_in(store)).blocked == other
    assert await store.blocked_moves("web", 10) == [other, ended]
    assert await store.blocked_moves("web", 1) == [other]
    assert await store.blocked_moves("shop", 10) == []


async def test_a_deleted_proxy_ends_what_is_blocked_and_takes_its_pause_along(store: Store) -> None:
    await proxy_with(store, "one")
    blocked = a_blocked_move()
    await store.commit_pass(a_pass(blocked=(blocked,)))
    await store.save_pause(scope_of_proxy("web"), Pause(by="root", reason="network", since=NOW))

    await store.delete_proxy("web", after(5))

    assert await store.standings() == []
    assert await store.blocked_moves("web", 10) == [replace(blocked, ended_at=after(5))]
    await store.create_proxy(a_proxy())
    assert (await stored_in(store)).blocked is None


async def test_blocked_moves_that_have_ended_are_pruned_with_the_events(store: Store) -> None:
    await proxy_with(store, "one")
    lasting, ended = a_blocked_move(first_at=LONG_AGO), a_blocked_move(ended_at=NOW)
    await store.commit_pass(a_pass(blocked=(ended, lasting)))

    assert (
        await store.prune(events_before=NOW, metrics_before=NOW, messages_before=NOW, transitions_before=NOW)
        == 0
    )
    assert (
        await store.prune(
            events_before=after(1), metrics_before=NOW, messages_before=NOW, transitions_before=NOW
        )
        == 1
    )
    assert await store.blocked_moves("web", 10) == [lasting]
