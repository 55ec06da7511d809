"""Proxies and their configurations over HTTP: what succeeds, what is refused, what is as before."""

from typing import Any

import pytest
from tests.api_world import ApiWorld, assert_error

from switchover.control.documents import policy_document
from switchover.model.policy import FailoverPolicy

LISTENER = {"address": "127.0.0.1", "port": 10000, "protocol": "http"}


async def test_an_unknown_proxy_is_created_for_its_caller_with_the_defaults(world: ApiWorld) -> None:
    response = await world.call("POST", "/proxy/failover/config", {"proxyId": "web"})
    assert response.status_code == 201
    body = response.json()
    assert body.keys() == {"data", "message"}
    data = body["data"]
    assert (data["proxyId"], data["ownerId"], data["epoch"]) == ("web", "ann", 0)
    assert data["activeInstanceId"] is None
    assert data["config"] == policy_document(FailoverPolicy())
    assert data["createdAt"].endswith("Z")


async def test_a_configuration_is_merged_into_what_is_stored(world: ApiWorld) -> None:
    await world.done(
        "POST",
        "/proxy/failover/config",
        {"proxyId": "web", "config": {"unhealthyThreshold": 5, "listener": LISTENER}},
    )
    response = await world.call(
        "POST", "/proxy/failover/config", {"proxyId": "web", "config": {"listener": {"port": 10001}}}
    )
    assert response.status_code == 201
    merged = response.json()["data"]
    assert merged["config"]["unhealthyThreshold"] == 5
    assert merged["config"]["listener"] == LISTENER | {"port": 10001}
    assert merged["generation"] > 1
    reset = await world.done(
        "POST",
        "/proxy/failover/config",
        {"proxyId": "web", "config": {"unhealthyThreshold": None, "listener": None}},
    )
    assert reset["config"] == policy_document(FailoverPolicy())


async def test_a_configuration_is_read_as_it_is_in_force(world: ApiWorld) -> None:
    await world.done(
        "POST", "/proxy/failover/config", {"proxyId": "web", "config": {"healthCheckIntervalSeconds": 0.5}}
    )
    data = await world.done("GET", "/proxy/failover/config/web")
    assert data["config"]["healthCheckTimeoutSeconds"] == 0.5
    assert data["config"]["fastIntervalSeconds"] == 0.5


async def test_a_missing_configuration_has_its_own_code(world: ApiWorld) -> None:
    assert "web" in assert_error(await world.call("GET", "/proxy/failover/config/web"), 404, 3)["message"]


@pytest.mark.parametrize(
    "config",
    [
        {"healthCheckTimeoutSeconds": 31},
        {"exclusive": True, "enableLoadBalancing": True},
        {"listener": {"port": 1, "protocol": "tcp"}},
        {"unhealthyThreshold": 0},
    ],
)
async def test_what_is_refused_leaves_everything_as_it_was(world: ApiWorld, config: dict[str, Any]) -> None:
    before = await world.done("POST", "/proxy/failover/config", {"proxyId": "web"})
    refused = await world.call("POST", "/proxy/failover/config", {"proxyId": "web", "config": config})
    assert_error(refused, 400, 1)
    assert await world.done("GET", "/proxy/failover/config/web") == before
    unknown = await world.call("POST", "/proxy/failover/config", {"proxyId": "new", "config": config})
    assert_error(unknown, 400, 1)
    assert_error(await world.call("GET", "/proxy/new"), 404, 21)


@pytest.mark.parametrize(
    "proxy_id", ["", "-web", "a b", "x" * 64, "failover", "instances", "wéb", 5, None, "a/b"]
)
async def test_a_proxy_id_has_a_shape(world: ApiWorld, proxy_id: Any) -> None:
    error = assert_error(await world.call("POST", "/proxy/failover/config", {"proxyId": proxy_id}), 400, 1)
    assert error["details"]["problems"][0]["field"] == "proxyId"


async def test_the_longest_and_the_oddest_proxy_ids_work_everywhere(world: ApiWorld) -> None:
    for proxy_id in ("x" * 63, "A.b_c-9", "config", "failover1", "1"):
        await world.done("POST", "/proxy/failover/config", {"proxyId": proxy_id})
        assert (await world.done("GET", f"/proxy/{proxy_id}"))["proxyId"] == proxy_id
        assert (await world.done("GET", f"/proxy/{proxy_id}/redundancy"))["proxyId"] == proxy_id
        assert (await world.done("GET", f"/proxy/failover/config/{proxy_id}"))["proxyId"] == proxy_id


