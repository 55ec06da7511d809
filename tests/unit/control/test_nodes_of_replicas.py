"""Nodes that are connected to one of several replicas: where they are, what they refuse, and what they know better."""

from collections.abc import AsyncIterator

import pytest
from tests.unit.control.replicas import SESSION_SECONDS, OneReplica, Replicas

from switchover.control.nodes import LOOK_SECONDS
from switchover.switch.driver import NodeState, NodeStatus

SOON = LOOK_SECONDS * 2


@pytest.fixture
async def replicas() -> AsyncIterator[Replicas]:
    async with Replicas().running() as running:
        for one in running.all[1:]:
            one.node.silence()
        await running.settle(SOON)
        yield running


def _seen(replicas: Replicas) -> list[tuple[NodeState, str | None]]:
    return [(node.state, node.replica) for one in replicas.all for node in one.service.nodes()]


async def _raised(replicas: Replicas, proxy_id: str = "web") -> list[dict[str, object]]:
    entries = await replicas.company.store.audit(proxy_id, 100)
    return [dict(entry.detail) for entry in entries if entry.action == "epoch.raise"]


async def _stored_epoch(replicas: Replicas) -> int:
    stored = await replicas.company.store.load_proxy("web", replicas.clock.now())
    assert stored is not None
    return stored.proxy.epoch


async def test_every_replica_knows_where_a_node_is_connected(replicas: Replicas) -> None:
    first, second, _ = replicas.all
    assert _seen(replicas) == [(NodeState.CONNECTED, "r1")] * 3

    first.node.silence()
    await second.node.speak()
    await replicas.settle(SOON)
    assert _seen(replicas) == [(NodeState.CONNECTED, "r2")] * 3

    second.node.silence()
    await replicas.settle(SOON)
    assert _seen(replicas) == [(NodeState.AWAY, None)] * 3


async def test_a_node_whose_replica_died_is_away_until_it_comes_to_another(replicas: Replicas) -> None:
    dead, *living = replicas.all
    await dead.die()
    await replicas.settle(SESSION_SECONDS + SOON)
    assert [one.service.nodes()[0].state for one in living] == [NodeState.AWAY] * 2

    await living[1].node.speak()
    await replicas.settle(SOON)
    assert [one.service.nodes()[0].replica for one in living] == ["r3"] * 2


async def test_a_coming_that_could_not_be_told_is_told_when_the_store_is_back(replicas: Replicas) -> None:
    first, second, third = replicas.all
    second.way.cut = True
    first.node.silence()
    await second.node.speak()
    await replicas.settle(SOON)
    assert third.service.nodes()[0].state is NodeState.AWAY

    second.way.cut = False
    await replicas.settle(SOON)
    assert third.service.nodes()[0].replica == "r2"


async def test_words_of_two_replicas_that_crossed_are_put_right(replicas: Replicas) -> None:
    other = replicas.all[2]
    await replicas.company.way().note_node("edge", other.replica.replica_id, connected=True)
    await replicas.settle(SOON * 2)
    assert _seen(replicas) == [(NodeState.CONNECTED, "r1")] * 3


async def test_what_a_node_refuses_is_known_at_every_replica_until_it_is_no_longer_wanted(
    replicas: Replicas,
) -> None:
    await replicas.create()
    first = replicas.all[0]
    first.node.reject("web", "cannot bind")
    await replicas.ask("switch_over", "web", replicas.ids["b"])
    await replicas.settle(SOON)
    refuses = NodeStatus(
        node_id="edge", state=NodeState.CONNECTED, rejections={"web": "cannot bind"}, replica="r1"
    )
    for one in replicas.all:
        assert list(one.service.nodes()) == [refuses]
        assert (await one.service.get_proxy("web")).rejections == {"edge": "cannot bind"}

    first.node.accept("web")
    await replicas.settle(SOON * 4)
    for one in replicas.all:
        assert one.service.nodes()[0].rejections == {}


@pytest.mark.parametrize("at_owner", [True, False])
async def test_a_store_that_is_behind_a_node_is_raised_once_and_by_the_owner(
    replicas: Replicas, *, at_owner: bool
) -> None:
    await replicas.create()
    owner = replicas.owner()
    where = owner if at_owner else replicas.others()[0]

    where.node.claim_epoch("web", 41)
    await replicas.settle(SOON)

    assert await _raised(replicas) == [{"from": 1, "to": 42, "nodeId": "edge"}]
    assert await _stored_epoch(replicas) == 42
    for one in replicas.all:
        assert one.service._desk.fleet.state("web").proxy.epoch == 42
    assert replicas.owner() is owner


async def test_a_replica_that_is_behind_a_node_catches_up_and_raises_nothing(replicas: Replicas) -> None:
    await replicas.create()
    behind = replicas.others()[0]
    behind.way.cut = True
    await replicas.ask("switch_over", "web", replicas.ids["b"])
    behind.node.claim_epoch("web", 2)
    await replicas.settle(SOON)
    assert behind.service._desk.fleet.state("web").proxy.epoch == 1

    behind.way.cut = False
    await replicas.settle(SOON)
    assert behind.service._desk.fleet.state("web").proxy.epoch == 2
    assert await _raised(replicas) == []
    assert await _stored_epoch(replicas) == 2


async def test_an_owner_raises_nothing_when_the_store_has_what_the_node_has(replicas: Replicas) -> None:
    await replicas.create()
    await replicas.company.store.raise_epoch("web", 2)  # as a move of ours whose outcome we have not heard

    replicas.owner().node.claim_epoch("web", 2)
    await replicas.settle(SOON)

    assert await _stored_epoch(replicas) == 2
    assert await _raised(replicas) == []


async def test_what_a_node_knows_better_is_settled_by_the_next_owner_when_the_owner_is_gone(
    replicas: Replicas,
) -> None:
    await replicas.create()
    dead = replicas.owner()
    await dead.die()
    living = [one for one in replicas.all if one is not dead]

    living[0].node.claim_epoch("web", 41)
    await replicas.settle(SESSION_SECONDS * 3)

    assert await _stored_epoch(replicas) == 42
    assert len(await _raised(replicas)) == 1


def _sent_away(replicas: Replicas) -> list[int]:
    return [one.node.sent_away for one in replicas.all]


async def test_a_replica_that_lost_the_store_for_its_session_sends_its_nodes_away_once(
    replicas: Replicas,
) -> None:
    lost = replicas.all[1]
    for times in (1, 2):
        lost.way.cut = True
        await replicas.settle(SESSION_SECONDS / 2)
        assert _sent_away(replicas) == [0, times - 1, 0]
        await replicas.settle(SESSION_SECONDS * 3)
        assert _sent_away(replicas) == [0, times, 0]
        lost.way.cut = False
        await replicas.settle(SESSION_SECONDS)


def _active(replicas: Replicas, one: OneReplica) -> str | None:
    return replicas.name(one.service._desk.fleet.state("web").proxy.active_instance_id)


async def test_before_a_node_is_answered_an_owner_that_overslept_learns_what_its_successor_did(
    replicas: Replicas,
) -> None:
    await replicas.create()
    asleep = replicas.owner()
    asleep.way.cut = True
    await replicas.settle(SESSION_SECONDS * 2)
    await replicas.ask("switch_over", "web", replicas.ids["b"])
    assert _active(replicas, asleep) == "a"

    asleep.way.cut = False
    await asleep.plane.catch_up()

    assert _active(replicas, asleep) == "b"
