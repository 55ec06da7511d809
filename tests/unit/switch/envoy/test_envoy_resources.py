from dataclasses import replace

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from google.protobuf.json_format import MessageToDict
from tests.envoy_node import instance_id

from switchover.model.plan import Endpoint, Plan
from switchover.model.policy import BalancingAlgorithm, Listener, Traffic
from switchover.switch.envoy.messages import NamedResource, ResourceKind
from switchover.switch.envoy.resources import resources_of
from switchover.switch.envoy.versions import content_version

MESSAGES = {
    ResourceKind.CLUSTER: cluster_pb2.Cluster,
    ResourceKind.ENDPOINTS: endpoint_pb2.ClusterLoadAssignment,
    ResourceKind.LISTENER: listener_pb2.Listener,
    ResourceKind.ROUTE: route_pb2.RouteConfiguration,
}


def _endpoint(name: str, weight: int = 100, port: int = 9000) -> Endpoint:
    return Endpoint(instance_id=instance_id(name), host=f"10.0.0.{ord(name) - 96}", port=port, weight=weight)


PLAN = Plan(
    proxy_id="web",
    epoch=7,
    listener=Listener(port=10000),
    traffic=Traffic(),
    tiers=((_endpoint("a"),), (_endpoint("b"),), (_endpoint("c"),)),
    balancing=None,
    autonomous=True,
    exclusive=False,
)


def _read(resource: NamedResource) -> dict[str, object]:
    message = MESSAGES[resource.kind].FromString(resource.payload)
    document: dict[str, object] = MessageToDict(message, preserving_proto_field_name=True)
    return document


def _tiers(plan: Plan) -> list[tuple[int, str, list[tuple[str, int]]]]:
    message = endpoint_pb2.ClusterLoadAssignment.FromString(resources_of(plan).endpoints.payload)
    return [
        (
            tier.priority,
            tier.locality.sub_zone,
            [
                (each.endpoint.address.socket_address.address, each.load_balancing_weight.value)
                for each in tier.lb_endpoints
            ],
        )
        for tier in message.endpoints
    ]


def test_equal_plans_are_equal_bytes_and_versions() -> None:
    assert tuple(resources_of(PLAN)) == tuple(resources_of(replace(PLAN)))


def test_all_four_bear_the_proxys_name_in_the_order_a_node_learns_of_them() -> None:
    resources = list(resources_of(PLAN))

    assert [resource.kind for resource in resources] == list(ResourceKind)
    assert {resource.name for resource in resources} == {"web"}


def test_each_kind_is_found() -> None:
    resources = resources_of(PLAN)

    assert [resources.of_kind(kind) for kind in ResourceKind] == list(resources)


def test_tiers_become_priorities_that_bear_the_epoch() -> None:
    assert _tiers(PLAN) == [
        (0, "epoch-7", [("10.0.0.1", 1)]),
        (1, "epoch-7", [("10.0.0.2", 1)]),
        (2, "epoch-7", [("10.0.0.3", 1)]),
    ]


def test_the_version_of_endpoints_begins_with_the_epoch_and_others_are_their_content() -> None:
    resources = resources_of(PLAN)

    assert resources.endpoints.version == f"7-{content_version(resources.endpoints.payload)}"
    assert resources.listener.version == content_version(resources.listener.payload)


def test_a_switch_changes_the_endpoints_alone() -> None:
    switched = replace(PLAN, epoch=8, tiers=(PLAN.tiers[1], PLAN.tiers[0]))
    before, after = resources_of(PLAN), resources_of(switched)

    assert before.endpoints != after.endpoints
    assert (before.cluster, before.listener, before.route) == (after.cluster, after.listener, after.route)


def test_timeouts_and_retries_never_touch_the_listener_or_the_cluster() -> None:
    changed = replace(PLAN, traffic=Traffic(request_timeout_seconds=1, try_idle_timeout_seconds=1, retries=5))
    before, after = resources_of(PLAN), resources_of(changed)

    assert before.route != after.route
    assert (before.cluster, before.listener, before.endpoints) == (
        after.cluster,
        after.listener,
        after.endpoints,
    )


def test_an_address_is_listed_once_where_it_is_met_first() -> None:
    twice = replace(PLAN, tiers=((_endpoint("a"), _endpoint("a")), (_endpoint("a"),), (_endpoint("b"),)))

    assert _tiers(twice) == [(0, "epoch-7", [("10.0.0.1", 1)]), (1, "epoch-7", [("10.0.0.2", 1)])]


def test_a_plan_without_tiers_has_a_cluster_without_endpoints() -> None:
    assert _tiers(replace(PLAN, tiers=())) == []


@pytest.mark.parametrize(
    ("balancing", "weights"),
    [
        (None, [1, 1]),
        (BalancingAlgorithm.ROUND_ROBIN, [1, 1]),
        (BalancingAlgorithm.LEAST_CONNECTIONS, [1, 1]),
        (BalancingAlgorithm.WEIGHTED, [300, 1]),
    ],
)
def test_weights_count_for_the_weighted_algorithm_alone(
    balancing: BalancingAlgorithm | None, weights: list[int]
) -> None:
    tier = (_endpoint("a", weight=300), _endpoint("b", weight=0))

    [(_, _, listed)] = _tiers(replace(PLAN, tiers=(tier,), balancing=balancing))

    assert [weight for _, weight in listed] == weights


def test_outlier_detection_is_there_for_an_autonomous_node_alone() -> None:
    alone = replace(PLAN, autonomous=False, tiers=PLAN.tiers[:1])

    assert "outlier_detection" in _read(resources_of(PLAN).cluster)
    assert "outlier_detection" not in _read(resources_of(alone).cluster)


def test_the_listener_is_not_shared_with_another_process_and_holds_no_routes() -> None:
    listener = _read(resources_of(PLAN).listener)

    assert listener["enable_reuse_port"] is False
    assert listener["address"] == {"socket_address": {"address": "127.0.0.1", "port_value": 10000}}
    assert "virtual_hosts" not in str(listener)


@pytest.mark.parametrize(("method", "route"), [("GET", 0), ("DELETE", 0), ("POST", 1), ("PATCH", 1)])
def test_only_idempotent_methods_are_tried_again_after_they_were_sent(method: str, route: int) -> None:
    message = route_pb2.RouteConfiguration.FromString(resources_of(PLAN).route.payload)
    idempotent, other = message.virtual_hosts[0].routes
    methods = idempotent.match.headers[0].string_match.safe_regex.regex.split("|")
    chosen = idempotent if method in methods else other

    assert chosen == (idempotent, other)[route]
    assert ("gateway-error" in chosen.route.retry_policy.retry_on) == (route == 0)
    assert chosen.route.retry_policy.HasField("per_try_idle_timeout") == (route == 0)
    assert chosen.route.retry_policy.num_retries.value == PLAN.traffic.retries


def test_a_timeout_of_zero_is_none() -> None:
    off = replace(PLAN, traffic=Traffic(request_timeout_seconds=0, try_idle_timeout_seconds=0, retries=0))

    message = route_pb2.RouteConfiguration.FromString(resources_of(off).route.payload)

    for route in message.virtual_hosts[0].routes:
        assert route.route.HasField("timeout")
        assert route.route.timeout.ToNanoseconds() == 0
        assert not route.route.retry_policy.HasField("per_try_idle_timeout")
        assert route.route.retry_policy.num_retries.value == 0
