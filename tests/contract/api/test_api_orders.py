"""Orders with an end, orders for later, force, and drills, through the API."""

from datetime import timedelta

import pytest
from tests.api_world import JSON, ApiWorld, assert_error


def later(world: ApiWorld, seconds: float) -> str:
    return (world.bench.clock.now() + timedelta(seconds=seconds)).isoformat()


async def instance(world: ApiWorld, name: str) -> JSON:
    listed = await world.done("GET", "/proxy/web/instances")
    found: JSON = next(i for i in listed if i["instanceName"] == name)
    return found


async def test_an_admin_order_says_who_why_until_when_and_what_then(world: ApiWorld) -> None:
    ids = await world.proxy("a", "b")
    path = f"/proxy/instances/{ids['b']}/admin-state"
    order = {"adminState": "maintenance", "reason": "Kernel update", "expiresInSeconds": 60}
    ordered = await world.done("PUT", path, order)

    told = ordered["adminOrder"]
    assert (told["actor"], told["reason"], told["revertsTo"]) == ("ann", "Kernel update", "ready")
    assert told["expiresAt"] == "2026-01-01T00:01:00Z"
    assert ordered["drainState"] == "draining"

    await world.bench.clock.advance(10)
    assert (await instance(world, "b"))["drainState"] == "idle"
    await world.bench.clock.advance(51)
    reverted = await instance(world, "b")
    assert (reverted["adminState"], reverted["adminOrder"], reverted["drainState"]) == ("ready", None, None)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"expiresInSeconds": 0}, "expiresInSeconds"),
        ({"expiresInSeconds": 3e6}, "expiresInSeconds"),
        ({"expiresInSeconds": "2h"}, "expiresInSeconds"),
        ({"drainTimeoutSeconds": -1}, "drainTimeoutSeconds"),
        ({"drainTimeoutSeconds": 3601}, "drainTimeoutSeconds"),
        ({"reason": ""}, "reason"),
    ],
)
async def test_a_bad_admin_order_names_the_field_and_changes_nothing(
    world: ApiWorld, more: JSON, field: str
) -> None:
    ids = await world.proxy("a", "b")
    response = await world.call(
        "PUT", f"/proxy/instances/{ids['b']}/admin-state", {"adminState": "drain", **more}
    )
    error = assert_error(response, 400, 39)
    assert [problem["field"] for problem in error["details"]["problems"]] == [field]
    assert (await instance(world, "b"))["adminState"] == "ready"


async def test_orders_with_an_end_lie_on_each_other_up_to_a_bound(world: ApiWorld) -> None:
    ids = await world.proxy("a", "b")
    path = f"/proxy/instances/{ids['b']}/admin-state"
    for number in range(8):
        state = ("drain", "maintenance")[number % 2]
        await world.done("PUT", path, {"adminState": state, "expiresInSeconds": 1000 - number})
    error = assert_error(
        await world.call("PUT", path, {"adminState": "drain", "expiresInSeconds": 10}), 409, 20
    )
    assert "on top of each other" in error["message"]
    await world.done("PUT", path, {"adminState": "ready"})


async def test_a_switchover_for_later_is_pending_shown_and_made(world: ApiWorld) -> None:
    ids = await world.proxy("a", "b")
    body = {"proxyId": "web", "targetInstanceId": ids["b"], "scheduledFor": later(world, 60)}
    event = await world.done("POST", "/proxy/failover/switchover", body, user="root")

    assert (event["status"], event["scheduledAt"], event["actor"]) == (
        "pending",
        "2026-01-01T00:01:00Z",
        "root",
    )
    assert (await world.done("GET", "/proxy/web"))["scheduledEvent"]["id"] == event["id"]
    assert (await world.done("GET", "/proxy/web"))["openEvent"] is None

    await world.bench.clock.advance(61)
    shown = await world.done("GET", "/proxy/web")
    assert (shown["activeInstanceId"], shown["scheduledEvent"]) == (ids["b"], None)
    assert shown["openEvent"]["id"] == event["id"]


@pytest.mark.parametrize("seconds", [-1, 31 * 86_400])
@pytest.mark.parametrize("path", ["/proxy/failover/switchover", "/proxy/web/drills"])
async def test_a_time_that_is_past_or_too_far_is_refused(world: ApiWorld, seconds: float, path: str) -> None:
    await world.proxy("a", "b")
    body = {"scheduledFor": later(world, seconds)} | ({"proxyId": "web"} if "failover" in path else {})
    error = assert_error(
        await world.call("POST", path, body, user="root"), 400, 42 if "failover" in path else 64
    )
    assert [problem["field"] for problem in error["details"]["problems"]] == ["scheduledFor"]


