"""What bounds automation: stored by people, asked in the transaction of each move."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

import pytest
from tests.record_values import (
    LONG_AGO,
    NOW,
    a_move,
    a_pass,
    a_proxy,
    after,
    an_entry,
    failed,
    proxy_with,
    stored_in,
    trail_of,
)

from switchover.decision.rules import MoveBlocked
from switchover.model.errors import Conflict
from switchover.model.events import EventType, Trigger
from switchover.model.instance import AdminState, Instance
from switchover.model.observation import Health, InstanceHealth
from switchover.model.policy import FailoverPolicy
from switchover.model.rules import (
    FLEET,
    NO_RULES,
    Freeze,
    Gate,
    MoveLimit,
    Pause,
    SafetyRules,
    Scope,
    ScopeStanding,
    Weekday,
    scope_of_proxy,
    scope_of_user,
)
from switchover.model.trail import Trail
from switchover.record.store import Pass, Store

ANN = scope_of_user("ann")
WEB = scope_of_proxy("web")
PAUSE = Pause(by="root", reason="network", since=NOW)
RULES = SafetyRules(
    min_serving=2,
    move_limit=MoveLimit(moves=3, window_seconds=60.5),
    gates=("deploys", "fleet/moves"),
    freezes=(
        Freeze(name="release", starts_at=NOW, ends_at=after(60)),
        Freeze(
            name="night",
            days=(Weekday.SATURDAY, Weekday.SUNDAY),
            start=time(22),
            end=time(6, 30),
            time_zone="Europe/Berlin",
        ),
    ),
)
GATE = Gate(name="deploys", is_on=True, by="ann", at=NOW, reason="4711 is done")
ONE_A_MINUTE = SafetyRules(move_limit=MoveLimit(moves=1, window_seconds=60))


async def moving(store: Store, target: Instance, proxy_id: str = "web", **changes: Any) -> Pass:
    """A pass that moves to `target` by itself; `changes` are those of its event, or `at`, or `forced`."""
    at = changes.pop("at", NOW)
    forced = changes.pop("forced", False)
    move = a_move(await stored_in(store, proxy_id), target, at=at)
    still_open = (await stored_in(store, proxy_id)).open_move
    superseded = None if still_open is None else failed(still_open, at=at)
    event = replace(move.event, **changes)
    return a_pass(proxy_id, at=at, move=replace(move, event=event, forced=forced, superseded=superseded))


async def moves(store: Store, target: Instance, proxy_id: str = "web", **changes: Any) -> None:
    await store.commit_pass(await moving(store, target, proxy_id, **changes))


async def is_blocked(store: Store, change: Pass) -> list[tuple[str, Scope]]:
    before = await stored_in(store, change.proxy_id), await trail_of(store, change.proxy_id)
    with pytest.raises(MoveBlocked) as refusal:
        await store.commit_pass(change)
    assert (await stored_in(store, change.proxy_id), await trail_of(store, change.proxy_id)) == before
    return [(breach.rule.value, breach.scope) for breach in refusal.value.breaches]


async def test_what_is_set_in_a_scope_comes_back_as_it_was(store: Store) -> None:
    await store.save_rules(FLEET, RULES, Trail(audit=(an_entry("scope:fleet"),)))
    await store.save_gate(ANN, "deploys", GATE)
    await store.save_gate(ANN, "backups", replace(GATE, name="backups", is_on=False, reason=None))
    await store.save_pause(ANN, replace(PAUSE, until=after(60)))
    await store.save_pause(WEB, PAUSE)

    assert await store.standings() == [
        ScopeStanding(scope=FLEET, rules=RULES),
        ScopeStanding(scope=WEB, pause=PAUSE),
        ScopeStanding(
            scope=ANN,
            pause=replace(PAUSE, until=after(60)),
            gates=(replace(GATE, name="backups", is_on=False, reason=None), GATE),
        ),
    ]
    assert len(await store.audit("scope:fleet", 10)) == 1


async def test_a_scope_in_which_nothing_is_set_is_none(store: Store) -> None:
    await store.save_pause(ANN, PAUSE)
    await store.save_gate(ANN, "deploys", GATE)
    await store.save_rules(ANN, RULES)

    await store.save_pause(ANN, None)
    await store.save_rules(ANN, NO_RULES)
    assert await store.standings() == [ScopeStanding(scope=ANN, gates=(GATE,))]
    await store.save_gate(ANN, "deploys", None)
    await store.save_gate(ANN, "nothing", None)
    assert await store.standings() == []


async def test_the_rules_of_a_proxy_are_stored_with_its_policy(store: Store) -> None:
    await store.create_proxy(a_proxy(policy=FailoverPolicy(rules=RULES)))
    assert (await stored_in(store)).proxy.policy.rules == RULES

    plain = replace((await stored_in(store)).proxy, policy=FailoverPolicy(), generation=2)
    await store.save_policy(plain)
    assert (await stored_in(store)).proxy.policy.rules == NO_RULES


@pytest.mark.parametrize("scope", [FLEET, ANN, WEB], ids=str)
async def test_a_pause_blocks_automatic_moves_and_no_others(store: Store, scope: Scope) -> None:
    one, two = await proxy_with(store, "one", "two")
    await store.save_pause(scope, PAUSE)

    assert await is_blocked(store, await moving(store, one)) == [("pause", scope)]
    assert await is_blocked(store, await moving(store, one, event_type=EventType.ACTIVATION)) == [
        ("pause", scope)
    ]
    await moves(store, one, trigger=Trigger.MANUAL)
    assert await is_blocked(store, await moving(store, two)) == [("pause", scope)]
    await moves(store, two, forced=True)
    await store.save_pause(scope, None)
    await moves(store, one)


async def test_a_pause_of_others_and_one_that_has_ended_block_nothing(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    await store.save_pause(scope_of_user("bob"), PAUSE)
    await store.save_pause(scope_of_proxy("shop"), PAUSE)
    await store.save_pause(FLEET, replace(PAUSE, until=after(10)))

    assert await is_blocked(store, await moving(store, one, at=after(9))) == [("pause", FLEET)]
    await moves(store, one, at=after(10))


async def test_a_gate_must_be_on_for_people_too(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two", policy=FailoverPolicy(rules=SafetyRules(gates=("go",))))
    await moves(store, one, event_type=EventType.ACTIVATION)

    assert await is_blocked(store, await moving(store, two)) == [("gate", WEB)]
    assert await is_blocked(store, await moving(store, two, trigger=Trigger.MANUAL)) == [("gate", WEB)]
    await store.save_gate(FLEET, "go", replace(GATE, name="go"))
    await store.save_gate(ANN, "go", replace(GATE, name="go", is_on=False))
    assert await is_blocked(store, await moving(store, two)) == [("gate", WEB)]
    await store.save_gate(ANN, "go", replace(GATE, name="go"))
    await moves(store, two)
    await store.save_rules(ANN, SafetyRules(gates=("fleet/stop",)))
    await moves(store, one, trigger=Trigger.MANUAL, forced=True)


async def test_nothing_moves_in_a_freeze(store: Store) -> None:
    one, two = await proxy_with(store, "one", "two")
    await store.save_rules(ANN, SafetyRules(freezes=RULES.freezes))

    assert await is_blocked(store, await moving(store, one, at=after(59))) == [("freeze", ANN)]
    saturday = datetime(2026, 3, 7, 23, tzinfo=UTC)
    assert await is_blocked(store, await moving(store, one, at=saturday)) == [("freeze", ANN)]
    await moves(store, one, at=after(60))
    await moves(store, two, at=saturday, event_type=EventType.ACTIVATION)


@pytest.mark.parametrize("scope", [FLEET, ANN, WEB], ids=str)
async def test_a_limit_counts_the_automatic_moves_of_its_scope_within_its_window(
    store: Store, scope: Scope
) -> None:
    two_a_minute = SafetyRules(move_limit=MoveLimit(moves=2, window_seconds=60))
    policy = FailoverPolicy(rules=two_a_minute if scope == WEB else NO_RULES)
    one, two = await proxy_with(store, "one", "two", policy=policy)
    if scope != WEB:
        await store.save_rules(scope, two_a_minute)

    await moves(store, one, event_type=EventType.ACTIVATION)
    await moves(store, two, at=after(1))
    await moves(store, one, at=after(2), trigger=Trigger.MANUAL)
    await moves(store, two, at=after(3))
    late = await moving(store, one, at=after(60))
    with pytest.raises(MoveBlocked) as refusal:
        await store.commit_pass(late)
    assert refusal.value.latest == {scope: after(1)}
    assert [breach.lifts_at for breach in refusal.value.breaches] == [after(61)]
    await moves(store, one, at=after(61))
    await moves(store, two, at=after(61), trigger=Trigger.MANUAL)


async def test_a_limit_of_a_user_counts_none_of_anybody_elses_moves(store: Store) -> None:
    (web,) = await proxy_with(store, "one")
    (shop,) = await proxy_with(store, "one", proxy_id="shop")
    (theirs,) = await proxy_with(store, "one", proxy_id="theirs", owner_id="bob")
    await store.save_rules(ANN, ONE_A_MINUTE)

    await moves(store, theirs, "theirs")
    await moves(store, web)
    assert await is_blocked(store, await moving(store, shop, "shop")) == [("move_limit", ANN)]
    await store.delete_proxy("web", NOW)
    assert await is_blocked(store, await moving(store, shop, "shop")) == [("move_limit", ANN)]


def healthy(*instances: Instance) -> tuple[Instance, ...]:
    return tuple(replace(i, health=InstanceHealth(state=Health.HEALTHY)) for i in instances)


async def test_enough_instances_must_serve_after_a_move_unless_the_active_is_dead(store: Store) -> None:
    policy = FailoverPolicy(rules=SafetyRules(min_serving=2))
    one, two, three = await proxy_with(store, "one", "two", "three", policy=policy)
    first = await moving(store, one, event_type=EventType.ACTIVATION)
    await store.commit_pass(replace(first, instances=healthy(one, two, three)))

    await moves(store, two)
    down = replace(three, health=InstanceHealth(state=Health.UNHEALTHY))
    await moves(store, one)
    # What the pass itself has measured counts.
    change = replace(await moving(store, two), instances=(down,))
    await store.commit_pass(change)
    await store.save_instance(replace(healthy(one)[0], admin_state=AdminState.DRAIN))
    assert await is_blocked(store, await moving(store, one)) == [("min_serving", WEB)]
    assert await is_blocked(store, await moving(store, one, trigger=Trigger.MANUAL)) == [("min_serving", WEB)]
    dead = replace(two, health=InstanceHealth(state=Health.UNHEALTHY))
    await store.commit_pass(replace(await moving(store, one), instances=(dead,)))
    assert (await stored_in(store)).proxy.active_instance_id == one.instance_id


async def warmed_up(store: Store) -> None:
    """Have every connection open, so that what is asked at once is done at once."""
    await asyncio.gather(*(store.append_audit(an_entry()) for _ in range(20)))


async def test_of_two_moves_at_once_under_a_limit_of_one_exactly_one_commits(store: Store) -> None:
    names = [f"proxy-{number}" for number in range(6)]
    targets = [(await proxy_with(store, "one", proxy_id=name))[0] for name in names]
    await store.save_rules(FLEET, ONE_A_MINUTE)
    changes = [await moving(store, target, name) for name, target in zip(names, targets, strict=True)]
    await warmed_up(store)

    outcomes: Sequence[object] = await asyncio.gather(
        *(store.commit_pass(change) for change in changes), return_exceptions=True
    )

    assert [outcome for outcome in outcomes if outcome is None] == [None]
    assert all(isinstance(o, MoveBlocked) for o in outcomes if o is not None)
    epochs = [(await stored_in(store, name)).proxy.epoch for name in names]
    assert sorted(epochs) == [0] * 5 + [1]


async def test_limits_of_two_scopes_at_once_block_nobody_for_ever(store: Store) -> None:
    names = [f"proxy-{number}" for number in range(8)]
    owners = ["ann", "bob"] * 4
    targets = [
        (await proxy_with(store, "one", proxy_id=name, owner_id=owner))[0]
        for name, owner in zip(names, owners, strict=True)
    ]
    for scope in (FLEET, ANN, scope_of_user("bob")):
        moves_allowed = 3 if scope == FLEET else 2
        await store.save_rules(
            scope, SafetyRules(move_limit=MoveLimit(moves=moves_allowed, window_seconds=60))
        )
    changes = [await moving(store, target, name) for name, target in zip(names, targets, strict=True)]

    outcomes = await asyncio.gather(
        *(store.commit_pass(change) for change in changes),
        *(store.save_pause(scope_of_proxy(name), None) for name in names),
        return_exceptions=True,
    )

    assert sum(1 for outcome in outcomes[:8] if outcome is None) == 3
    assert all(isinstance(o, MoveBlocked) for o in outcomes[:8] if o is not None)
    assert outcomes[8:] == [None] * 8


async def test_once_a_pause_is_stored_no_move_commits_that_it_forbids(store: Store) -> None:
    names = [f"proxy-{number}" for number in range(10)]
    targets = [(await proxy_with(store, "one", proxy_id=name))[0] for name in names]
    changes = [await moving(store, target, name) for name, target in zip(names, targets, strict=True)]
    await warmed_up(store)
    committed: list[str] = []
    paused_after: list[int] = []

    async def move(change: Pass) -> None:
        await store.commit_pass(change)
        committed.append(change.proxy_id)

    async def pause() -> None:
        await store.save_pause(FLEET, PAUSE)
        stored = [s for s in await store.load(LONG_AGO) if s.proxy.epoch == 1]
        paused_after.append(len(stored))

    await asyncio.gather(
        *(move(change) for change in changes[:5]),
        pause(),
        *(move(change) for change in changes[5:]),
        return_exceptions=True,
    )

    assert len([s for s in await store.load(LONG_AGO) if s.proxy.epoch == 1]) == paused_after[0]
    assert len(committed) == paused_after[0]


async def test_a_refusal_is_a_conflict_that_says_how_to_override_it(store: Store) -> None:
    (one,) = await proxy_with(store, "one")
    await store.save_pause(FLEET, PAUSE)

    with pytest.raises(
        Conflict, match=r"paused for the fleet by root: network\. An admin may override"
    ) as refusal:
        await moves(store, one)
    assert refusal.value.state["override"] == "force"
    assert refusal.value.state["rules"][0]["rule"] == "pause"
