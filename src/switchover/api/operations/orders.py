"""The operations of what is ordered for later: scheduled switchovers and drills."""

from http import HTTPStatus

from switchover.api.auth.permissions import Permission
from switchover.api.errors import Code, OperationCodes
from switchover.api.operations.operation import Method, Operation

CANCEL_SWITCHOVER = Operation(
    name="cancelSwitchover",
    method=Method.DELETE,
    path="/proxy/{proxyId}/scheduled-switchover",
    summary="Cancel the scheduled switchover",
    permission=Permission.FAILOVER_EXECUTE,
    codes=OperationCodes(invalid=Code.REQUEST_INVALID, failed=Code.CANCEL_SWITCHOVER_FAILED),
    conflicts=True,
)

START_DRILL = Operation(
    name="startDrill",
    method=Method.POST,
    path="/proxy/{proxyId}/drills",
    summary="Move to the best standby and back again, to know that it works",
    permission=Permission.FAILOVER_EXECUTE,
    codes=OperationCodes(invalid=Code.START_DRILL_INVALID, failed=Code.START_DRILL_FAILED),
    success=HTTPStatus.CREATED,
    conflicts=True,
)

LIST_DRILLS = Operation(
    name="listDrills",
    method=Method.GET,
    path="/proxy/{proxyId}/drills",
    summary="List a proxy's drills, newest first",
    permission=Permission.EVENT_READ,
    codes=OperationCodes(invalid=Code.LIST_DRILLS_FAILED, failed=Code.LIST_DRILLS_FAILED),
)

CANCEL_DRILL = Operation(
    name="cancelDrill",
    method=Method.DELETE,
    path="/proxy/{proxyId}/drills",
    summary="Cancel the drill that has not ended",
    permission=Permission.FAILOVER_EXECUTE,
    codes=OperationCodes(invalid=Code.REQUEST_INVALID, failed=Code.CANCEL_DRILL_FAILED),
    conflicts=True,
)
