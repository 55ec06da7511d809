import pytest
from envoy.service.discovery.v3 import discovery_pb2
from envoy.service.load_stats.v3 import lrs_pb2

from switchover.switch.envoy.messages import (
    DeltaResponse,
    EndpointLoad,
    LoadReportOrder,
    NamedResource,
    ResourceKind,
    decode_load_report,
    decode_request,
    duration,
    encode,
    encode_load_report_order,
    encode_response,
)


def test_a_request_is_read_whole() -> None:
    message = discovery_pb2.DeltaDiscoveryRequest(
        node={"id": "n"},
        type_url="t",
        resource_names_subscribe=["a"],
        resource_names_unsubscribe=["b"],
        initial_resource_versions={"c": "1"},
        response_nonce="7",
        error_detail={"code": 3, "message": "no"},
    )

    request = decode_request(message.SerializeToString())

    assert (request.node_id, request.type_url, request.nonce, request.error) == ("n", "t", "7", "no")
    assert (request.subscribe, request.unsubscribe, request.initial_versions) == (("a",), ("b",), {"c": "1"})


def test_an_acknowledgement_has_no_error_and_an_error_may_have_no_words() -> None:
    assert decode_request(b"").error is None
    wordless = discovery_pb2.DeltaDiscoveryRequest(error_detail={"code": 3})
    assert decode_request(wordless.SerializeToString()).error == ""


def test_a_response_is_written_whole() -> None:
    resource = NamedResource(kind=ResourceKind.ROUTE, name="web", version="v", payload=b"\x0a\x01x")
    response = DeltaResponse(kind=ResourceKind.ROUTE, nonce="7", resources=(resource,), removed=("gone",))

    message = discovery_pb2.DeltaDiscoveryResponse.FromString(encode_response(response))

    assert (message.type_url, message.nonce) == (ResourceKind.ROUTE.value, "7")
    assert list(message.removed_resources) == ["gone"]
    [sent] = message.resources
    assert (sent.name, sent.version, sent.resource.value) == ("web", "v", b"\x0a\x01x")
    assert sent.resource.type_url == ResourceKind.ROUTE.value


def test_a_wrong_field_is_an_error_and_not_left_out() -> None:
    with pytest.raises(ValueError, match="colour"):
        encode(ResourceKind.CLUSTER, {"name": "web", "colour": "green"})
    with pytest.raises(TypeError):
        encode(ResourceKind.CLUSTER, {"name": 7})


@pytest.mark.parametrize(
    ("seconds", "parts"),
    [(0, (0, 0)), (0.05, (0, 50_000_000)), (1.25, (1, 250_000_000)), (0.9999999999, (1, 0)), (60, (60, 0))],
)
def test_durations_are_exact_to_the_nanosecond(seconds: float, parts: tuple[int, int]) -> None:
    assert tuple(duration(seconds).values()) == parts


def test_a_load_report_is_read_per_endpoint() -> None:
    message = lrs_pb2.LoadStatsRequest(
        node={"id": "n"},
        cluster_stats=[
            {
                "cluster_name": "web",
                "upstream_locality_stats": [
                    {
                        "locality": {"sub_zone": "epoch-3"},
                        "upstream_endpoint_stats": [
                            {
                                "address": {"socket_address": {"address": "10.0.0.1", "port_value": 80}},
                                "total_successful_requests": 5,
                                "total_error_requests": 2,
                                "total_requests_in_progress": 1,
                            }
                        ],
                    }
                ],
            }
        ],
    )

    report = decode_load_report(message.SerializeToString())

    assert report.node_id == "n"
    assert report.loads == (
        EndpointLoad(
            cluster="web",
            sub_zone="epoch-3",
            host="10.0.0.1",
            port=80,
            successes=5,
            errors=2,
            in_progress=1,
        ),
    )


def test_reports_are_asked_for_per_endpoint_of_every_cluster() -> None:
    message = lrs_pb2.LoadStatsResponse.FromString(
        encode_load_report_order(LoadReportOrder(interval_seconds=0.5))
    )

    assert message.send_all_clusters
    assert message.report_endpoint_granularity
    assert message.load_reporting_interval.ToMilliseconds() == 500
