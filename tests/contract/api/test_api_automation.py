"""Pauses, safety rules and gates over HTTP: who may, what is shown, what is refused."""

import pytest
from tests.api_world import ApiWorld, assert_error

from switchover.api.auth.roles import Role

PAUSE = {"reason": "network work"}


async def test_a_pause_shows_in_the_proxy_with_who_and_why(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2")
    paused = await world.done("PUT", "/automation/user:me/pause", {**PAUSE, "forSeconds": 3600})
    assert (paused["scope"], paused["pause"]["by"]) == ("user:ann", "ann")
    for _ in range(3):
        report = {"healthStatus": "unhealthy"}
        await world.done("PUT", f"/proxy/instances/{ids['web-1']}/health", report)

    proxy = await world.done("GET", "/proxy/web")
    assert [(p["scope"], p["by"], p["reason"]) for p in proxy["pauses"]] == [
        ("user:ann", "ann", "network work")
    ]
    assert proxy["activeInstanceId"] == ids["web-1"]
    assert proxy["evaluation"]["reasonCode"] == "paused"
    assert proxy["blocked"]["rule"] == "pause"
    (blocked,) = await world.done("GET", "/proxy/web/failover/blocked")
    assert (blocked["eventType"], blocked["targetInstanceId"]) == ("failover", ids["web-2"])
    assert blocked["evidence"]["rules"][0]["message"] == blocked["message"]

    await world.done("DELETE", "/automation/user:me/pause")
    await world.bench.clock.advance(1)
    proxy = await world.done("GET", "/proxy/web")
    assert (proxy["pauses"], proxy["blocked"]) == ([], None)
    assert proxy["activeInstanceId"] == ids["web-2"]


async def test_an_order_against_a_rule_is_a_conflict_that_names_it_and_the_way_out(world: ApiWorld) -> None:
    await world.proxy("web-1", "web-2", rules={"gates": ["deploys"]})
    answer = await world.call("POST", "/proxy/failover/switchover", {"proxyId": "web"}, user="root")
    error = assert_error(answer, 409, 20)
    assert "Gate deploys, which proxy web needs, is off" in error["message"]
    assert error["details"]["state"]["override"] == "force"
    assert error["details"]["state"]["rules"][0]["scope"] == "proxy:web"
    await world.done("PUT", "/automation/user:ann/gates/deploys", {"isOn": True}, user="root")
    await world.done("POST", "/proxy/failover/switchover", {"proxyId": "web"}, user="root")


async def test_the_fleet_and_other_users_are_not_found_by_whom_they_do_not_concern(world: ApiWorld) -> None:
    await world.proxy("web-1")
    await world.done("PUT", "/automation/fleet/pause", PAUSE, user="root")
    await world.done("PUT", "/automation/user:ann/rules", {"minServing": 1}, user="root")
    for scope in ("fleet", "user:ann", "proxy:web", "proxy:none"):
        for method, path, body in (
            ("GET", "", None),
            ("PUT", "/pause", PAUSE),
            ("DELETE", "/pause", None),
            ("PUT", "/rules", {}),
            ("DELETE", "/rules", None),
        ):
            answer = await world.call(method, f"/automation/{scope}{path}", body, user="eve")
            assert assert_error(answer, 404, 51)["message"] == f"scope {scope} not found"
    # Whom a pause of the fleet stops may know who set it.
    assert [p["by"] for p in (await world.done("GET", "/proxy/web"))["pauses"]] == ["root"]


async def test_viewers_read_and_set_nothing(world: ApiWorld) -> None:
    await world.proxy("web-1")
    viewer = (Role.VIEWER,)
    assert (await world.call("GET", "/automation/proxy:web", roles=viewer)).status_code == 200
    assert_error(await world.call("PUT", "/automation/proxy:web/pause", PAUSE, roles=viewer), 403, 25)


@pytest.mark.parametrize("scope", ["everything", "fleet:x", "user:", "proxy:-"])
async def test_a_scope_that_is_none_is_not_valid(world: ApiWorld, scope: str) -> None:
    error = assert_error(await world.call("GET", f"/automation/{scope}"), 400, 50)
    assert "allowed are fleet, user:NAME (user:me is the caller) and proxy:ID" in error["message"]


async def test_a_proxy_has_no_gates_of_its_own(world: ApiWorld) -> None:
    await world.proxy("web-1")
    answer = await world.call("PUT", "/automation/proxy:web/gates/go", {"isOn": True})
    assert "a proxy has no gates of its own" in assert_error(answer, 400, 56)["message"]
