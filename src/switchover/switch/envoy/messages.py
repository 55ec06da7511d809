"""The one module that touches Envoy's protobuf: typed functions, plain values on both sides.

Protobuf comes from `xds-protos`, which has no type stubs; nothing of it leaves this module. Fields are written as
nested dicts with protobuf's own names, which the runtime turns into messages (a wrong name or type raises at once).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.load_balancing_policies.least_request.v3 import least_request_pb2
from envoy.extensions.retry.host.previous_hosts.v3 import previous_hosts_pb2
from envoy.extensions.retry.priority.previous_priorities.v3 import previous_priorities_config_pb2
from envoy.service.discovery.v3 import discovery_pb2
from envoy.service.load_stats.v3 import lrs_pb2

Fields = Mapping[str, Any]
"""Field name → value of one protobuf message; messages nest as dicts."""


class ResourceKind(StrEnum):
    """The kinds of resources that we serve, by their type URL.

    In the order in which a node must learn of them: what is referred to comes before what refers to it (Envoy's xDS
    protocol, "Eventual consistency considerations").
    """

    CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
    ENDPOINTS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
    LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
    ROUTE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"


_MESSAGES: Mapping[ResourceKind, Callable[..., Any]] = {
    ResourceKind.CLUSTER: cluster_pb2.Cluster,
    ResourceKind.ENDPOINTS: endpoint_pb2.ClusterLoadAssignment,
    ResourceKind.LISTENER: listener_pb2.Listener,
    ResourceKind.ROUTE: route_pb2.RouteConfiguration,
}


def encode(kind: ResourceKind, fields: Fields) -> bytes:
    """One resource as bytes; equal fields are equal bytes, on every machine and after a restart.

    Raises:
        ValueError, TypeError: `fields` names what the message does not have, or holds another type.
    """
    return _bytes(_MESSAGES[kind](**fields))


def duration(seconds: float) -> Fields:
    """A `google.protobuf.Duration` of `seconds`, to the nearest nanosecond."""
    whole, nanos = divmod(round(seconds * 1_000_000_000), 1_000_000_000)
    return {"seconds": whole, "nanos": nanos}


def http_connection_manager(fields: Fields) -> Fields:
    """The network filter that speaks HTTP, packed for a filter chain's `typed_config`."""
    return _packed(http_connection_manager_pb2.HttpConnectionManager(**fields))


def router() -> Fields:
    """The HTTP filter that forwards, packed."""
    return _packed(router_pb2.Router())


def least_requests_of_all() -> Fields:
    """The load-balancing policy that looks at every host and takes the one with the fewest open requests, packed."""
    return _packed(least_request_pb2.LeastRequest(selection_method="FULL_SCAN"))


def previous_hosts() -> Fields:
    """The retry predicate that avoids hosts already tried, packed."""
    return _packed(previous_hosts_pb2.PreviousHostsPredicate())


def previous_priorities(update_frequency: int) -> Fields:
    """The retry plugin that avoids priorities already tried, after every `update_frequency` tries, packed."""
    return _packed(previous_priorities_config_pb2.PreviousPrioritiesConfig(update_frequency=update_frequency))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaRequest:
    """What a node says on a delta stream.

    Attributes:
        node_id: Its name; empty in every request but the first.
        type_url: What it speaks about; maybe a kind that we do not serve.
        subscribe: Names that it wants from now on; `*` is every one.
        unsubscribe: Names that it no longer wants.
        initial_versions: In the first request of a kind: what it already has, name → version.
        nonce: The response that this answers; empty when it answers none.
        error: Why it refused that response, in its own words; None when it took it.
    """

    node_id: str
    type_url: str
    subscribe: tuple[str, ...]
    unsubscribe: tuple[str, ...]
    initial_versions: Mapping[str, str]
    nonce: str
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedResource:
    """One resource as it is sent: its name, its version, its bytes."""

    kind: ResourceKind
    name: str
    version: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaResponse:
    """What we tell a node: resources to take and names to drop, all of one kind."""

    kind: ResourceKind
    nonce: str
    resources: tuple[NamedResource, ...]
    removed: tuple[str, ...]


def decode_request(data: bytes) -> DeltaRequest:
    """Read a `DeltaDiscoveryRequest`."""
    message = discovery_pb2.DeltaDiscoveryRequest.FromString(data)
    return DeltaRequest(
        node_id=message.node.id,
        type_url=message.type_url,
        subscribe=tuple(message.resource_names_subscribe),
        unsubscribe=tuple(message.resource_names_unsubscribe),
        initial_versions=dict(message.initial_resource_versions),
        nonce=message.response_nonce,
        error=message.error_detail.message if message.HasField("error_detail") else None,
    )


def encode_response(response: DeltaResponse) -> bytes:
    """Write a `DeltaDiscoveryResponse`."""
    return _bytes(
        discovery_pb2.DeltaDiscoveryResponse(
            type_url=response.kind.value,
            nonce=response.nonce,
            removed_resources=response.removed,
            resources=[
                {
                    "name": resource.name,
                    "version": resource.version,
                    "resource": {"type_url": resource.kind.value, "value": resource.payload},
                }
                for resource in response.resources
            ],
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointLoad:
    """What one endpoint carried since the node's previous report.

    Attributes:
        cluster: The cluster's name.
        sub_zone: The endpoint's locality token, as we sent it.
        host: Its IP address.
        port: Its port.
        successes: Requests that ended without an error.
        errors: Requests that ended with 5xx, a reset or a timeout.
        in_progress: Requests open when the report was made.
    """

    cluster: str
    sub_zone: str
    host: str
    port: int
    successes: int
    errors: int
    in_progress: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """A node's account of its traffic; the first of a stream names the node and holds no loads."""

    node_id: str
    loads: tuple[EndpointLoad, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReportOrder:
    """What we ask of a node: accounts of every cluster, per endpoint, every `interval_seconds`."""

    interval_seconds: float


def decode_load_report(data: bytes) -> LoadReport:
    """Read a `LoadStatsRequest`."""
    message = lrs_pb2.LoadStatsRequest.FromString(data)
    return LoadReport(
        node_id=message.node.id,
        loads=tuple(
            EndpointLoad(
                cluster=cluster.cluster_name,
                sub_zone=locality.locality.sub_zone,
                host=endpoint.address.socket_address.address,
                port=endpoint.address.socket_address.port_value,
                successes=endpoint.total_successful_requests,
                errors=endpoint.total_error_requests,
                in_progress=endpoint.total_requests_in_progress,
            )
            for cluster in message.cluster_stats
            for locality in cluster.upstream_locality_stats
            for endpoint in locality.upstream_endpoint_stats
        ),
    )


def encode_load_report_order(order: LoadReportOrder) -> bytes:
    """Write a `LoadStatsResponse`."""
    return _bytes(
        lrs_pb2.LoadStatsResponse(
            send_all_clusters=True,
            report_endpoint_granularity=True,
            load_reporting_interval=duration(order.interval_seconds),
        )
    )


def _packed(message: Any) -> Fields:
    return {"type_url": f"type.googleapis.com/{message.DESCRIPTOR.full_name}", "value": _bytes(message)}


def _bytes(message: Any) -> bytes:
    # Without `deterministic` the order of map entries is chance.
    serialized: bytes = message.SerializeToString(deterministic=True)
    return serialized
