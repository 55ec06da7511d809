"""Instances, metrics, reports, declared redundancy and outcomes, as they are sent."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from switchover.control.documents import (
    Completion,
    InstanceData,
    MetricsData,
    parse_admin_order,
    parse_completion,
    parse_health,
    parse_instance,
    parse_instance_changes,
    parse_metrics,
    parse_redundancy,
)
from switchover.model.address import Address
from switchover.model.errors import InvalidInput
from switchover.model.events import EventStatus
from switchover.model.instance import AdminState, Instance
from switchover.model.observation import Health
from switchover.model.redundancy import RedundancyLevel, RedundancySource, RedundancyStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AN_ID = UUID("00000000-0000-7000-8000-000000000001")
ANOTHER_ID = UUID("00000000-0000-7000-8000-000000000002")
STORED = Instance(
    instance_id=AN_ID,
    proxy_id="web",
    name="web-1",
    priority=10,
    weight=5,
    address=Address("10.0.0.7", 8080),
    created_at=NOW,
)
STATUS = RedundancyStatus(
    proxy_id="web",
    total_instances=2,
    healthy_instances=1,
    unhealthy_instances=1,
    active_instance_id=AN_ID,
    backup_instance_ids=(),
    redundancy_level=RedundancyLevel.DUAL,
    is_degraded=True,
    last_failover_at=None,
    last_failover_reason=None,
    epoch=3,
    source=RedundancySource.DERIVED,
    updated_at=NOW,
)


def fields_of(error: pytest.ExceptionInfo[InvalidInput]) -> set[str]:
    return {problem.field for problem in error.value.problems}


def test_an_instance_needs_a_name_alone() -> None:
    assert parse_instance({"instanceName": "web-1"}) == InstanceData(
        name="web-1", instance_type="standard", priority=100, weight=100, address=None
    )


def test_everything_about_an_instance_can_be_said() -> None:
    data = {
        "instanceName": "Café 健康 1",
        "instanceType": "spot",
        "priority": 0,
        "weight": 1,
        "address": "[2001:db8::7]:8080",
    }
    assert parse_instance(data) == InstanceData(
        name="Café 健康 1", instance_type="spot", priority=0, weight=1, address=Address("2001:db8::7", 8080)
    )


@pytest.mark.parametrize("data", [{}, {"instanceName": None}, {"instance_name": "web-1"}, None, [], "web-1"])
def test_an_instance_without_a_name_is_none(data: Any) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_instance(data)
    assert all(field.startswith("instanceData") for field in fields_of(error))


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("instanceName", ("", " web", "web\n", "a\x00", "x" * 256, "a\u202eb", "\ud800", 1)),
        ("instanceType", ("", "x" * 64, 1)),
        ("priority", (-1, 1_000_001, "1", 1.5, 1e300, float("inf"), True)),
        ("weight", (0, 1_000_001, "1", False)),
        ("address", ("web", "web:0", "web:65536", "http://web:1", "169.254.169.254:80", "1.2.3:80", 80, "")),
        ("adminState", ("drain",)),
    ],
)
def test_bounds_of_an_instance(field: str, values: tuple[Any, ...]) -> None:
    for value in values:
        with pytest.raises(InvalidInput) as error:
            parse_instance({"instanceName": "web-1"} | {field: value})
        assert fields_of(error) == {f"instanceData.{field}"}, value


def test_a_whole_number_may_be_written_with_a_point() -> None:
    # JSON Schema, and so our OpenAPI document, calls 20.0 an integer.
    priority = parse_instance({"instanceName": "web-1", "priority": 20.0}).priority
    assert (priority, type(priority)) == (20, int)


def test_a_change_leaves_what_it_does_not_name() -> None:
    assert parse_instance_changes({"priority": 20}, STORED) == InstanceData(
        name="web-1", instance_type="standard", priority=20, weight=5, address=Address("10.0.0.7", 8080)
    )
    assert parse_instance_changes({}, STORED).priority == 10


def test_null_in_a_change_is_back_to_the_default() -> None:
    changed = parse_instance_changes({"priority": None, "weight": None, "address": None}, STORED)
    assert (changed.priority, changed.weight, changed.address) == (100, 100, None)
    with pytest.raises(InvalidInput) as error:
        parse_instance_changes({"instanceName": None}, STORED)
    assert fields_of(error) == {"instanceName"}


def test_a_sample_says_what_it_says() -> None:
    assert parse_metrics(None).is_empty
    assert parse_metrics({"cpuPercent": None}).is_empty
    sample = parse_metrics({"cpuPercent": 41.5, "connectionCount": 0})
    assert sample == MetricsData(cpu_percent=41.5, connection_count=0)
    assert not sample.is_empty


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cpuPercent", 101),
        ("memoryPercent", -1),
        ("errorRate", 1.01),
        ("connectionCount", 1.5),
        ("connectionCount", 2**31),
        ("averageLatencyMs", float("inf")),
        ("requestRate", "12"),
        ("throughputMbps", True),
        ("latency", 1),
    ],
)
def test_bounds_of_a_sample(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_metrics({field: value})
    assert fields_of(error) == {f"metrics.{field}"}


def test_words_for_health_and_admin_state_are_exact() -> None:
    assert parse_health("unhealthy") is Health.UNHEALTHY
    assert parse_admin_order("maintenance").state is AdminState.MAINTENANCE
    for wrong in ("Healthy", "up", "", None, 1, ["healthy"]):
        with pytest.raises(InvalidInput, match="unknown, healthy, unhealthy"):
            parse_health(wrong)
        with pytest.raises(InvalidInput, match="ready, drain, maintenance"):
            parse_admin_order(wrong)


def test_a_declaration_changes_what_it_names() -> None:
    changes = parse_redundancy(
        {
            "isDegraded": False,
            "backupInstanceIds": [str(ANOTHER_ID)],
            "lastFailoverAt": "2026-01-01T01:00:00+01:00",
        }
    )
    assert not changes.names_active
    declared = changes.declare(STATUS, NOW)
    assert declared.source is RedundancySource.DECLARED
    assert declared.is_degraded is False
    assert declared.backup_instance_ids == (ANOTHER_ID,)
    assert declared.last_failover_at == NOW
    assert declared.total_instances == 2


def test_a_declaration_may_name_the_active_or_nobody() -> None:
    named = parse_redundancy({"activeInstanceId": str(ANOTHER_ID)})
    assert (named.names_active, named.active_instance_id) == (True, ANOTHER_ID)
    nobody = parse_redundancy({"activeInstanceId": None})
    assert (nobody.names_active, nobody.active_instance_id) == (True, None)


def test_counts_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(InvalidInput, match="which is 4"):
        parse_redundancy({"healthyInstances": 3}).declare(STATUS, NOW)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("totalInstances", -1),
        ("totalInstances", None),
        ("healthyInstances", "1"),
        ("activeInstanceId", "web-1"),
        ("activeInstanceId", "{00000000-0000-7000-8000-000000000001}"),
        ("redundancyLevel", "triple"),
        ("isDegraded", 1),
        ("lastFailoverAt", "2026-01-01T00:00:00"),
        ("lastFailoverAt", "yesterday"),
        ("lastFailoverAt", 1767225600),
        ("lastFailoverAt", "0001-01-01T00:00:00+14:00"),
        ("lastFailoverReason", "a\nb"),
        ("epoch", 4),
        ("source", "derived"),
    ],
)
def test_bounds_of_a_declaration(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_redundancy({field: value})
    assert fields_of(error) == {field}


def test_an_outcome_is_completed_or_failed() -> None:
    assert parse_completion({"status": "completed"}) == Completion(
        status=EventStatus.COMPLETED, error_message=None, duration_ms=None
    )
    failed = parse_completion({"status": "failed", "errorMessage": "no route\nto host", "durationMs": 12.5})
    assert failed == Completion(
        status=EventStatus.FAILED, error_message="no route\nto host", duration_ms=12.5
    )


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "status"),
        ({"status": "in_progress"}, "status"),
        ({"status": None}, "status"),
        ({"status": "failed", "errorMessage": ""}, "errorMessage"),
        ({"status": "failed", "errorMessage": "x" * 4001}, "errorMessage"),
        ({"status": "failed", "errorMessage": "\x1b[2J"}, "errorMessage"),
        ({"status": "failed", "durationMs": -1}, "durationMs"),
    ],
)
def test_bounds_of_an_outcome(data: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_completion(data)
    assert fields_of(error) == {field}
