"""The start-up configuration of an Envoy: where we are, and nothing of any proxy. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from switchover.model.address import Address, is_ip

# A proxy's id begins with a letter or digit, so no proxy can collide with this cluster.
XDS_CLUSTER = "_switchover_xds"
MOST_DOWNSTREAM_CONNECTIONS = 50_000

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTls:
    """The files on a node's machine by which it and the replicas know each other, as PEM.

    Attributes:
        certificate: The node's, which names its id.
        key: Its private key.
        ca: The authorities of the replicas' certificates.
    """

    certificate: Path
    key: Path
    ca: Path


def embedded_bootstrap(*, node_id: str, xds_socket: Path, admin_socket: Path) -> str:
    """The bootstrap of the Envoy that we start ourselves, as JSON text; equal arguments give equal text."""
    cluster = {
        "type": "STATIC",
        # A control plane that stands still must be left, so that the next one is found.
        **_http2(interval="5s", timeout="3s"),
        **_endpoints([{"pipe": {"path": str(xds_socket)}}]),
    }
    return _bootstrap(node_id, _admin(admin_socket), cluster)


def remote_bootstrap(
    *, node_id: str, replicas: Sequence[Address], admin: Path | Address | None, tls: NodeTls | None
) -> str:
    """The bootstrap of an Envoy elsewhere, as JSON text; equal arguments give equal text.

    Args:
        node_id: Its name.
        replicas: Where the replicas serve nodes; a name stands for every address that it resolves to.
        admin: Its admin interface, a socket or an address of loopback; None for none.
        tls: None is plaintext, which replicas offer on loopback alone.
    """
    names = any(not is_ip(replica.host) for replica in replicas)
    cluster = {
        "type": "STRICT_DNS" if names else "STATIC",
        **({"dns_lookup_family": "ALL"} if names else {}),
        "lb_policy": "ROUND_ROBIN",
        # Its pings are answered by grpc's own threads, so that a busy replica is not taken for a frozen one.
        **_http2(interval="2s", timeout="2s"),
        **_leaving_dead_replicas(),
        **_endpoints([_socket_address(replica) for replica in replicas]),
        **({} if tls is None else _transport(tls, replicas)),
    }
    return _bootstrap(node_id, None if admin is None else _admin(admin), cluster)


def _bootstrap(node_id: str, admin: Mapping[str, Any] | None, cluster: Mapping[str, Any]) -> str:
    return json.dumps(
        {
            "node": {"id": node_id, "cluster": "switchover"},
            **({} if admin is None else {"admin": admin}),
            "dynamic_resources": {
                "ads_config": {
                    "api_type": "DELTA_GRPC",
                    "transport_api_version": "V3",
                    # The node's description is 61 KB: once per stream is enough.
                    "set_node_on_first_message_only": True,
                    "grpc_services": [_grpc_service()],
                },
                "cds_config": {"ads": {}, "resource_api_version": "V3"},
                "lds_config": {"ads": {}, "resource_api_version": "V3"},
            },
            "cluster_manager": {
                "load_stats_config": {
                    "api_type": "GRPC",
                    "transport_api_version": "V3",
                    "grpc_services": [_grpc_service()],
                }
            },
            "static_resources": {
                "clusters": [{"name": XDS_CLUSTER, "connect_timeout": "1s", **cluster}],
            },
            "overload_manager": {
                "resource_monitors": [
                    {
                        "name": "envoy.resource_monitors.global_downstream_max_connections",
                        "typed_config": {
                            "@type": "type.googleapis.com/envoy.extensions.resource_monitors."
                            "downstream_connections.v3.DownstreamConnectionsConfig",
                            "max_active_downstream_connections": MOST_DOWNSTREAM_CONNECTIONS,
                        },
                    }
                ]
            },
        },
        indent=2,
        sort_keys=True,
    )


def _admin(where: Path | Address) -> Mapping[str, Any]:
    # The admin interface can end the process and asks nobody who they are.
    if isinstance(where, Path):
        return {"address": {"pipe": {"path": str(where), "mode": 0o600}}}
    return {"address": _socket_address(where)}


def _grpc_service() -> Mapping[str, Any]:
    return {
        "envoy_grpc": {
            "cluster_name": XDS_CLUSTER,
            # By default the wait grows to 30 s, during which our word would not reach the node.
            "retry_policy": {"retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"}},
        }
    }


def _http2(*, interval: str, timeout: str) -> Mapping[str, Any]:
    keepalive = {"interval": interval, "timeout": timeout}
    return {
        "typed_extension_protocol_options": {
            _HTTP_OPTIONS: {
                "@type": f"type.googleapis.com/{_HTTP_OPTIONS}",
                "explicit_http_config": {"http2_protocol_options": {"connection_keepalive": keepalive}},
            }
        }
    }


def _leaving_dead_replicas() -> Mapping[str, Any]:
    """Without this Envoy stays with a dead replica: more than 15 s in four of four runs."""
    return {
        "outlier_detection": {
            "split_external_local_origin_errors": True,
            # A refused connection, a lost one, or one whose pings are not answered.
            "consecutive_local_origin_failure": 1,
            "enforcing_consecutive_local_origin_failure": 100,
            # A replica that refuses a stream as UNAVAILABLE asks the node to go elsewhere.
            "consecutive_gateway_failure": 1,
            "enforcing_consecutive_gateway_failure": 100,
            "enforcing_consecutive_5xx": 0,
            "enforcing_success_rate": 0,
            "enforcing_local_origin_success_rate": 0,
            "max_ejection_percent": 100,
            "interval": "1s",
            "base_ejection_time": "5s",
            "max_ejection_time": "30s",
        },
        "common_lb_config": {
            # An ejection counts at once; by default the second one within a second waits for its end.
            "update_merge_window": "0s",
            # All replicas are tried again only when all are ejected; by default when more than half are.
            "healthy_panic_threshold": {"value": 1},
        },
    }


def _endpoints(addresses: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    endpoints = [{"endpoint": {"address": address}} for address in addresses]
    return {"load_assignment": {"cluster_name": XDS_CLUSTER, "endpoints": [{"lb_endpoints": endpoints}]}}


def _socket_address(address: Address) -> Mapping[str, Any]:
    return {"socket_address": {"address": address.host, "port_value": address.port}}


def _transport(tls: NodeTls, replicas: Sequence[Address]) -> Mapping[str, Any]:
    """Both sides show a certificate; a replica's must name one of the hosts that replicas have."""
    hosts = dict.fromkeys(replica.host for replica in replicas)
    names = [
        {"san_type": "IP_ADDRESS" if is_ip(host) else "DNS", "matcher": {"exact": host}} for host in hosts
    ]
    return {
        "transport_socket": {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "common_tls_context": {
                    "alpn_protocols": ["h2"],
                    "tls_certificates": [
                        {
                            "certificate_chain": {"filename": str(tls.certificate)},
                            "private_key": {"filename": str(tls.key)},
                        }
                    ],
                    "validation_context": {
                        "trusted_ca": {"filename": str(tls.ca)},
                        "match_typed_subject_alt_names": names,
                    },
                },
            },
        }
    }
