"""Several replicas look at the same instances; one of them alone can only suspect."""

from collections.abc import AsyncIterator

import pytest
from tests.unit.control.replicas import OneReplica, Replicas

from switchover.control.vantages import FRESH_SECONDS, REFRESH_SECONDS
from switchover.decision.reasons import Reason
from switchover.model.observation import Health
from switchover.testing.fake_prober import FAILS, PASSES

ACTIVATION = "activation -->a completed"
FAILOVER = "failover a->b completed"
QUORUM = {"observers": 3, "agree": 2}


@pytest.fixture
async def replicas() -> AsyncIterator[Replicas]:
    replicas = Replicas()
    async with replicas.running():
        await replicas.create(quorum=QUORUM)
        yield replicas


def sees(one: OneReplica, replicas: Replicas, name: str, *, fails: bool) -> None:
    one.bench.prober.script(replicas.ids[name], FAILS if fails else PASSES)


async def reason(replicas: Replicas) -> Reason:
    evaluation = await replicas.owner().service.evaluate_failover("web")
    return evaluation.decision.reason


async def test_every_observer_probes_and_tells_what_it_sees(replicas: Replicas) -> None:
    assert all(set(replicas.ids.values()) <= one.probed for one in replicas.all)
    told = {(report.replica_id, report.instance_id) for report, _ in replicas.company.vantages.values()}
    assert told == {
        (one.replica.replica_id, instance_id)
        for one in replicas.others()
        for instance_id in replicas.ids.values()
    }
    assert {report.health for report, _ in replicas.company.vantages.values()} == {Health.HEALTHY}


async def test_an_owner_that_alone_sees_the_active_down_only_suspects(replicas: Replicas) -> None:
    sees(replicas.owner(), replicas, "a", fails=True)
    await replicas.settle(30)
    assert await reason(replicas) is Reason.SUSPECTED
    assert await replicas.story() == [ACTIVATION]


async def test_an_observer_that_alone_sees_it_down_moves_nothing(replicas: Replicas) -> None:
    sees(replicas.others()[0], replicas, "a", fails=True)
    await replicas.settle(30)
    assert await reason(replicas) is Reason.SUSPECTED
    assert await replicas.story() == [ACTIVATION]


async def test_two_that_agree_move_it_and_the_evidence_says_who_saw_what(replicas: Replicas) -> None:
    other = replicas.others()[0]
    for one in (replicas.owner(), other):
        sees(one, replicas, "a", fails=True)
    await replicas.settle(15)
    assert await replicas.story() == [ACTIVATION, FAILOVER]
    evidence = (await replicas.events())[0].evidence
    facts = evidence["facts"]
    assert (facts["down"], facts["agree"], facts["observers"]) == (2, 2, 3)
    (active,) = [c for c in evidence["candidates"] if c["instanceName"] == "a"]
    seen = {vantage["observer"]: vantage["healthStatus"] for vantage in active["vantages"]}
    assert seen == {one.replica.name: "unhealthy" if one is other else "healthy" for one in replicas.others()}


async def test_two_that_agree_outvote_the_owner(replicas: Replicas) -> None:
    for one in replicas.others():
        sees(one, replicas, "a", fails=True)
    await replicas.settle(15)
    assert await replicas.story() == [ACTIVATION, FAILOVER]


async def test_what_a_dead_observer_saw_counts_no_more(replicas: Replicas) -> None:
    other = replicas.others()[0]
    sees(other, replicas, "a", fails=True)
    await replicas.settle(15)
    await other.die()
    await replicas.settle(15)
    assert await reason(replicas) is not Reason.SUSPECTED
    sees(replicas.owner(), replicas, "a", fails=True)
    await replicas.settle(30)
    assert await replicas.story() == [ACTIVATION]


async def test_what_was_told_long_ago_counts_no_more(replicas: Replicas) -> None:
    other = replicas.others()[0]
    sees(other, replicas, "a", fails=True)
    await replicas.settle(15)
    assert await reason(replicas) is Reason.SUSPECTED
    other.bench.prober.hold(replicas.ids["a"])
    sees(other, replicas, "a", fails=False)
    # It goes on telling what it last saw; only when it tells nothing more does that age.
    other.service._desk.collector._vantages.forget([replicas.ids["a"]])
    await replicas.settle(FRESH_SECONDS - REFRESH_SECONDS)
    assert await reason(replicas) is Reason.SUSPECTED
    await replicas.settle(REFRESH_SECONDS + 20)
    assert await reason(replicas) is Reason.NO_FAILOVER_NEEDED


async def test_with_fewer_replicas_than_must_agree_nothing_moves(replicas: Replicas) -> None:
    for one in replicas.others():
        await one.die()
    await replicas.settle(15)
    sees(replicas.owner(), replicas, "a", fails=True)
    await replicas.settle(60)
    assert await reason(replicas) is Reason.SUSPECTED
    assert await replicas.story() == [ACTIVATION]


async def test_a_successor_of_the_owner_hears_the_observers_too(replicas: Replicas) -> None:
    owner = replicas.owner()
    for one in replicas.others():
        sees(one, replicas, "a", fails=True)
    await owner.die()
    await replicas.settle(30)
    assert await replicas.story() == [ACTIVATION, FAILOVER]


async def test_without_a_quorum_the_owner_alone_probes_again(replicas: Replicas) -> None:
    await replicas.ask(
        "create_failover_configuration", "web", "alice", {"quorum": {"observers": 1, "agree": 1}}
    )
    await replicas.settle(1)
    for one in replicas.others():
        one.bench.prober.probed.clear()
    await replicas.settle(30)
    assert [one.probed for one in replicas.others()] == [set(), set()]
