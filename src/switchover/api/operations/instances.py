"""The operations of instances."""

from http import HTTPStatus

from switchover.api.auth.permissions import Permission
from switchover.api.errors import Code, OperationCodes
from switchover.api.operations.operation import Method, Operation

REGISTER_INSTANCE = Operation(
    name="registerInstance",
    method=Method.POST,
    path="/proxy/instances",
    summary="Register an instance",
    permission=Permission.INSTANCE_WRITE,
    codes=OperationCodes(invalid=Code.REGISTER_INSTANCE_INVALID, failed=Code.REGISTER_INSTANCE_FAILED),
    success=HTTPStatus.CREATED,
    conflicts=True,
)

LIST_INSTANCES = Operation(
    name="listInstances",
    method=Method.GET,
    path="/proxy/{proxyId}/instances",
    summary="List a proxy's instances by preference",
    permission=Permission.INSTANCE_READ,
    codes=OperationCodes(invalid=Code.LIST_INSTANCES_FAILED, failed=Code.LIST_INSTANCES_FAILED),
)

REPORT_HEALTH = Operation(
    name="reportHealth",
    method=Method.PUT,
    path="/proxy/instances/{instanceId}/health",
    summary="Report an instance's health and metrics",
    permission=Permission.HEALTH_REPORT,
    codes=OperationCodes(invalid=Code.REPORT_HEALTH_INVALID, failed=Code.REPORT_HEALTH_FAILED),
    conflicts=True,
)

CHANGE_INSTANCE = Operation(
    name="changeInstance",
    method=Method.PATCH,
    path="/proxy/instances/{instanceId}",
    summary="Change an instance",
    permission=Permission.INSTANCE_WRITE,
    codes=OperationCodes(invalid=Code.CHANGE_INSTANCE_INVALID, failed=Code.CHANGE_INSTANCE_FAILED),
    conflicts=True,
)

DELETE_INSTANCE = Operation(
    name="deleteInstance",
    method=Method.DELETE,
    path="/proxy/instances/{instanceId}",
    summary="Delete an instance; its history stays",
    permission=Permission.INSTANCE_WRITE,
    codes=OperationCodes(invalid=Code.REQUEST_INVALID, failed=Code.DELETE_INSTANCE_FAILED),
    conflicts=True,
)

SET_ADMIN_STATE = Operation(
    name="setAdminState",
    method=Method.PUT,
    path="/proxy/instances/{instanceId}/admin-state",
    summary="Order an instance ready, to drain, or into maintenance",
    permission=Permission.INSTANCE_WRITE,
    codes=OperationCodes(invalid=Code.ADMIN_STATE_INVALID, failed=Code.ADMIN_STATE_FAILED),
    conflicts=True,
)

UNDAMP = Operation(
    name="undamp",
    method=Method.DELETE,
    path="/proxy/instances/{instanceId}/damping",
    summary="Clear an instance's damping",
    permission=Permission.INSTANCE_WRITE,
    codes=OperationCodes(invalid=Code.REQUEST_INVALID, failed=Code.UNDAMP_FAILED),
    conflicts=True,
)

LIST_METRICS = Operation(
    name="listInstanceMetrics",
    method=Method.GET,
    path="/proxy/instances/{instanceId}/metrics",
    summary="List an instance's metrics over time, newest first",
    permission=Permission.METRICS_READ,
    codes=OperationCodes(invalid=Code.LIST_METRICS_FAILED, failed=Code.LIST_METRICS_FAILED),
)
