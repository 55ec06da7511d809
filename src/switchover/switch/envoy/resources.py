"""A plan as Envoy resources: one listener, route configuration, cluster and set of endpoints per proxy. Pure.

Every setting has its reason beside it; the numbers were measured with Envoy 1.40 (docs/adr/0003).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from switchover.model.plan import Drained, Endpoint, Plan
from switchover.model.policy import BalancingAlgorithm
from switchover.model.steadiness import AllDown
from switchover.switch.envoy.messages import (
    Fields,
    NamedResource,
    ResourceKind,
    duration,
    encode,
    http_connection_manager,
    least_requests_of_all,
    previous_hosts,
    previous_priorities,
    router,
)
from switchover.switch.envoy.versions import content_version, endpoints_version, epoch_token

# Any round trip on Earth is shorter. A lost SYN is sent again after 1 s (RFC 6298): trying elsewhere is faster.
CONNECT_TIMEOUT_SECONDS = 0.5
# How long a new listener or cluster waits for its routes or endpoints before it goes on without: 15 s by default.
INITIAL_FETCH_TIMEOUT_SECONDS = 1.0
# Limits for runaway processes, not for load: the default of 3 concurrent retries fails what an outage could have saved.
CIRCUIT_BREAKER_LIMIT = 65536
# Spill to a later tier only when the last instance of the earlier one is gone; the default 140 (%) spills before.
OVERPROVISIONING_FACTOR = 100_000
# Reserved for documentation (RFC 5737): no client has it.
NOBODY = "192.0.2.1"
MOST_LISTED_WEIGHT = 1_000_000

# RFC 9110, section 9.2.2: sending these twice does no more than sending them once.
IDEMPOTENT_METHODS = "GET|HEAD|OPTIONS|PUT|DELETE|TRACE"
RETRY_ANY_FAILURE = "connect-failure,refused-stream,reset,reset-before-request,gateway-error"
RETRY_UNSENT = "connect-failure,refused-stream,reset-before-request"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyResources:
    """Everything a node is told about one proxy; all four bear the proxy's id as their name."""

    cluster: NamedResource
    endpoints: NamedResource
    listener: NamedResource
    route: NamedResource

    def __iter__(self) -> Iterator[NamedResource]:
        """In the order in which a node must learn of them."""
        return iter((self.cluster, self.endpoints, self.listener, self.route))

    def of_kind(self, kind: ResourceKind) -> NamedResource:
        """The one of this kind."""
        match kind:
            case ResourceKind.CLUSTER:
                return self.cluster
            case ResourceKind.ENDPOINTS:
                return self.endpoints
            case ResourceKind.LISTENER:
                return self.listener
            case ResourceKind.ROUTE:
                return self.route
            case _:
                assert_never(kind)


def resources_of(plan: Plan) -> ProxyResources:
    """The resources of one plan. Equal plans give equal bytes and equal versions."""
    return ProxyResources(
        cluster=_resource(plan, ResourceKind.CLUSTER, _cluster(plan)),
        endpoints=_resource(plan, ResourceKind.ENDPOINTS, _endpoints(plan)),
        listener=_resource(plan, ResourceKind.LISTENER, _listener(plan)),
        route=_resource(plan, ResourceKind.ROUTE, _route(plan)),
    )


def _resource(plan: Plan, kind: ResourceKind, fields: Fields) -> NamedResource:
    payload = encode(kind, fields)
    if kind is ResourceKind.ENDPOINTS:
        version = endpoints_version(plan.epoch, payload)
    else:
        version = content_version(payload)
    return NamedResource(kind=kind, name=plan.proxy_id, version=version, payload=payload)


# ADS: one stream for everything, so that the order in which we send is the order in which a node learns.
_OVER_ADS: Fields = {
    "ads": {},
    "resource_api_version": "V3",
    "initial_fetch_timeout": duration(INITIAL_FETCH_TIMEOUT_SECONDS),
}