async def test_a_scheduled_switchover_is_cancelled_once(world: ApiWorld) -> None:
    await world.proxy("a", "b")
    body = {"proxyId": "web", "scheduledFor": later(world, 60)}
    event = await world.done("POST", "/proxy/failover/switchover", body, user="root")
    second = await world.call("POST", "/proxy/failover/switchover", body, user="root")
    assert "scheduled switchover already" in assert_error(second, 409, 20)["message"]
    complete = f"/proxy/failover/events/{event['id']}/complete"
    assert_error(await world.call("PUT", complete, {"status": "completed"}, user="root"), 409, 20)

    assert_error(await world.call("DELETE", "/proxy/web/scheduled-switchover"), 403, 25)
    cancelled = await world.done("DELETE", "/proxy/web/scheduled-switchover", user="root")
    assert (cancelled["status"], cancelled["errorMessage"]) == ("failed", "cancelled by root")
    assert_error(await world.call("DELETE", "/proxy/web/scheduled-switchover", user="root"), 409, 20)


async def test_force_needs_a_reason_and_the_answer_says_what_it_skipped(world: ApiWorld) -> None:
    ids = await world.proxy("a", unhealthy=("b",))
    body = {"proxyId": "web", "sourceInstanceId": ids["a"], "targetInstanceId": ids["b"]}
    refused = await world.call("POST", "/proxy/failover/execute", body, user="root")
    assert "`force` with a reason" in assert_error(refused, 409, 20)["message"]
    mute = await world.call("POST", "/proxy/failover/execute", body | {"force": True}, user="root")
    assert "force needs a reason" in assert_error(mute, 400, 12)["message"]

    forced = await world.call(
        "POST", "/proxy/failover/execute", body | {"force": True, "reason": "Probes lie"}, user="root"
    )
    assert forced.json()["message"] == "Proxy web moves; forced, skipping: unhealthy"
    event = forced.json()["data"]
    assert (event["forced"], event["skipped"], event["reason"]) == (True, ["unhealthy"], "Probes lie")


async def test_a_drill_is_ordered_listed_and_its_moves_name_it(world: ApiWorld) -> None:
    ids = await world.proxy("a", "b", listener={"port": 10000}, healthCheck={"type": "none"})
    await world.bench.clock.advance(1)
    for name, instance_id in ids.items():
        await world.done("PATCH", f"/proxy/instances/{instance_id}", {"address": f"127.0.0.{len(name)}:80"})
        await world.done("PUT", f"/proxy/instances/{instance_id}/health", {"healthStatus": "healthy"})
    drill = await world.done(
        "POST", "/proxy/web/drills", {"holdSeconds": 5, "reason": "Quarterly"}, user="root"
    )
    assert (drill["status"], drill["outcome"], drill["actor"]) == ("pending", None, "root")
    assert (await world.done("GET", "/proxy/web"))["drill"]["id"] == drill["id"]
    again = await world.call("POST", "/proxy/web/drills", {}, user="root")
    assert "has a drill already" in assert_error(again, 409, 20)["message"]

    await world.bench.clock.advance(20)
    (listed,) = await world.done("GET", "/proxy/web/drills")
    assert (listed["status"], listed["outcome"]) == ("completed", "succeeded")
    events = await world.done("GET", "/proxy/web/failover/events?limit=2")
    assert [event["drillId"] for event in events] == [drill["id"], drill["id"]]
    assert [event["id"] for event in events] == [listed["backEventId"], listed["outEventId"]]


async def test_a_drill_is_cancelled_and_belongs_to_the_proxys_owner(world: ApiWorld) -> None:
    await world.proxy("a", "b")
    await world.done("POST", "/proxy/web/drills", {"scheduledFor": later(world, 60)}, user="root")
    assert_error(await world.call("GET", "/proxy/web/drills", user="bob"), 404, 21)
    cancelled = await world.done("DELETE", "/proxy/web/drills", user="root")
    assert (cancelled["status"], cancelled["outcome"]) == ("failed", "cancelled")
    assert_error(await world.call("DELETE", "/proxy/web/drills", user="root"), 409, 20)
