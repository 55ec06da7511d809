"""What a configuration may say, what it becomes, and what is said about one that is wrong."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.control.documents import problems

from switchover.control.documents import parse_policy, policy_document
from switchover.control.documents.document import MOST_PROBLEMS
from switchover.model.errors import FieldProblem, InvalidInput
from switchover.model.policy import (
    CheckType,
    FailoverPolicy,
    HealthCheck,
    Listener,
    Protocol,
    StatusRange,
    Strategy,
)
from switchover.model.quorum import Quorum

STORED = FailoverPolicy(
    failover_strategy=Strategy.ROUND_ROBIN,
    health_check_interval_seconds=7,
    given_timeout_seconds=3,
    health_check=HealthCheck(type=CheckType.HTTP, path="/health", host="web.example"),
    listener=Listener(address="127.0.0.1", port=10000),
)


def test_no_configuration_is_the_defaults_or_what_is_stored() -> None:
    assert parse_policy(None, None) == FailoverPolicy()
    assert parse_policy({}, None) == FailoverPolicy()
    assert parse_policy(None, STORED) is STORED
    assert parse_policy({}, STORED) == STORED


def test_the_defaults_in_force_are_those_of_the_contract() -> None:
    assert policy_document(FailoverPolicy()) == {
        "failoverStrategy": "priority",
        "healthCheckIntervalSeconds": 30.0,
        "healthCheckTimeoutSeconds": 5.0,
        "unhealthyThreshold": 3,
        "healthyThreshold": 2,
        "maxRecoveryAttempts": 3,
        "recoveryBackoffSeconds": 5.0,
        "enableAutoFailover": True,
        "enableAutoRecovery": True,
        "enableLoadBalancing": False,
        "loadBalancingAlgorithm": "round_robin",
        "healthCheck": {
            "type": "tcp",
            "scheme": "http",
            "method": "GET",
            "path": "/",
            "host": None,
            "port": None,
            "expectedStatuses": ["200-399"],
            "bodyContains": None,
            "maxResponseBytes": 65536,
            "serverName": None,
            "verify": True,
            "expiryWarningDays": 14,
            "service": "",
        },
        "listener": None,
        "traffic": {"requestTimeoutSeconds": 60.0, "tryIdleTimeoutSeconds": 5.0, "retries": 2},
        "exclusive": False,
        "switchTimeoutSeconds": 10.0,
        "fastIntervalSeconds": 1.0,
        "failbackHoldDownSeconds": 5.0,
        "maxFailbacks": 3,
        "flapDamping": {
            "enabled": True,
            "halfLifeSeconds": 120.0,
            "suppressLimit": 3.0,
            "reuseLimit": 1.0,
            "maxHoldSeconds": 600.0,
        },
        "minDwellSeconds": 1.0,
        "failback": "automatic",
        "failbackWindow": None,
        "allDown": "keep_last",
        "rules": {"minServing": None, "moveLimit": None, "gates": [], "freezes": []},
        "recoveryAction": {"type": "none", "url": None, "command": None},
        "quorum": {"observers": 1, "agree": 1},
    }


def test_what_is_not_given_stays_as_it_is_stored() -> None:
    merged = parse_policy({"unhealthyThreshold": 5}, STORED)
    assert merged.unhealthy_threshold == 5
    assert merged.failover_strategy is Strategy.ROUND_ROBIN
    assert merged.health_check == STORED.health_check


def test_nested_objects_are_merged_field_by_field() -> None:
    merged = parse_policy(
        {"healthCheck": {"path": "/ready"}, "listener": {"port": 10001}, "traffic": {"retries": 0}}, STORED
    )
    assert (merged.health_check.path, merged.health_check.host) == ("/ready", "web.example")
    assert merged.listener == Listener(address="127.0.0.1", port=10001)
    assert (merged.traffic.retries, merged.traffic.request_timeout_seconds) == (0, 60.0)


def test_null_is_back_to_the_default() -> None:
    reset = parse_policy({"failoverStrategy": None, "healthCheckTimeoutSeconds": None}, STORED)
    assert reset.failover_strategy is Strategy.PRIORITY
    assert reset.given_timeout_seconds is None
    assert reset.health_check_timeout_seconds == 5.0
    assert parse_policy({"healthCheck": {"path": None}}, STORED).health_check.path == "/"
    assert parse_policy({"healthCheck": None}, STORED).health_check == HealthCheck()
    assert parse_policy({"listener": None}, STORED).listener is None
    assert parse_policy({"listener": {"address": None}}, STORED).listener == Listener(port=10000)


def test_a_timeout_that_is_not_given_follows_a_shorter_interval() -> None:
    policy = parse_policy({"healthCheckIntervalSeconds": 0.5}, None)
    assert policy_document(policy)["healthCheckTimeoutSeconds"] == 0.5
    assert policy_document(policy)["fastIntervalSeconds"] == 0.5


def test_a_first_listener_needs_a_port() -> None:
    assert "required" in problems({"listener": {"address": "127.0.0.1"}})["config.listener.port"]
    assert "required" in problems({"listener": {"port": None}}, STORED)["config.listener.port"]


def test_relations_name_both_numbers() -> None:
    said = problems({"healthCheckIntervalSeconds": 2, "healthCheckTimeoutSeconds": 3})
    assert said == {
        "config.healthCheckTimeoutSeconds": "allowed is at most healthCheckIntervalSeconds, which is 2"
    }
    # Against what is stored, too.
    assert "config.healthCheckTimeoutSeconds" in problems({"healthCheckIntervalSeconds": 1}, STORED)
    assert "config.enableLoadBalancing" in problems({"exclusive": True, "enableLoadBalancing": True})


def test_every_problem_is_listed_at_once() -> None:
    said = problems(
        {
            "failoverStrategy": "fastest",
            "unhealthyThreshold": 0,
            "healthCheck": {"path": "health", "expectedStatuses": [200, 99]},
            "listener": {"address": "web.example", "port": 0},
        }
    )
    assert said == {
        "config.failoverStrategy": "allowed are priority, round_robin, least_connections",
        "config.unhealthyThreshold": "allowed is a whole number from 1 to 100",
        "config.healthCheck.path": said["config.healthCheck.path"],
        "config.healthCheck.expectedStatuses[1]": 'allowed is a status from 100 to 599 or a range such as "200-299"',
        "config.listener.address": said["config.listener.address"],
        "config.listener.port": "allowed is a whole number from 1 to 65535",
    }
    assert "begins with /" in said["config.healthCheck.path"]
    assert "IPv4 or IPv6" in said["config.listener.address"]


def test_an_unknown_field_is_named_with_the_nearest_one() -> None:
    said = problems({"helthCheck": {}, "healthCheck": {"expectedStatus": [200]}})
    assert "did you mean healthCheck?" in said["config.helthCheck"]
    assert "did you mean expectedStatuses?" in said["config.healthCheck.expectedStatus"]
    assert (
        "allowed are requestTimeoutSeconds, tryIdleTimeoutSeconds, retries"
        in (problems({"traffic": {"x": 1}})["config.traffic.x"])
    )


def test_tcp_listeners_are_refused_for_now() -> None:
    said = problems({"listener": {"port": 1, "protocol": "tcp"}})["config.listener.protocol"]
    assert "TCP listeners are not supported yet" in said
    assert parse_policy({"listener": {"port": 1, "protocol": "http"}}, None).listener == Listener(
        port=1, protocol=Protocol.HTTP
    )


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (
            "healthCheckIntervalSeconds",
            (0.05, 1, 86400),
            (0.049, 0, -1, 86401, "5", True, math.nan, math.inf),
        ),
        ("switchTimeoutSeconds", (0.05, 3600), (0, "1s", [1])),
        ("recoveryBackoffSeconds", (0.05, 300), (0, 301)),
        ("failbackHoldDownSeconds", (0.05, 300), (0, 300.5)),
        ("unhealthyThreshold", (1, 100), (0, 101, 2.5, "3", True, 10**400)),
        ("healthyThreshold", (1, 100), (0, 101)),
        ("maxRecoveryAttempts", (0, 100), (-1, 101)),
        ("maxFailbacks", (1, 100), (0, 101)),
        ("minDwellSeconds", (0, 300), (-0.1, 300.1)),
        ("enableAutoFailover", (True, False), (1, 0, "true", "yes")),
        ("exclusive", (True, False), (1, "on")),
        ("loadBalancingAlgorithm", ("weighted", "round_robin"), ("random", "WEIGHTED", 1, ["weighted"])),
        ("failoverStrategy", ("priority", "least_connections"), ("", "Priority", {}, True)),
        ("healthCheck", ({}, None), (5, "tcp", [], True)),
    ],
)
def test_bounds_of_settings(field: str, good: tuple[Any, ...], bad: tuple[Any, ...]) -> None:
    for value in good:
        parse_policy({field: value}, None)
    for value in bad:
        assert f"config.{field}" in problems({field: value}), value


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("type", ("tcp", "http", "tls", "heartbeat", "none"), ("ping", "HTTP", 1)),
        ("method", ("GET", "HEAD", "OPTIONS"), ("POST", "get", ["GET"], 1)),
        (
            "path",
            ("/", "/a?b=c", "/%20", "/" + "a" * 2047),
            ("", "a", "/a b", "/a\n", "/ä", "/#a", "/" + "a" * 2048),
        ),
        (
            "host",
            ("web", "web.example:80", "[::1]:80", "10.0.0.1"),
            ("a b", "a/b", "a\r\nx: y", "", "u@h", "[::1"),
        ),
        ("port", (1, 80.0, 65535), (0, 65536, "80", 80.5, True)),
        (
            "expectedStatuses",
            ([200], ["200-299", 404], ["204"]),
            ([], [99], ["299-200"], "200", [True], ["2xx"], [200.5]),
        ),
        ("bodyContains", ("ok", "well, 健康"), ("", "a\x00b", 1)),
        ("maxResponseBytes", (1, 1048576), (0, 1048577)),
        ("serverName", ("web.example",), ("web example", "")),
        ("verify", (True, False), ("false", 0)),
        ("expiryWarningDays", (0, 3650), (-1, 3651)),
        ("service", ("", "grpc.health.v1.Health"), ("a b",)),
    ],
)
def test_bounds_of_a_health_check(field: str, good: tuple[Any, ...], bad: tuple[Any, ...]) -> None:
    for value in good:
        parse_policy({"healthCheck": {field: value}}, None)
    for value in bad:
        said = problems({"healthCheck": {field: value}})
        assert all(name.startswith(f"config.healthCheck.{field}") for name in said), value


@pytest.mark.parametrize(
    ("address", "stored"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("::", "::"), ("2001:DB8:0::7", "2001:db8::7")],
)
def test_a_listener_takes_an_ip_address_in_one_spelling(address: str, stored: str) -> None:
    listener = parse_policy({"listener": {"address": address, "port": 80}}, None).listener
    assert listener is not None
    assert listener.address == stored


@pytest.mark.parametrize(
    "address", ["localhost", "[::1]", "224.0.0.1", "ff02::1", "fe80::1%eth0", "1.2.3", 1, ""]
)
def test_a_listener_takes_nothing_else(address: Any) -> None:
    assert "config.listener.address" in problems({"listener": {"address": address, "port": 80}})


def test_timeouts_of_requests_may_be_off() -> None:
    traffic = parse_policy(
        {"traffic": {"requestTimeoutSeconds": 0, "tryIdleTimeoutSeconds": 0}}, None
    ).traffic
    assert (traffic.request_timeout_seconds, traffic.try_idle_timeout_seconds) == (0, 0)
    for value in (0.01, -1, math.nan, "0", True, 86401):
        said = problems({"traffic": {"requestTimeoutSeconds": value}})
        assert "which turns it off" in said["config.traffic.requestTimeoutSeconds"]


def test_ranges_of_statuses_are_read_and_written_alike() -> None:
    policy = parse_policy({"healthCheck": {"expectedStatuses": [200.0, "301-308", "404"]}}, None)
    ranges = (StatusRange(200, 200), StatusRange(301, 308), StatusRange(404, 404))
    assert policy.health_check.expected_statuses == ranges
    assert policy_document(policy)["healthCheck"]["expectedStatuses"] == [200, "301-308", 404]


@pytest.mark.parametrize("config", [5, "x", [], True])
def test_a_configuration_is_an_object(config: Any) -> None:
    assert problems(config) == {"config": "allowed is an object"}


def test_values_that_are_shown_are_bounded_and_can_be_json() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_policy(
            {
                "failoverStrategy": "x" * 100_000,
                "unhealthyThreshold": math.nan,
                "y": [[1]] * 99_999,
                "z": [10**5000],
            },
            None,
        )
    assert len(str(caught.value)) < 3_000
    json.dumps([problem.value for problem in caught.value.problems], allow_nan=False)


def test_a_flood_of_unknown_fields_gives_a_bounded_list() -> None:
    assert len(problems({f"x{n}": n for n in range(5_000)})) == MOST_PROBLEMS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*policy_document(FailoverPolicy()), "x", "path", "port"])


@given(st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON)))
def test_whatever_is_sent_becomes_a_valid_policy_or_invalid_input(config: dict[str, Any]) -> None:
    refused: tuple[FieldProblem, ...] = ()
    policy = FailoverPolicy()
    try:
        policy = parse_policy(config, None)
    except InvalidInput as error:
        refused = error.problems
    json.dumps([problem.value for problem in refused], allow_nan=False)
    # What is in force can be sent back as it is, and changes nothing in force.
    assert policy_document(parse_policy(policy_document(policy), None)) == policy_document(policy)


def test_no_more_observers_may_have_to_agree_than_there_are() -> None:
    quorum = {"observers": 3, "agree": 2}
    stored = parse_policy({"quorum": quorum})
    assert stored.quorum == Quorum(observers=3, agree=2)
    assert problems({"quorum": {"observers": 1}}, stored) == {
        "config.quorum.agree": "allowed is at most quorum.observers, which is 1"
    }
    assert problems({"quorum": {"observers": 10, "agree": 0}}) == {
        "config.quorum.observers": "allowed is a whole number from 1 to 9",
        "config.quorum.agree": "allowed is a whole number from 1 to 9",
    }
    assert parse_policy({"quorum": None}, stored).quorum == Quorum()
