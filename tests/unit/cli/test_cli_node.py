import json
from typing import Any

import pytest
from tests.command_line import Runs

REPLICAS = ("--xds", "r1.example:8701", "--xds", "10.0.0.2:8701")
TLS = ("--tls-certificate", "/etc/node.pem", "--tls-key", "/etc/node.key", "--tls-ca", "/etc/ca.pem")


def _bootstrap(switchover: Runs, *arguments: str) -> Any:
    code, out, err = switchover("node", "bootstrap", "--node-id", "edge-1", *arguments)
    assert (code, err) == (0, "")
    return json.loads(out)


def _cluster(document: Any) -> Any:
    (cluster,) = document["static_resources"]["clusters"]
    return cluster


def test_every_replica_is_an_endpoint_that_is_left_when_it_fails_once(switchover: Runs) -> None:
    document = _bootstrap(switchover, *REPLICAS, *TLS)
    cluster = _cluster(document)
    (group,) = cluster["load_assignment"]["endpoints"]
    addresses = [each["endpoint"]["address"]["socket_address"] for each in group["lb_endpoints"]]
    assert addresses == [
        {"address": "r1.example", "port_value": 8701},
        {"address": "10.0.0.2", "port_value": 8701},
    ]
    assert (cluster["type"], cluster["lb_policy"]) == ("STRICT_DNS", "ROUND_ROBIN")
    assert cluster["outlier_detection"]["consecutive_local_origin_failure"] == 1
    assert cluster["outlier_detection"]["max_ejection_percent"] == 100
    assert document["node"] == {"id": "edge-1", "cluster": "switchover"}
    assert "admin" not in document


def test_a_replicas_certificate_must_name_a_host_of_theirs(switchover: Runs) -> None:
    context = _cluster(_bootstrap(switchover, *REPLICAS, *TLS))["transport_socket"]["typed_config"]
    common = context["common_tls_context"]
    assert common["validation_context"] == {
        "trusted_ca": {"filename": "/etc/ca.pem"},
        "match_typed_subject_alt_names": [
            {"san_type": "DNS", "matcher": {"exact": "r1.example"}},
            {"san_type": "IP_ADDRESS", "matcher": {"exact": "10.0.0.2"}},
        ],
    }


def test_on_this_machine_plaintext_is_allowed(switchover: Runs) -> None:
    cluster = _cluster(_bootstrap(switchover, "--xds", "127.0.0.1:8701", "--xds", "[::1]:8702"))
    assert cluster["type"] == "STATIC"
    assert "transport_socket" not in cluster


def test_the_admin_interface_is_a_socket_or_on_loopback(switchover: Runs) -> None:
    here = ("--xds", "localhost:8701")
    pipe = _bootstrap(switchover, *here, "--admin", "/run/envoy.sock")["admin"]["address"]
    assert pipe == {"pipe": {"path": "/run/envoy.sock", "mode": 0o600}}
    socket_address = _bootstrap(switchover, *here, "--admin", "127.0.0.1:9901")["admin"]["address"]
    assert socket_address == {"socket_address": {"address": "127.0.0.1", "port_value": 9901}}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--node-id", "a b", "--xds", "127.0.0.1:1"), ["--node-id"]),
        (("--node-id", "a", "--xds", "127.0.0.1"), ["--xds"]),
        (("--node-id", "a", "--xds", "10.0.0.1:8701"), ["--xds"]),
        (("--node-id", "a", "--xds", "r1.example:8701"), ["--xds"]),
        (("--node-id", "a", *REPLICAS, *TLS[:4]), ["--tls-ca"]),
        (("--node-id", "a", *REPLICAS, *TLS[:4], "--tls-ca", "ca.pem"), ["--tls-ca"]),
        (("--node-id", "a", *REPLICAS, *TLS[2:4]), ["--tls-certificate", "--tls-ca"]),
        (("--node-id", "a", "--xds", "127.0.0.1:1", "--admin", "10.0.0.1:9901"), ["--admin"]),
        (("--node-id", "a", "--xds", "127.0.0.1:1", "--admin", "admin.sock"), ["--admin"]),
    ],
)
def test_what_cannot_be_is_named_and_nothing_is_printed(
    switchover: Runs, arguments: tuple[str, ...], named: list[str]
) -> None:
    code, out, err = switchover("node", "bootstrap", *arguments)
    assert (code, out) == (2, "")
    lines = [line.removeprefix("switchover: ") for line in err.splitlines()]
    assert [line.partition(": ")[0] for line in lines] == named
