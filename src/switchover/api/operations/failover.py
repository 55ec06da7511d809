"""The operations of moves, their events and redundancy, and of who makes them: nodes and replicas."""

from switchover.api.auth.permissions import Permission
from switchover.api.errors import Code, OperationCodes
from switchover.api.operations.operation import Method, Operation

EVALUATE = Operation(
    name="evaluateFailover",
    method=Method.POST,
    path="/proxy/failover/evaluate",
    summary="Ask what the policy says; nothing changes",
    permission=Permission.FAILOVER_EVALUATE,
    codes=OperationCodes(invalid=Code.EVALUATE_INVALID, failed=Code.EVALUATE_FAILED),
)

EXECUTE = Operation(
    name="executeFailover",
    method=Method.POST,
    path="/proxy/failover/execute",
    summary="Move from the active instance to another",
    permission=Permission.FAILOVER_EXECUTE,
    codes=OperationCodes(invalid=Code.EXECUTE_INVALID, failed=Code.EXECUTE_FAILED),
    conflicts=True,
)

SWITCH_OVER = Operation(
    name="switchOver",
    method=Method.POST,
    path="/proxy/failover/switchover",
    summary="Move to an instance, or to the best eligible standby",
    permission=Permission.FAILOVER_EXECUTE,
    codes=OperationCodes(invalid=Code.SWITCHOVER_INVALID, failed=Code.SWITCHOVER_FAILED),
    conflicts=True,
)

COMPLETE = Operation(
    name="completeFailoverEvent",
    method=Method.PUT,
    path="/proxy/failover/events/{eventId}/complete",
    summary="Report the outcome of a move that no node carries",
    permission=Permission.EVENT_COMPLETE,
    codes=OperationCodes(invalid=Code.COMPLETE_INVALID, failed=Code.COMPLETE_FAILED),
    conflicts=True,
)

GET_REDUNDANCY = Operation(
    name="getRedundancy",
    method=Method.GET,
    path="/proxy/{proxyId}/redundancy",
    summary="Read a proxy's redundancy",
    permission=Permission.REDUNDANCY_READ,
    codes=OperationCodes(
        invalid=Code.REQUEST_INVALID,
        failed=Code.GET_REDUNDANCY_FAILED,
        not_found=Code.REDUNDANCY_NOT_FOUND,
    ),
)

DECLARE_REDUNDANCY = Operation(
    name="declareRedundancy",
    method=Method.PUT,
    path="/proxy/{proxyId}/redundancy",
    summary="Declare a proxy's redundancy until the next derived change",
    permission=Permission.REDUNDANCY_DECLARE,
    codes=OperationCodes(invalid=Code.DECLARE_REDUNDANCY_FAILED, failed=Code.DECLARE_REDUNDANCY_FAILED),
    conflicts=True,
)

LIST_EVENTS = Operation(
    name="listFailoverEvents",
    method=Method.GET,
    path="/proxy/{proxyId}/failover/events",
    summary="List a proxy's events, newest first",
    permission=Permission.EVENT_READ,
    codes=OperationCodes(invalid=Code.LIST_EVENTS_FAILED, failed=Code.LIST_EVENTS_FAILED),
)

LIST_NODES = Operation(
    name="listNodes",
    method=Method.GET,
    path="/nodes",
    summary="List the data-plane nodes and what they refuse",
    permission=Permission.NODE_READ,
    codes=OperationCodes(invalid=Code.LIST_NODES_FAILED, failed=Code.LIST_NODES_FAILED),
    misses=False,
)

LIST_REPLICAS = Operation(
    name="listReplicas",
    method=Method.GET,
    path="/replicas",
    summary="List the replicas and what each of them owns",
    permission=Permission.REPLICA_READ,
    codes=OperationCodes(invalid=Code.LIST_REPLICAS_FAILED, failed=Code.LIST_REPLICAS_FAILED),
    misses=False,
)
