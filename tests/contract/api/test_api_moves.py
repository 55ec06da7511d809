"""Moves over HTTP: asked about, ordered, closed, looked back at; and redundancy."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.api_world import NOBODY, ApiWorld, assert_error

EVENT_FIELDS = {
    "id", "proxyId", "eventType", "status", "trigger", "sourceInstanceId", "targetInstanceId", "reason",
    "reasonCode", "errorMessage", "epoch", "durationMs", "stages", "createdAt", "completedAt",
}  # fmt: skip
EXECUTE = "/proxy/failover/execute"
SWITCH_OVER = "/proxy/failover/switchover"


def move(ids: dict[str, Any], source: str, target: str, **more: Any) -> dict[str, Any]:
    return {"proxyId": "web", "sourceInstanceId": ids[source], "targetInstanceId": ids[target]} | more


async def evaluate(world: ApiWorld) -> dict[str, Any]:
    data: dict[str, Any] = await world.done("POST", "/proxy/failover/evaluate", {"proxyId": "web"})
    return data


async def test_an_evaluation_explains_itself_and_changes_nothing(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", unhealthy=("web-2",))
    before = await world.done("GET", "/proxy/web")
    said = await evaluate(world)
    assert said.keys() == {
        "proxyId", "shouldFailover", "reason", "reasonCode", "sourceInstanceId", "targetInstanceId", "strategy",
        "candidates",
    }  # fmt: skip
    assert (said["shouldFailover"], said["reason"]) == (False, "No failover needed")
    assert said["sourceInstanceId"] == ids["web-1"]
    assert said["strategy"] == "priority"
    vetoes = {candidate["instanceName"]: candidate["vetoes"] for candidate in said["candidates"]}
    assert vetoes == {"web-1": [], "web-2": ["unhealthy"]}
    assert await world.done("GET", "/proxy/web") == before


async def test_an_evaluation_says_disabled_before_no_instances(world: ApiWorld) -> None:
    await world.proxy(enableAutoFailover=False)
    assert (await evaluate(world))["reason"] == "Auto failover is disabled"
    await world.done(
        "POST", "/proxy/failover/config", {"proxyId": "web", "config": {"enableAutoFailover": True}}
    )
    assert (await evaluate(world))["reason"] == "No instances available"


async def test_an_evaluation_needs_a_proxy(world: ApiWorld) -> None:
    assert_error(await world.call("POST", "/proxy/failover/evaluate", {"proxyId": "web"}), 404, 21)
    for body in ({}, {"proxyId": 5}, {"proxyId": "web", "dryRun": True}):
        assert_error(await world.call("POST", "/proxy/failover/evaluate", body), 400, 10)


async def test_an_executed_move_from_a_well_active_is_a_switchover(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2")
    response = await world.call("POST", EXECUTE, move(ids, "web-1", "web-2", reason="Kernel"), user="root")
    assert response.status_code == 200
    event = response.json()["data"]
    assert event.keys() >= EVENT_FIELDS
    assert (event["eventType"], event["trigger"], event["reason"]) == ("switchover", "manual", "Kernel")
    assert (event["sourceInstanceId"], event["targetInstanceId"]) == (ids["web-1"], ids["web-2"])
    assert event["actor"] == "root"
    assert event["stages"].keys() == {"detectedAt", "decidedAt", "committedAt", "appliedAt", "verifiedAt"}
    proxy = await world.done("GET", "/proxy/web")
    assert (proxy["activeInstanceId"], proxy["pinnedInstanceId"]) == (ids["web-2"], ids["web-2"])
    assert proxy["epoch"] == event["epoch"]


async def test_an_executed_move_from_a_failed_active_is_a_failover(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2", enableAutoFailover=False)
    for _ in range(3):
        await world.done("PUT", f"/proxy/instances/{ids['web-1']}/health", {"healthStatus": "unhealthy"})
    event = await world.done("POST", EXECUTE, move(ids, "web-1", "web-2"), user="root")
    assert (event["eventType"], event["trigger"]) == ("failover", "manual")


async def test_a_move_that_contradicts_the_state_is_a_conflict_that_shows_it(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2", unhealthy=("web-3",))
    for body in (move(ids, "web-2", "web-1"), move(ids, "web-1", "web-3"), move(ids, "web-1", "web-1")):
        error = assert_error(await world.call("POST", EXECUTE, body, user="root"), 409, 20)
        assert error["details"]["state"]
    stale = move(ids, "web-2", "web-1")
    error = assert_error(await world.call("POST", EXECUTE, stale, user="root"), 409, 20)
    assert ids["web-1"] in str(error["details"]["state"])
    assert (await world.done("GET", "/proxy/web"))["activeInstanceId"] == ids["web-1"]


async def test_one_of_two_admins_wins_and_the_other_sees_the_state(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2", "web-3")
    await world.done("POST", EXECUTE, move(ids, "web-1", "web-2"), user="root")
    late = await world.call("POST", EXECUTE, move(ids, "web-1", "web-3"), user="root")
    assert ids["web-2"] in str(assert_error(late, 409, 20)["details"]["state"])


async def test_a_move_needs_a_proxy_and_instances_that_exist(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2")
    assert_error(
        await world.call("POST", EXECUTE, move(ids, "web-1", "web-2") | {"proxyId": "x"}, user="root"),
        404,
        21,
    )
    unknown = move(ids, "web-1", "web-2") | {"targetInstanceId": NOBODY}
    assert_error(await world.call("POST", EXECUTE, unknown, user="root"), 404, 22)
    for body in (
        {"proxyId": "web"},
        move(ids, "web-1", "web-2") | {"targetInstanceId": "web-2"},
        move(ids, "web-1", "web-2", reason="a\nb"),
        move(ids, "web-1", "web-2", force=True),
    ):
        assert_error(await world.call("POST", EXECUTE, body, user="root"), 400, 12)


async def test_a_planned_switchover_takes_the_best_standby_or_the_one_that_is_named(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2", "web-3")
    best = await world.done("POST", SWITCH_OVER, {"proxyId": "web", "reason": "Kernel"}, user="root")
    assert (best["eventType"], best["targetInstanceId"]) == ("switchover", ids["web-2"])
    await world.close_open_event()
    named = {"proxyId": "web", "targetInstanceId": ids["web-3"]}
    assert (await world.done("POST", SWITCH_OVER, named, user="root"))["targetInstanceId"] == ids["web-3"]
    await world.close_open_event()
    assert_error(await world.call("POST", SWITCH_OVER, named, user="root"), 409, 20)
    assert_error(await world.call("POST", SWITCH_OVER, {"proxyId": "x"}, user="root"), 404, 21)
    bad = {"proxyId": "web", "targetInstanceId": "web-3"}
    assert_error(await world.call("POST", SWITCH_OVER, bad, user="root"), 400, 42)


async def test_a_switchover_without_a_standby_is_a_conflict(world: ApiWorld) -> None:
    await world.proxy("web-1", unhealthy=("web-2",))
    assert_error(await world.call("POST", SWITCH_OVER, {"proxyId": "web"}, user="root"), 409, 20)


async def test_a_pin_is_taken_off(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2")
    await world.done("POST", SWITCH_OVER, {"proxyId": "web"}, user="root")
    assert (await world.done("GET", "/proxy/web"))["pinnedInstanceId"] == ids["web-2"]
    for _ in range(2):
        unpinned = await world.done("DELETE", "/proxy/web/pin", user="root")
        assert unpinned["pinnedInstanceId"] is None
    assert_error(await world.call("DELETE", "/proxy/x/pin", user="root"), 404, 21)


async def test_a_pin_ends_when_it_was_asked_to(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2")
    clock = world.bench.clock
    until = (clock.now() + timedelta(seconds=90)).isoformat()
    order = {"proxyId": "web", "reason": "Kernel", "pinUntil": until}
    await world.done("POST", SWITCH_OVER, order, user="root")
    pin = (await world.done("GET", "/proxy/web"))["pin"]
    assert (pin["instanceId"], pin["by"], pin["reason"]) == (ids["web-2"], "root", "Kernel")
    assert datetime.fromisoformat(pin["until"]) == datetime.fromisoformat(until)
    await clock.advance(91)
    for path in ("/proxy/web", "/proxy/failover/config/web"):
        proxy = await world.done("GET", path)
        assert (proxy["pin"], proxy["pinnedInstanceId"]) == (None, None)


async def test_the_active_is_pinned_with_a_reason_and_an_end(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2")
    pinned = await world.done("PUT", "/proxy/web/pin", {"reason": "Rack 7"}, user="root")
    assert (pinned["pin"]["instanceId"], pinned["pin"]["until"]) == (ids["web-1"], None)
    past = {"until": "2020-01-01T00:00:00Z"}
    refused = await world.call("PUT", "/proxy/web/pin", past, user="root")
    assert_error(refused, 400, 47)
    assert "lies ahead" in refused.text
    assert_error(await world.call("PUT", "/proxy/x/pin", {}, user="root"), 404, 21)


async def test_a_proxy_without_an_active_cannot_be_pinned(world: ApiWorld) -> None:
    await world.proxy()
    assert_error(await world.call("PUT", "/proxy/web/pin", {}, user="root"), 409, 20)


async def test_a_move_whose_pin_would_end_before_it_is_refused(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2")
    past = move(ids, "web-1", "web-2", pinUntil="2020-01-01T00:00:00Z")
    assert_error(await world.call("POST", EXECUTE, past, user="root"), 400, 12)
    assert (await world.done("GET", "/proxy/web"))["epoch"] == 1


async def test_an_event_is_completed_once_and_not_contradicted(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2")
    event = await world.done("POST", EXECUTE, move(ids, "web-1", "web-2"), user="root")
    assert event["status"] == "in_progress"
    path = f"/proxy/failover/events/{event['id']}/complete"
    done = await world.done("PUT", path, {"status": "completed", "durationMs": 12.5}, user="root")
    assert (done["status"], done["durationMs"]) == ("completed", 12.5)
    assert done["completedAt"] is not None
    assert await world.done("PUT", path, {"status": "completed"}, user="root") == done
    error = assert_error(await world.call("PUT", path, {"status": "failed"}, user="root"), 409, 20)
    assert error["details"]["state"]["status"] == "completed"


async def test_a_failed_event_says_why(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2")
    event = await world.done("POST", EXECUTE, move(ids, "web-1", "web-2"), user="root")
    path = f"/proxy/failover/events/{event['id']}/complete"
    failed = await world.done("PUT", path, {"status": "failed", "errorMessage": "no route"}, user="root")
    assert (failed["status"], failed["errorMessage"]) == ("failed", "no route")


async def test_an_outcome_has_a_shape_and_an_event(world: ApiWorld) -> None:
    path = f"/proxy/failover/events/{NOBODY}/complete"
    assert_error(await world.call("PUT", path, {"status": "completed"}, user="root"), 404, 23)
    for body in (
        {},
        {"status": "pending"},
        {"status": "failed", "durationMs": -1},
        {"status": "failed", "x": 1},
    ):
        assert_error(await world.call("PUT", path, body, user="root"), 400, 14)


async def test_events_are_listed_newest_first_and_as_many_as_asked_for(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2")
    await world.done("POST", EXECUTE, move(ids, "web-1", "web-2"), user="root")
    body = (await world.call("GET", "/proxy/web/failover/events")).json()
    assert [event["eventType"] for event in body["data"]] == ["switchover", "activation"]
    assert body["count"] == 2
    newest = await world.done("GET", "/proxy/web/failover/events?limit=1")
    assert newest == body["data"][:1]
    assert_error(await world.call("GET", "/proxy/x/failover/events"), 404, 21)


async def test_redundancy_is_derived(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2", unhealthy=("web-3",))
    status = await world.done("GET", "/proxy/web/redundancy")
    assert (
        status
        | {
            "totalInstances": 3,
            "healthyInstances": 2,
            "unhealthyInstances": 1,
            "activeInstanceId": ids["web-1"],
            "backupInstanceIds": [ids["web-2"]],
            "redundancyLevel": "multi",
            "isDegraded": False,
            "lastFailoverAt": None,
            "source": "derived",
            "epoch": 1,
        }
        == status
    )
    assert_error(await world.call("GET", "/proxy/x/redundancy"), 404, 16)


async def test_a_declared_redundancy_stands_until_the_next_derived_change(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2")
    body = {"isDegraded": True, "lastFailoverReason": "Drill"}
    declared = await world.done("PUT", "/proxy/web/redundancy", body, user="root")
    assert (declared["isDegraded"], declared["source"], declared["totalInstances"]) == (True, "declared", 2)
    assert await world.done("GET", "/proxy/web/redundancy") == declared
    await world.done("DELETE", f"/proxy/instances/{ids['web-2']}")
    assert (await world.done("GET", "/proxy/web/redundancy"))["source"] == "derived"


async def test_a_declaration_does_not_move_the_active(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2")
    moved = await world.call("PUT", "/proxy/web/redundancy", {"activeInstanceId": ids["web-2"]}, user="root")
    error = assert_error(moved, 409, 20)
    assert "execute" in error["message"]
    assert ids["web-1"] in str(error["details"]["state"])
    same = {"activeInstanceId": ids["web-1"]}
    assert (await world.done("PUT", "/proxy/web/redundancy", same, user="root"))["source"] == "declared"


@pytest.mark.parametrize(
    "body",
    [
        {"healthyInstances": 9},
        {"redundancyLevel": "triple"},
        {"epoch": 9},
        {"backupInstanceIds": ["web-2"]},
        {"lastFailoverAt": "now"},
    ],
)
async def test_a_declaration_that_is_not_valid_changes_nothing(world: ApiWorld, body: dict[str, Any]) -> None:
    await world.proxy("web-1", "web-2")
    before = await world.done("GET", "/proxy/web/redundancy")
    assert_error(await world.call("PUT", "/proxy/web/redundancy", body, user="root"), 400, 18)
    assert await world.done("GET", "/proxy/web/redundancy") == before
    assert_error(await world.call("PUT", "/proxy/x/redundancy", {}, user="root"), 404, 21)