def _listener(plan: Plan) -> Fields:
    """Where traffic is accepted. Any change of it cuts the connections, so nothing that may change is inside."""
    manager: Fields = {
        "stat_prefix": plan.proxy_id,
        "rds": {"route_config_name": plan.proxy_id, "config_source": _OVER_ADS},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router()}],
        # Clients are strangers: what they write into x-envoy-* and x-forwarded-for steers neither retries nor timeouts.
        # An empty list of internal addresses means loopback and private ones; this one address is no client's.
        "use_remote_address": {"value": True},
        "internal_address_config": {"cidr_ranges": [{"address_prefix": NOBODY, "prefix_len": {"value": 32}}]},
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        # A client that opens a request and never ends its headers would hold its place for ever.
        "request_headers_timeout": duration(60),
    }
    return {
        "name": plan.proxy_id,
        "address": _address(plan.listener.address, plan.listener.port),
        # With port reuse two Envoys share a port in silence; without it the second one is refused, and says so.
        "enable_reuse_port": {"value": False},
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": http_connection_manager(manager),
                    }
                ]
            }
        ],
    }


def _route(plan: Plan) -> Fields:
    """How requests are treated. Changing it touches no connection."""
    idempotent: Fields = {
        "match": {
            "prefix": "/",
            "headers": [
                {"name": ":method", "string_match": {"safe_regex": {"regex": IDEMPOTENT_METHODS}}},
            ],
        },
        "route": _action(plan, _retry_policy(plan, RETRY_ANY_FAILURE, plan.traffic.try_idle_timeout_seconds)),
    }
    # No idle timeout per try here: it could not be followed by a retry, and would only cut a slow POST.
    others: Fields = {
        "match": {"prefix": "/"},
        "route": _action(plan, _retry_policy(plan, RETRY_UNSENT, 0)),
    }
    return {
        "name": plan.proxy_id,
        "virtual_hosts": [{"name": plan.proxy_id, "domains": ["*"], "routes": [idempotent, others]}],
    }


def _action(plan: Plan, retry_policy: Fields) -> Fields:
    # 0 turns the timeout off, for Envoy as for us.
    timeout = duration(plan.traffic.request_timeout_seconds)
    return {"cluster": plan.proxy_id, "timeout": timeout, "retry_policy": retry_policy}


def _retry_policy(plan: Plan, retry_on: str, try_idle_timeout_seconds: float) -> Fields:
    policy: dict[str, object] = {
        "retry_on": retry_on,
        # As the operator says: each retry goes one tier further, so `retries` deaths in one instant are covered.
        "num_retries": {"value": plan.traffic.retries},
        "retry_back_off": {"base_interval": duration(0.01), "max_interval": duration(0.05)},
        # Without it every try goes to the first tier again, because the tier is chosen before the host.
        "retry_priority": {
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": previous_priorities(update_frequency=1),
        },
        # Within a tier that shares the load: another instance, not the same one.
        "retry_host_predicate": [
            {"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": previous_hosts()}
        ],
        "host_selection_retry_max_attempts": 5,
    }
    if try_idle_timeout_seconds > 0:
        # Silence, not length: unlike `per_try_timeout` it never cuts a long answer that keeps flowing.
        policy["per_try_idle_timeout"] = duration(try_idle_timeout_seconds)
    return policy


def _cluster(plan: Plan) -> Fields:
    """How instances are chosen and reached. A change makes the node forget its ejections."""
    limits = {"value": CIRCUIT_BREAKER_LIMIT}
    cluster: dict[str, object] = {
        "name": plan.proxy_id,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": _OVER_ADS},
        "connect_timeout": duration(CONNECT_TIMEOUT_SECONDS),
        **_balancing(plan.balancing),
        "common_lb_config": {
            # The default of 1 s delays every ejection after the first by that long.
            "update_merge_window": duration(0),
            "healthy_panic_threshold": {"value": _panic_threshold(plan.all_down)},
        },
        # Whom we take off the list gets nothing more, whatever the node's own checks say.
        "ignore_health_on_host_removal": True,
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": limits,
                    "max_pending_requests": limits,
                    "max_requests": limits,
                    "max_retries": limits,
                }
            ]
        },
    }
    if plan.autonomous:
        cluster["outlier_detection"] = _outlier_detection()
    return cluster


def _panic_threshold(all_down: AllDown) -> int:
    """Which share (%) of the listed instances must be left before the node heeds its own ejections at all."""
    if all_down is AllDown.FAIL_FAST:
        # Never ignore them: when every listed instance is ejected, answer 503 at once.
        return 0
    # When every listed instance is ejected try them all rather than refuse: whoever must get nothing is not listed. It
    # is in force only while no tier is healthy.
    return 50