async def test_somebody_elses_proxy_id_is_taken(world: ApiWorld) -> None:
    await world.done("POST", "/proxy/failover/config", {"proxyId": "web"})
    assert_error(await world.call("POST", "/proxy/failover/config", {"proxyId": "web"}, user="eve"), 409, 20)


async def test_an_admin_may_change_anybodys_configuration(world: ApiWorld) -> None:
    await world.done("POST", "/proxy/failover/config", {"proxyId": "web"})
    changed = await world.done(
        "POST", "/proxy/failover/config", {"proxyId": "web", "config": {"maxFailbacks": 9}}, user="root"
    )
    assert (changed["ownerId"], changed["config"]["maxFailbacks"]) == ("ann", 9)


async def test_the_same_listener_twice_is_a_conflict(world: ApiWorld) -> None:
    config = {"listener": LISTENER}
    await world.done("POST", "/proxy/failover/config", {"proxyId": "web", "config": config})
    taken = await world.call("POST", "/proxy/failover/config", {"proxyId": "shop", "config": config})
    error = assert_error(taken, 409, 20)
    assert error["details"]["state"]
    assert_error(await world.call("GET", "/proxy/shop"), 404, 21)


async def test_a_proxy_is_shown_whole(world: ApiWorld) -> None:
    ids = await world.proxy("web-1", "web-2")
    data = await world.done("GET", "/proxy/web")
    assert data["activeInstanceId"] == ids["web-1"]
    assert [instance["status"] for instance in data["instances"]] == ["active", "standby"]
    assert data["redundancy"]["redundancyLevel"] == "dual"
    assert data["evaluation"]["reasonCode"] == "no_failover_needed"
    assert data["rejections"] == {}


async def test_proxies_are_listed_page_by_page(world: ApiWorld) -> None:
    for number in range(5):
        await world.done("POST", "/proxy/failover/config", {"proxyId": f"p{number}"})
    seen: list[str] = []
    after = ""
    while True:
        page = (await world.call("GET", f"/proxy?limit=2{after}")).json()
        assert page["count"] == len(page["data"])
        assert page["total"] == 5
        seen += [item["proxyId"] for item in page["data"]]
        if page["nextAfter"] is None:
            break
        after = f"&after={page['nextAfter']}"
    assert seen == [f"p{number}" for number in range(5)]


async def test_a_deleted_proxy_is_gone_and_may_come_back_with_its_owner(world: ApiWorld) -> None:
    ids = await world.proxy("web-1")
    response = await world.call("DELETE", "/proxy/web")
    assert response.json() == {"data": {"id": "web"}, "message": "Proxy web deleted"}
    assert_error(await world.call("GET", "/proxy/web"), 404, 21)
    assert_error(await world.call("DELETE", "/proxy/web"), 404, 21)
    assert_error(await world.call("DELETE", f"/proxy/instances/{ids['web-1']}"), 404, 22)
    taken = await world.call("POST", "/proxy/failover/config", {"proxyId": "web"}, user="eve")
    assert_error(taken, 409, 20)
    back = await world.done("POST", "/proxy/failover/config", {"proxyId": "web"})
    # A node must never see an older epoch.
    assert back["epoch"] >= 1


async def test_a_rejection_is_shown_in_the_nodes_own_words(world: ApiWorld) -> None:
    (node,) = world.bench.drivers
    node.reject("web", "cannot bind 127.0.0.1:10000")
    await world.done("POST", "/proxy/failover/config", {"proxyId": "web", "config": {"listener": LISTENER}})
    nodes = (await world.call("GET", "/nodes", user="root")).json()
    words = {"web": "cannot bind 127.0.0.1:10000"}
    assert nodes == {
        "data": [{"nodeId": "fake", "state": "connected", "replica": None, "rejections": words}],
        "count": 1,
    }
    assert (await world.done("GET", "/proxy/web"))["rejections"] == {"fake": "cannot bind 127.0.0.1:10000"}


async def test_a_lone_process_has_no_replicas_and_no_owner(world: ApiWorld) -> None:
    await world.proxy("a")
    assert (await world.call("GET", "/replicas", user="root")).json() == {"data": [], "count": 0}
    assert (await world.done("GET", "/proxy/web"))["owner"] is None
