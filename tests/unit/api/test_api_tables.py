"""The tables that the API is built from are complete: operations, permissions, roles, codes."""

import json
import re
from typing import Any

import pytest
from fastapi.routing import APIRoute

from switchover.api.auth.permissions import Permission
from switchover.api.auth.roles import GRANTS, Role
from switchover.api.errors import MEANINGS, Code
from switchover.api.examples import SUCCESSES
from switchover.api.operations import OPERATIONS
from switchover.api.operations.operation import Method
from switchover.api.reference import error_table, permissions_table
from switchover.api.routes import automation, configuration, failover, history, instances, orders, recovery

CONTRACT = {
    ("POST", "/proxy/failover/config"): ("001", "002", None),
    ("GET", "/proxy/failover/config/{proxyId}"): ("031", "004", "003"),
    ("POST", "/proxy/instances"): ("005", "006", None),
    ("GET", "/proxy/{proxyId}/instances"): ("007", "007", None),
    ("PUT", "/proxy/instances/{instanceId}/health"): ("008", "009", None),
    ("POST", "/proxy/failover/evaluate"): ("010", "011", None),
    ("POST", "/proxy/failover/execute"): ("012", "013", None),
    ("PUT", "/proxy/failover/events/{eventId}/complete"): ("014", "015", None),
    ("GET", "/proxy/{proxyId}/redundancy"): ("031", "017", "016"),
    ("PUT", "/proxy/{proxyId}/redundancy"): ("018", "018", None),
    ("GET", "/proxy/{proxyId}/failover/events"): ("019", "019", None),
}


def test_the_eleven_endpoints_have_the_codes_of_the_contract() -> None:
    served = {
        (op.method.value, op.path): tuple(
            None if code is None else code.value.removeprefix("PROXY_FAILOVER_")
            for code in (op.codes.invalid, op.codes.failed, op.codes.not_found)
        )
        for op in OPERATIONS.values()
    }
    assert {place: codes for place, codes in served.items() if place in CONTRACT} == CONTRACT


def test_every_operation_is_served_and_nothing_else() -> None:
    served = [
        route.operation_id
        for module in (automation, configuration, failover, history, instances, orders, recovery)
        for route in module.router.routes
    ]
    assert sorted(served) == sorted(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_body_has_an_example_that_is_valid(name: str) -> None:
    operation = OPERATIONS[name]
    (route,) = [
        route
        for module in (automation, configuration, failover, history, instances, orders, recovery)
        for route in module.router.routes
        if isinstance(route, APIRoute) and route.operation_id == name
    ]
    assert route.response_model.model_validate_json(json.dumps(SUCCESSES[name]))
    assert (route.body_field is not None) == operation.takes_body
    if route.body_field is not None:
        document: Any = route.body_field.field_info.annotation
        examples = document.model_json_schema()["examples"]
        assert [document.model_validate(example).as_sent() for example in examples]


def test_every_permission_is_needed_somewhere_and_granted_to_admins() -> None:
    assert {op.permission for op in OPERATIONS.values()} == set(Permission)
    assert GRANTS[Role.ADMIN].permissions == set(Permission)
    assert GRANTS.keys() == set(Role)


def test_viewers_change_nothing() -> None:
    for operation in OPERATIONS.values():
        if operation.permission in GRANTS[Role.VIEWER].permissions:
            assert operation.method is Method.GET or operation.name == "evaluateFailover"


def test_only_admins_reach_every_proxy_and_move_them() -> None:
    assert [role for role in Role if GRANTS[role].every_proxy] == [Role.ADMIN]
    admins_alone = GRANTS[Role.ADMIN].permissions - GRANTS[Role.USER].permissions
    assert admins_alone == {
        Permission.FAILOVER_EXECUTE,
        Permission.EVENT_COMPLETE,
        Permission.REDUNDANCY_DECLARE,
        Permission.NODE_READ,
        Permission.REPLICA_READ,
    }


def test_every_code_has_a_meaning_and_its_number_once() -> None:
    assert MEANINGS.keys() == set(Code)
    assert [code.value for code in Code] == [f"PROXY_FAILOVER_{n:03}" for n in range(1, len(Code) + 1)]


def test_the_tables_for_the_documentation_name_everything() -> None:
    permissions = permissions_table()
    assert "| `GET /proxy` | `proxy:read` | every proxy | own proxies | own proxies |" in permissions
    assert "| `POST /proxy/failover/execute` | `failover:execute` | every proxy | no | no |" in permissions
    assert len(permissions.splitlines()) == len(OPERATIONS) + 2
    assert len(re.findall(r"^\| `PROXY_FAILOVER_\d{3}` \| \S", error_table(), re.MULTILINE)) == len(Code)
