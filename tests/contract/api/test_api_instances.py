"""Instances over HTTP: registered, changed, ordered, reported about."""

from typing import Any

import pytest
from tests.api_world import NOBODY, ApiWorld, assert_error

INSTANCE_FIELDS = {
    "id", "proxyId", "instanceName", "instanceType", "priority", "weight", "address", "status", "adminState",
    "healthStatus", "lastHealthCheck", "consecutiveFailures", "totalRequests", "successfulRequests",
    "failedRequests", "averageLatencyMs", "errorRate", "isActive",
}  # fmt: skip


async def test_an_instance_is_registered_with_the_defaults(world: ApiWorld) -> None:
    await world.proxy()
    response = await world.call(
        "POST", "/proxy/instances", {"proxyId": "web", "instanceData": {"instanceName": "Wéb 1"}}
    )
    assert response.status_code == 201
    data = response.json()["data"]
    assert data.keys() >= INSTANCE_FIELDS
    assert (
        data | {"instanceName": "Wéb 1", "instanceType": "standard", "priority": 100, "weight": 100} == data
    )
    assert (data["healthStatus"], data["status"], data["adminState"]) == ("unknown", "ineligible", "ready")
    assert (data["isActive"], data["address"], data["totalRequests"]) == (True, None, 0)


async def test_a_name_is_taken_once_per_proxy(world: ApiWorld) -> None:
    await world.proxy("web-1")
    await world.proxy("web-1", proxy_id="shop")
    body = {"proxyId": "web", "instanceData": {"instanceName": "web-1"}}
    assert_error(await world.call("POST", "/proxy/instances", body), 409, 20)


async def test_a_missing_proxy_is_not_found(world: ApiWorld) -> None:
    body = {"proxyId": "web", "instanceData": {"instanceName": "web-1"}}
    assert_error(await world.call("POST", "/proxy/instances", body), 404, 21)
    assert_error(await world.call("GET", "/proxy/web/instances"), 404, 21)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "instanceName"),
        ({"instanceName": "a\n"}, "instanceName"),
        ({"instanceName": "a", "address": "169.254.169.254:80"}, "address"),
        ({"instanceName": "a", "address": "web"}, "address"),
        ({"instanceName": "a", "weight": 0}, "weight"),
        ({"instanceName": "a", "healthStatus": "healthy"}, "healthStatus"),
    ],
)
async def test_an_instance_that_is_not_valid_is_not_registered(
    world: ApiWorld, data: dict[str, Any], field: str
) -> None:
    await world.proxy()
    error = assert_error(
        await world.call("POST", "/proxy/instances", {"proxyId": "web", "instanceData": data}), 400, 5
    )
    assert [problem["field"] for problem in error["details"]["problems"]] == [f"instanceData.{field}"]
    assert await world.done("GET", "/proxy/web/instances") == []


async def test_instances_are_listed_by_priority_weight_and_name(world: ApiWorld) -> None:
    await world.proxy()
    for name, priority, weight in (("c", 10, 1), ("b", 10, 1), ("a", 10, 9), ("z", 1, 1)):
        data = {"instanceName": name, "priority": priority, "weight": weight}
        await world.done("POST", "/proxy/instances", {"proxyId": "web", "instanceData": data})
    body = (await world.call("GET", "/proxy/web/instances")).json()
    assert [item["instanceName"] for item in body["data"]] == ["z", "a", "b", "c"]
    assert body["count"] == 4


async def test_a_report_is_taken_at_its_word(world: ApiWorld) -> None:
    ids = await world.proxy("web-1")
    path = f"/proxy/instances/{ids['web-1']}/health"
    for count in (1, 2):
        data = await world.done("PUT", path, {"healthStatus": "unhealthy"})
        assert (data["healthStatus"], data["consecutiveFailures"]) == ("unhealthy", count)
    unknown = await world.done("PUT", path, {"healthStatus": "unknown"})
    assert (unknown["healthStatus"], unknown["consecutiveFailures"]) == ("unknown", 2)
    healthy = await world.done("PUT", path, {"healthStatus": "healthy", "metrics": {"errorRate": 0.25}})
    assert (healthy["healthStatus"], healthy["consecutiveFailures"]) == ("healthy", 0)
    assert healthy["errorRate"] == 0.25
    assert healthy["lastHealthCheck"] is not None


async def test_a_report_is_answered_after_the_failover_that_it_causes(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2", unhealthyThreshold=2)
    path = f"/proxy/instances/{ids['web-1']}/health"
    await world.done("PUT", path, {"healthStatus": "unhealthy"})
    assert (await world.done("GET", "/proxy/web"))["activeInstanceId"] == ids["web-1"]
    reported = await world.done("PUT", path, {"healthStatus": "unhealthy"})
    assert reported["status"] == "ineligible"
    assert (await world.done("GET", "/proxy/web"))["activeInstanceId"] == ids["web-2"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "healthStatus"),
        ({"healthStatus": "up"}, "healthStatus"),
        ({"healthStatus": "healthy", "metrics": {"cpuPercent": 101}}, "metrics.cpuPercent"),
        ({"healthStatus": "healthy", "metrics": {"cpu": 1}}, "metrics.cpu"),
        ({"healthStatus": "healthy", "metrics": []}, "metrics"),
    ],
)
async def test_a_report_that_is_not_valid_changes_nothing(
    world: ApiWorld, body: dict[str, Any], field: str
) -> None:
    ids = await world.proxy(unhealthy=("web-1",))
    before = await world.done("GET", "/proxy/web/instances")
    error = assert_error(await world.call("PUT", f"/proxy/instances/{ids['web-1']}/health", body), 400, 8)
    assert [problem["field"] for problem in error["details"]["problems"]] == [field]
    assert await world.done("GET", "/proxy/web/instances") == before


