"""The operations that explain, and list what happened."""

from switchover.api.auth.permissions import Permission
from switchover.api.errors import Code, OperationCodes
from switchover.api.operations.operation import Method, Operation

EXPLAIN_EVENT = Operation(
    name="explainFailoverEvent",
    method=Method.GET,
    path="/proxy/failover/events/{eventId}/explanation",
    summary="Explain a recorded move, with the evidence that replays it",
    permission=Permission.EVENT_READ,
    codes=OperationCodes(invalid=Code.REQUEST_INVALID, failed=Code.EXPLAIN_EVENT_FAILED),
)

EXPLAIN = Operation(
    name="explainFailover",
    method=Method.GET,
    path="/proxy/{proxyId}/failover/explain",
    summary="Explain why nothing happens now, or what is about to",
    permission=Permission.FAILOVER_EVALUATE,
    codes=OperationCodes(invalid=Code.REQUEST_INVALID, failed=Code.EXPLAIN_FAILED),
)

LIST_TRANSITIONS = Operation(
    name="listHealthTransitions",
    method=Method.GET,
    path="/proxy/{proxyId}/health-transitions",
    summary="List what turned in the health of a proxy's instances, newest first",
    permission=Permission.EVENT_READ,
    codes=OperationCodes(invalid=Code.LIST_TRANSITIONS_FAILED, failed=Code.LIST_TRANSITIONS_FAILED),
)

LIST_AUDIT = Operation(
    name="listAudit",
    method=Method.GET,
    path="/proxy/{proxyId}/audit",
    summary="List who changed what of a proxy, newest first",
    permission=Permission.EVENT_READ,
    codes=OperationCodes(invalid=Code.LIST_AUDIT_FAILED, failed=Code.LIST_AUDIT_FAILED),
)
