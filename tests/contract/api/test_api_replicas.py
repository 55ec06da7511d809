"""Any replica answers for every proxy: writes reach the owner, and reads follow them."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import httpx
import pytest
from tests.api_world import assert_error
from tests.replicated_api import ReplicatedApi
from tests.unit.control.replicas import SESSION_SECONDS, OneReplica

from switchover.api.forwarding import FORWARDED_HEADER, MISSES, NOT_DONE_HEADER, PATIENCE_SECONDS
from switchover.record.exchange import Notes

SWITCHOVER = "/proxy/failover/switchover"


def deafen(one: OneReplica) -> None:
    """No note reaches it any more: it knows only what it looks for."""

    def hear(notes: Notes) -> None:
        pass

    one.way.hear = hear  # type: ignore[method-assign] # what a lost LISTEN connection comes to


async def awaited(api: ReplicatedApi, call: Awaitable[httpx.Response]) -> tuple[httpx.Response, float]:
    """The answer to a call, and how much time passed until it came."""
    clock, calling = api.replicas.clock, asyncio.ensure_future(call)
    began = clock.monotonic()
    await api.replicas.settle()
    while not calling.done():
        assert clock.monotonic() - began < 10, "it waits and waits"
        await api.replicas.settle(0.1)
    return await calling, clock.monotonic() - began


def instance(api: ReplicatedApi, name: str) -> str:
    return str(api.replicas.ids[name])


async def test_a_write_at_any_replica_is_done_by_the_owner_and_read_back_from_where_it_was_sent(
    api: ReplicatedApi,
) -> None:
    for number, one in enumerate(api.replicas.all, start=31):
        deafen(one)
        path = f"/proxy/instances/{instance(api, 'c')}"
        changed = await api.done(one, "PATCH", path, {"priority": number}, user="ann")
        assert changed["priority"] == number
        read = await api.done(one, "GET", "/proxy/web/instances", user="ann")
        assert [i["priority"] for i in read if i["instanceName"] == "c"] == [number]
    asked = [request.url.host for request in api.switchboard.asked]
    assert asked == [api.replicas.owner().replica.name] * 2


async def test_every_kind_of_write_reaches_the_owner(api: ReplicatedApi) -> None:
    elsewhere, _ = api.replicas.others()
    deafen(elsewhere)
    registered = await api.done(
        elsewhere,
        "POST",
        "/proxy/instances",
        {"proxyId": "web", "instanceData": {"instanceName": "d", "priority": 40}},
    )
    path = f"/proxy/instances/{registered['id']}"
    drained = await api.done(elsewhere, "PUT", f"{path}/admin-state", {"adminState": "drain"})
    assert drained["adminState"] == "drain"
    await api.done(elsewhere, "DELETE", path)
    config = {"proxyId": "web", "config": {"unhealthyThreshold": 5}}
    saved = await api.done(elsewhere, "POST", "/proxy/failover/config", config)
    assert saved["config"]["unhealthyThreshold"] == 5
    event = await api.done(
        elsewhere, "POST", SWITCHOVER, {"proxyId": "web", "targetInstanceId": instance(api, "b")}
    )
    assert event["epoch"] == 2
    await api.replicas.settle(1)
    again = {"status": "completed"}
    closed = await api.done(elsewhere, "PUT", f"/proxy/failover/events/{event['id']}/complete", again)
    assert closed["status"] == "completed"
    await api.done(elsewhere, "DELETE", "/proxy/web/pin")
    await api.done(elsewhere, "PUT", "/proxy/web/redundancy", {"isDegraded": True})
    whole = await api.done(elsewhere, "GET", "/proxy/web")
    assert (whole["activeInstanceId"], whole["pinnedInstanceId"]) == (instance(api, "b"), None)
    assert whole["redundancy"]["source"] == "declared"
    assert [i["instanceName"] for i in whole["instances"]] == ["a", "b", "c"]
    await api.done(elsewhere, "DELETE", "/proxy/web")
    assert_error(await api.call(elsewhere, "GET", "/proxy/web"), 404, 21)


async def test_any_replica_explains_a_proxy_with_what_its_owner_saw(api: ReplicatedApi) -> None:
    owner = api.replicas.owner()
    for one in api.replicas.all:
        told = await api.done(one, "GET", "/proxy/web/failover/explain", user="ann")
        assert told["owner"] == owner.replica.name
        assert {sighting["vantage"] for sighting in told["sightings"]} == {owner.replica.name}
        assert f"Replica {owner.replica.name} decides about it." in told["words"]
        event = told["lastEvent"]["id"]
        path = f"/proxy/failover/events/{event}/explanation"
        explained = await api.done(one, "GET", path, user="ann")
        assert {sighting["vantage"] for sighting in explained["sightings"]} == {owner.replica.name}


async def test_a_replica_that_cannot_decide_explains_what_it_knows_and_why_it_cannot(
    api: ReplicatedApi,
) -> None:
    owner = api.replicas.owner()
    owner.way.cut = True
    await api.replicas.settle(SESSION_SECONDS)
    told = await api.done(owner, "GET", "/proxy/web/failover/explain", user="ann")
    session_over = told["hindrances"][-1]
    assert session_over.startswith("this replica's session is over")
    assert f"Nothing is decided at the moment: {session_over}." in told["words"]
    assert {sighting["vantage"] for sighting in told["sightings"]} == {owner.replica.name}


async def test_a_proxy_may_be_created_at_any_replica_and_read_at_every_other(api: ReplicatedApi) -> None:
    for one in api.replicas.all:
        deafen(one)
    for number, one in enumerate(api.replicas.all):
        proxy_id = f"new-{number}"
        await api.done(one, "POST", "/proxy/failover/config", {"proxyId": proxy_id}, user="ann")
        data = {"proxyId": proxy_id, "instanceData": {"instanceName": "x"}}
        for other in api.replicas.all:
            read = await api.done(other, "GET", f"/proxy/failover/config/{proxy_id}", user="ann")
            assert read["proxyId"] == proxy_id
        made = await api.done(api.replicas.all[number - 1], "POST", "/proxy/instances", data, user="ann")
        for other in api.replicas.all:
            path = f"/proxy/instances/{made['id']}"
            await api.done(other, "PATCH", path, {"weight": 7}, user="ann")


async def test_a_health_report_is_read_at_every_replica(api: ReplicatedApi) -> None:
    for reported_at in api.replicas.all:
        at = api.replicas.clock.now().isoformat().replace("+00:00", "Z")
        path = f"/proxy/instances/{instance(api, 'c')}/health"
        metrics = {"averageLatencyMs": 12.5}
        await api.done(reported_at, "PUT", path, {"healthStatus": "unhealthy", "metrics": metrics})
        for one in api.replicas.all:
            await one.service.catch_up()
            listed = await api.done(one, "GET", "/proxy/web/instances")
            (seen,) = [i for i in listed if i["instanceName"] == "c"]
            assert seen["healthStatus"] == "unhealthy"
            assert seen["averageLatencyMs"] == 12.5
            assert seen["lastHealthCheck"] == at
        await api.replicas.settle(3)


async def test_a_dead_owner_is_503_until_its_successor_answers(api: ReplicatedApi) -> None:
    owner, (elsewhere, _) = api.replicas.owner(), api.replicas.others()
    await owner.die()
    api.switchboard.dead.add(owner.replica.name)
    order = {"proxyId": "web", "targetInstanceId": instance(api, "b")}
    refused = await api.call(elsewhere, "POST", SWITCHOVER, order)
    error = assert_error(refused, 503, 43)
    assert refused.headers["retry-after"] == "1"
    assert error["message"] == "the replica that owns proxy web cannot be reached; nothing was changed"
    assert error["details"] == {"requestId": refused.headers["x-request-id"]}
    await api.replicas.settle(SESSION_SECONDS * 1.5)
    assert (await api.done(elsewhere, "POST", SWITCHOVER, order))["epoch"] == 2


async def test_an_answer_that_is_lost_is_503_and_says_that_it_may_have_been_done(api: ReplicatedApi) -> None:
    owner, (elsewhere, _) = api.replicas.owner(), api.replicas.others()
    api.switchboard.mute.add(owner.replica.name)
    refused = await api.call(elsewhere, "POST", SWITCHOVER, {"proxyId": "web"})
    error = assert_error(refused, 503, 43)
    assert "look whether it was done" in error["message"]
    assert len(api.switchboard.asked) == 1, "a write is not sent twice"
    assert len(await api.replicas.events()) == 2


async def test_a_request_takes_one_hop_at_most(api: ReplicatedApi) -> None:
    one, other = api.replicas.others()
    arrived = await api.call(one, "POST", SWITCHOVER, {"proxyId": "web"}, **{FORWARDED_HEADER: "1"})
    error = assert_error(arrived, 503, 43)
    assert error["message"] == "proxy web is changing hands; try again"
    assert arrived.headers["retry-after"] == "1"
    assert arrived.headers[NOT_DONE_HEADER] == "1"
    assert api.switchboard.asked == []
    # Each of the two believes that the other one owns it.
    for mistaken, owner in ((one, other), (other, one)):
        believe(mistaken, "web", owner)
        refused, waited = await awaited(api, api.call(mistaken, "POST", SWITCHOVER, {"proxyId": "web"}))
        assert_error(refused, 503, 43)
        assert waited == pytest.approx(PATIENCE_SECONDS, abs=0.2)
        assert {r.url.host for r in api.switchboard.asked} == {owner.replica.name}
        api.switchboard.asked.clear()


def believe(one: OneReplica, proxy_id: str, owner: OneReplica) -> None:
    one.service._desk.ownership._owners = {proxy_id: owner.replica.replica_id}


async def test_who_is_wrong_about_the_owner_learns_it_and_asks_the_right_one(api: ReplicatedApi) -> None:
    one, other = api.replicas.others()
    right = dict(one.service._desk.ownership._owners)
    believe(one, "web", other)
    calling = asyncio.ensure_future(api.call(one, "POST", SWITCHOVER, {"proxyId": "web"}))
    await api.replicas.settle(0.5)
    assert not calling.done()
    one.service._desk.ownership._owners = right
    await api.replicas.settle(0.5)
    assert (await calling).status_code == 200
    hosts = [request.url.host for request in api.switchboard.asked]
    assert set(hosts[:-1]) == {other.replica.name}
    assert hosts[-1] == api.replicas.owner().replica.name
    assert len(await api.replicas.events()) == 2


async def test_while_nobody_owns_it_the_request_waits_a_little(api: ReplicatedApi) -> None:
    owner = api.replicas.owner()
    owner.way.cut = True
    await api.replicas.settle(SESSION_SECONDS * 0.95)
    refused, waited = await awaited(api, api.call(owner, "POST", SWITCHOVER, {"proxyId": "web"}))
    assert assert_error(refused, 503, 43)["message"] == "proxy web is changing hands; try again"
    assert waited == pytest.approx(PATIENCE_SECONDS, abs=0.2)


async def test_who_waits_is_answered_as_soon_as_somebody_owns_it(api: ReplicatedApi) -> None:
    owner = api.replicas.owner()
    owner.way.cut = True
    await api.replicas.settle(SESSION_SECONDS * 0.95)
    calling = asyncio.ensure_future(api.call(owner, "POST", SWITCHOVER, {"proxyId": "web"}))
    await api.replicas.settle(0.2)
    owner.way.cut = False
    answered, _ = await awaited(api, calling)
    assert answered.status_code == 200


async def test_a_hand_over_is_not_noticed_by_whoever_writes_meanwhile(api: ReplicatedApi) -> None:
    former, (elsewhere, _) = api.replicas.owner(), api.replicas.others()
    path = f"/proxy/instances/{instance(api, 'c')}"
    stopping = asyncio.ensure_future(former.stop())
    for number in range(40, 60):
        written, _ = await awaited(api, api.call(elsewhere, "PATCH", path, {"priority": number}))
        assert written.status_code == 200, written.text
    await stopping
    assert api.replicas.owner() is not former


async def test_a_write_whose_lease_is_lost_is_503(api: ReplicatedApi) -> None:
    asleep = api.replicas.owner()
    stale = asleep.service._desk.fleet.state("web")
    asleep.way.cut = True
    await api.replicas.settle(SESSION_SECONDS * 2)
    asleep.service._desk.ownership._valid_until = float("inf")
    asleep.service._desk.fleet.put(stale)
    refused = await api.call(asleep, "POST", SWITCHOVER, {"proxyId": "web"})
    assert assert_error(refused, 503, 43)["message"] == "proxy web is changing hands; try again"
    assert refused.headers["retry-after"] == "1"


async def test_what_the_owner_refuses_is_handed_back_as_it_is(api: ReplicatedApi) -> None:
    elsewhere, _ = api.replicas.others()
    active = {"proxyId": "web", "targetInstanceId": instance(api, "a")}
    refused = await api.call(elsewhere, "POST", SWITCHOVER, active, x_request_id="from-the-client.1")
    error = assert_error(refused, 409, 20)
    assert error["details"]["state"]["activeInstanceId"] == instance(api, "a")
    assert refused.headers["x-request-id"] == "from-the-client.1"
    (asked,) = api.switchboard.asked
    assert asked.headers["x-request-id"] == "from-the-client.1"
    bad = {"proxyId": "web", "config": {"unhealthyThreshold": 0}}
    assert_error(await api.call(elsewhere, "POST", "/proxy/failover/config", bad), 400, 1)


async def test_the_owner_verifies_the_token_as_if_nobody_had_sent_the_request_on(api: ReplicatedApi) -> None:
    owner, (elsewhere, _) = api.replicas.owner(), api.replicas.others()
    path = f"/proxy/instances/{instance(api, 'c')}"
    for at in (owner, elsewhere):
        for marked in ({}, {FORWARDED_HEADER: "1"}):
            eves = await api.call(at, "PATCH", path, {"weight": 1}, user="eve", **marked)
            assert_error(eves, 404, 22)
            users = await api.call(at, "POST", SWITCHOVER, {"proxyId": "web"}, user="ann", **marked)
            assert_error(users, 403, 25)
            forged = await api.call(at, "PATCH", path, {"weight": 1}, authorization="Bearer x.y.z", **marked)
            assert_error(forged, 401, 24)
    assert api.switchboard.asked == []
    await api.done(elsewhere, "PATCH", path, {"weight": 2}, user="ann")
    assert api.switchboard.asked[-1].headers["authorization"].startswith("Bearer ")


async def test_nobody_but_members_is_contacted_and_no_redirect_followed(api: ReplicatedApi) -> None:
    owner, (elsewhere, _) = api.replicas.owner(), api.replicas.others()
    away = httpx.Response(307, headers={"location": "http://evil.test/steal", "set-cookie": "a=b"})
    api.switchboard.answers[owner.replica.name] = away
    answer = await api.call(
        elsewhere, "POST", SWITCHOVER, {"proxyId": "web"}, host="evil.test", x_forwarded_host="evil.test"
    )
    assert answer.status_code == 307
    assert "location" not in answer.headers
    assert [request.url.host for request in api.switchboard.asked] == [owner.replica.name]


async def test_reads_are_answered_where_they_are_asked(api: ReplicatedApi) -> None:
    for one in api.replicas.all:
        for path in ("/proxy", "/proxy/web", "/proxy/web/redundancy", "/proxy/web/failover/events"):
            await api.done(one, "GET", path, user="ann")
        said = await api.done(one, "POST", "/proxy/failover/evaluate", {"proxyId": "web"}, user="ann")
        assert said["reason"] == "No failover needed"
    assert api.switchboard.asked == []


async def test_a_flood_of_misses_does_not_reach_the_store(api: ReplicatedApi) -> None:
    elsewhere, _ = api.replicas.others()
    looks = 0
    changes = elsewhere.way.changes

    async def counted(since: Any) -> Any:
        nonlocal looks
        looks += 1
        return await changes(since)

    elsewhere.way.changes = counted  # type: ignore[method-assign] # the real one, counted
    for number in range(MISSES.burst * 3):
        assert_error(await api.call(elsewhere, "GET", f"/proxy/none-{number}", user="eve"), 404, 21)
    assert looks == MISSES.burst
    # Another user is not held up by it.
    await api.call(elsewhere, "GET", "/proxy/none", user="ann")
    assert looks == MISSES.burst + 1


async def test_who_hands_over_goes_on_answering_with_the_help_of_the_others(api: ReplicatedApi) -> None:
    leaving = api.replicas.owner()
    await leaving.plane.hand_over()
    await api.replicas.settle(0.1)
    assert api.replicas.owner() is not leaving
    path = f"/proxy/instances/{instance(api, 'c')}"
    written, waited = await awaited(api, api.call(leaving, "PATCH", path, {"weight": 3}))
    assert written.status_code == 200
    assert waited < 0.5
    assert (await api.done(leaving, "GET", "/proxy/web/instances"))[2]["weight"] == 3
    assert (await api.call(leaving, "GET", "/readyz")).status_code == 503
    # Its session stays over: nobody hands it anything again.
    await api.replicas.settle(SESSION_SECONDS * 2)
    assert leaving.owned == set()
    assert api.replicas.owner() is not leaving