async def test_an_unknown_instance_is_not_found(world: ApiWorld) -> None:
    path = f"/proxy/instances/{NOBODY}"
    calls = (
        ("PUT", f"{path}/health", {"healthStatus": "healthy"}),
        ("PATCH", path, {"priority": 1}),
        ("DELETE", path, None),
        ("PUT", f"{path}/admin-state", {"adminState": "drain"}),
        ("GET", f"{path}/metrics", None),
    )
    for method, place, body in calls:
        assert_error(await world.call(method, place, body), 404, 22)


async def test_metrics_are_kept_newest_first(world: ApiWorld) -> None:
    ids = await world.proxy("web-1")
    path = f"/proxy/instances/{ids['web-1']}"
    for cpu in (10, 20, 30):
        await world.bench.clock.advance(1)
        body = {"healthStatus": "healthy", "metrics": {"cpuPercent": cpu, "connectionCount": 1}}
        await world.done("PUT", f"{path}/health", body)
    listing = (await world.call("GET", f"{path}/metrics")).json()
    assert [sample["cpuPercent"] for sample in listing["data"]] == [30, 20, 10]
    assert listing["count"] == 3
    assert listing["data"][0]["memoryPercent"] is None
    middle = listing["data"][1]["recordedAt"]
    for query, expected in (
        (f"since={middle}", [30, 20]),
        (f"until={middle}", [20, 10]),
        (f"since={middle}&until={middle}", [20]),
        ("limit=1", [30]),
    ):
        samples = await world.done("GET", f"{path}/metrics?{query}")
        assert [sample["cpuPercent"] for sample in samples] == expected


async def test_an_instance_is_changed_field_by_field(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2")
    path = f"/proxy/instances/{ids['web-1']}"
    changed = await world.done("PATCH", path, {"instanceName": "web-one", "weight": 7})
    assert (changed["instanceName"], changed["weight"], changed["priority"]) == ("web-one", 7, 0)
    assert (await world.done("PATCH", path, {"weight": None}))["weight"] == 100
    assert_error(await world.call("PATCH", path, {"instanceName": "web-2"}), 409, 20)
    for body in ({"instanceName": None}, {"address": "x"}, {"healthStatus": "healthy"}, {"weight": "7"}):
        assert_error(await world.call("PATCH", path, body), 400, 36)


async def test_a_deleted_active_instance_is_failed_over_from(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2")
    response = await world.call("DELETE", f"/proxy/instances/{ids['web-1']}")
    assert response.json()["data"] == {"id": ids["web-1"]}
    proxy = await world.done("GET", "/proxy/web")
    assert proxy["activeInstanceId"] == ids["web-2"]
    assert [instance["id"] for instance in proxy["instances"]] == [ids["web-2"]]


async def test_an_admin_state_moves_the_proxy_even_without_automatic_failover(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2", enableAutoFailover=False)
    path = f"/proxy/instances/{ids['web-1']}/admin-state"
    drained = await world.done("PUT", path, {"adminState": "drain"})
    assert (drained["adminState"], drained["status"]) == ("drain", "ineligible")
    assert (await world.done("GET", "/proxy/web"))["activeInstanceId"] == ids["web-2"]
    ready = await world.done("PUT", path, {"adminState": "ready"})
    assert (ready["adminState"], ready["status"]) == ("ready", "standby")
    assert_error(await world.call("PUT", path, {"adminState": "off"}), 400, 39)
    assert_error(await world.call("PUT", path, {}), 400, 39)


async def test_flapping_shows_and_its_owner_clears_it(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2", maxFailbacks=100)
    path = f"/proxy/instances/{ids['web-1']}"
    for _ in range(4):
        for status in ("unhealthy", "healthy"):
            flapping = await world.done("PUT", f"{path}/health", {"healthStatus": status})
    assert flapping["flapScore"] == pytest.approx(4, abs=0.1)
    assert flapping["dampedBy"] == ["flapping"]
    assert flapping["dampedUntil"] is not None
    cleared = await world.done("DELETE", f"{path}/damping")
    assert (cleared["flapScore"], cleared["dampedBy"], cleared["dampedUntil"]) == (0, [], None)


async def test_damping_of_somebody_elses_instance_is_not_found(world: ApiWorld) -> None:
    ids = await world.proxy("web-1")
    for user, instance_id in (("eve", ids["web-1"]), ("ann", NOBODY)):
        response = await world.call("DELETE", f"/proxy/instances/{instance_id}/damping", user=user)
        assert_error(response, 404, 22)