def _balancing(algorithm: BalancingAlgorithm | None) -> Fields:
    """How a tier shares its traffic; with `weighted` the weights are in the endpoints."""
    if algorithm is not BalancingAlgorithm.LEAST_CONNECTIONS:
        return {"lb_policy": "ROUND_ROBIN"}
    # The plain LEAST_REQUEST compares two hosts drawn with replacement: of two hosts the busy one still gets a quarter.
    policy = {
        "name": "envoy.load_balancing_policies.least_request",
        "typed_config": least_requests_of_all(),
    }
    return {"load_balancing_policy": {"policies": [{"typed_extension_config": policy}]}}


def _outlier_detection() -> Fields:
    """How the node moves on by itself: whoever cannot be reached is left out for a while."""
    never, always = {"value": 0}, {"value": 100}
    return {
        # Refused, reset and silent tries count; answers of the application, 5xx too, are ours to judge.
        "split_external_local_origin_errors": True,
        # One failure is chance: an idle connection that the instance closed just then, one slow request.
        "consecutive_local_origin_failure": {"value": 2},
        "enforcing_consecutive_local_origin_failure": always,
        # Each connection that a hung instance's kernel accepts counts as a success and may part its silent tries for
        # ever. While it hangs, half of what is counted are failures; so this share ejects it whatever the rhythm.
        "enforcing_failure_percentage_local_origin": always,
        "failure_percentage_threshold": {"value": 40},
        "failure_percentage_minimum_hosts": {"value": 1},
        "failure_percentage_request_volume": {"value": 3},
        "interval": duration(0.25),
        "enforcing_failure_percentage": never,
        "enforcing_local_origin_success_rate": never,
        "enforcing_consecutive_5xx": never,
        "enforcing_consecutive_gateway_failure": never,
        "enforcing_success_rate": never,
        # The default of 10 % would never eject the only active one.
        "max_ejection_percent": always,
        "base_ejection_time": duration(5),
        "max_ejection_time": duration(30),
    }


def _endpoints(plan: Plan) -> Fields:
    """Who carries the traffic, by precedence.

    The epoch is the locality of every endpoint, so that a new epoch makes the node take each for a fresh one and
    forget what it held against it; within an epoch its ejections stay.
    """
    listed: set[tuple[str, int]] = set()
    tiers: list[Fields] = []
    for tier in plan.tiers:
        endpoints = []
        for endpoint in tier:
            # An address counts once, where it is met first; twice would give it twice the traffic.
            if (endpoint.host, endpoint.port) not in listed:
                listed.add((endpoint.host, endpoint.port))
                endpoints.append(_lb_endpoint(plan, endpoint))
        if endpoints:  # priorities must have no gap
            tiers.append(
                {
                    "priority": len(tiers),
                    "locality": {"sub_zone": epoch_token(plan.epoch)},
                    "lb_endpoints": endpoints,
                }
            )
    tiers.extend(_drained(plan, plan.drained, listed))
    return {
        "cluster_name": plan.proxy_id,
        "endpoints": tiers,
        "policy": {"overprovisioning_factor": {"value": OVERPROVISIONING_FACTOR}},
    }


def _drained(plan: Plan, drained: tuple[Drained, ...], listed: set[tuple[str, int]]) -> Iterator[Fields]:
    """Who gets nothing new. Off the list they would finish what they have all the same, but nobody would count it.

    They share the first tier, where they count neither as well nor as failed. (Measured: with nobody well in any tier
    a node turns to them too, in whatever tier they are. Hence they are taken off the list as soon as they are idle.)
    """
    for each in drained:
        if (each.endpoint.host, each.endpoint.port) not in listed:
            listed.add((each.endpoint.host, each.endpoint.port))
            yield {
                "priority": 0,
                # The locality it had before: under another one the node would begin to count anew.
                "locality": {"sub_zone": epoch_token(each.epoch)},
                "lb_endpoints": [{**_lb_endpoint(plan, each.endpoint), "health_status": "DRAINING"}],
            }


def _lb_endpoint(plan: Plan, endpoint: Endpoint) -> Fields:
    weighted = plan.balancing is BalancingAlgorithm.WEIGHTED
    # Envoy refuses 0: not carrying traffic is a state, not a weight. `health_status` is left alone for the same reason.
    weight = min(max(endpoint.weight, 1), MOST_LISTED_WEIGHT) if weighted else 1
    return {
        "endpoint": {"address": _address(endpoint.host, endpoint.port)},
        "load_balancing_weight": {"value": weight},
    }


def _address(host: str, port: int) -> Fields:
    return {"socket_address": {"address": host, "port_value": port}}
