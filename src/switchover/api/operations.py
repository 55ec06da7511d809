"""Every operation of the API as data: where it is, who may call it, and how it can fail."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from switchover.api.auth.permissions import Permission
from switchover.api.errors import Code, OperationCodes


class Method(StrEnum):
    """The methods that operations use."""

    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path.

    Attributes:
        name: Its `operationId`.
        method: How it is called.
        path: Where, with parameters in braces.
        summary: What it does, in a few words.
        permission: What its caller must be granted.
        codes: Its own error codes.
        success: The status of its success.
        misses: Whether something that it names may not exist (404).
        conflicts: Whether it may contradict the current state (409).
    """

    name: str
    method: Method
    path: str
    summary: str
    permission: Permission
    codes: OperationCodes
    success: HTTPStatus = HTTPStatus.OK
    misses: bool = True
    conflicts: bool = False

    @property
    def takes_body(self) -> bool:
        """Whether it reads a JSON body."""
        return self.method in {Method.POST, Method.PUT, Method.PATCH}


SAVE_CONFIGURATION = Operation(
    name="saveConfiguration",
    method=Method.POST,
    path="/proxy/failover/config",
    summary="Create a proxy, or merge into its configuration",
    permission=Permission.CONFIGURATION_WRITE,
    codes=OperationCodes(invalid=Code.SAVE_CONFIGURATION_INVALID, failed=Code.SAVE_CONFIGURATION_FAILED),
    success=HTTPStatus.CREATED,
    misses=False,
    conflicts=True,
)
GET_CONFIGURATION = Operation(
    name="getConfiguration",
    method=Method.GET,
    path="/proxy/failover/config/{proxyId}",
    summary="Read a proxy's configuration",
    permission=Permission.CONFIGURATION_READ,
    codes=OperationCodes(
        invalid=Code.REQUEST_INVALID,
        failed=Code.GET_CONFIGURATION_FAILED,
        not_found=Code.CONFIGURATION_NOT_FOUND,
    ),
)
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
LIST_PROXIES = Operation(
    name="listProxies",
    method=Method.GET,
    path="/proxy",
    summary="List proxies with their state, page by page",
    permission=Permission.PROXY_READ,
    codes=OperationCodes(invalid=Code.LIST_PROXIES_FAILED, failed=Code.LIST_PROXIES_FAILED),
    misses=False,
)
GET_PROXY = Operation(
    name="getProxy",
    method=Method.GET,
    path="/proxy/{proxyId}",
    summary="Read one proxy whole",
    permission=Permission.PROXY_READ,
    codes=OperationCodes(invalid=Code.REQUEST_INVALID, failed=Code.GET_PROXY_FAILED),
)
DELETE_PROXY = Operation(
    name="deleteProxy",
    method=Method.DELETE,
    path="/proxy/{proxyId}",
    summary="Delete a proxy and its instances; their history stays",
    permission=Permission.PROXY_DELETE,
    codes=OperationCodes(invalid=Code.REQUEST_INVALID, failed=Code.DELETE_PROXY_FAILED),
    conflicts=True,
)
PIN = Operation(
    name="pin",
    method=Method.PUT,
    path="/proxy/{proxyId}/pin",
    summary="Pin the active instance, so that failback leaves it alone",
    permission=Permission.FAILOVER_EXECUTE,
    codes=OperationCodes(invalid=Code.PIN_INVALID, failed=Code.PIN_FAILED),
    conflicts=True,
)
UNPIN = Operation(
    name="unpin",
    method=Method.DELETE,
    path="/proxy/{proxyId}/pin",
    summary="Take the pin off, so that failback may move again",
    permission=Permission.FAILOVER_EXECUTE,
    codes=OperationCodes(invalid=Code.REQUEST_INVALID, failed=Code.UNPIN_FAILED),
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
RECOVER_INSTANCE = Operation(
    name="recoverInstance",
    method=Method.POST,
    path="/proxy/instances/{instanceId}/recover",
    summary="Make an attempt to bring an instance back, now",
    permission=Permission.INSTANCE_WRITE,
    codes=OperationCodes(invalid=Code.RECOVER_INSTANCE_INVALID, failed=Code.RECOVER_INSTANCE_FAILED),
    conflicts=True,
)
ROTATE_SECRET = Operation(
    name="rotateRecoverySecret",
    method=Method.POST,
    path="/proxy/{proxyId}/recovery/secret",
    summary="Give a proxy's recovery webhook another secret",
    permission=Permission.CONFIGURATION_WRITE,
    codes=OperationCodes(invalid=Code.RECOVERY_SIGNING_INVALID, failed=Code.RECOVERY_SIGNING_FAILED),
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
GET_AUTOMATION = Operation(
    name="getAutomation",
    method=Method.GET,
    path="/automation/{scope}",
    summary="Read what bounds automation in a scope",
    permission=Permission.AUTOMATION_READ,
    codes=OperationCodes(
        invalid=Code.GET_AUTOMATION_FAILED, failed=Code.GET_AUTOMATION_FAILED, not_found=Code.SCOPE_NOT_FOUND
    ),
)
PAUSE = Operation(
    name="pauseAutomation",
    method=Method.PUT,
    path="/automation/{scope}/pause",
    summary="Stop automation in a scope",
    permission=Permission.AUTOMATION_WRITE,
    codes=OperationCodes(
        invalid=Code.PAUSE_INVALID, failed=Code.PAUSE_FAILED, not_found=Code.SCOPE_NOT_FOUND
    ),
)
RESUME = Operation(
    name="resumeAutomation",
    method=Method.DELETE,
    path="/automation/{scope}/pause",
    summary="Let automation run again in a scope",
    permission=Permission.AUTOMATION_WRITE,
    codes=OperationCodes(
        invalid=Code.PAUSE_INVALID, failed=Code.PAUSE_FAILED, not_found=Code.SCOPE_NOT_FOUND
    ),
)
SET_RULES = Operation(
    name="setSafetyRules",
    method=Method.PUT,
    path="/automation/{scope}/rules",
    summary="Set the safety rules of a scope",
    permission=Permission.AUTOMATION_WRITE,
    codes=OperationCodes(
        invalid=Code.RULES_INVALID, failed=Code.RULES_FAILED, not_found=Code.SCOPE_NOT_FOUND
    ),
    conflicts=True,
)
CLEAR_RULES = Operation(
    name="clearSafetyRules",
    method=Method.DELETE,
    path="/automation/{scope}/rules",
    summary="Take the safety rules of a scope away",
    permission=Permission.AUTOMATION_WRITE,
    codes=OperationCodes(
        invalid=Code.RULES_INVALID, failed=Code.RULES_FAILED, not_found=Code.SCOPE_NOT_FOUND
    ),
    conflicts=True,
)
SET_GATE = Operation(
    name="setGate",
    method=Method.PUT,
    path="/automation/{scope}/gates/{gate}",
    summary="Set a gate",
    permission=Permission.AUTOMATION_WRITE,
    codes=OperationCodes(invalid=Code.GATE_INVALID, failed=Code.GATE_FAILED, not_found=Code.SCOPE_NOT_FOUND),
)
REMOVE_GATE = Operation(
    name="removeGate",
    method=Method.DELETE,
    path="/automation/{scope}/gates/{gate}",
    summary="Take a gate away",
    permission=Permission.AUTOMATION_WRITE,
    codes=OperationCodes(invalid=Code.GATE_INVALID, failed=Code.GATE_FAILED, not_found=Code.SCOPE_NOT_FOUND),
)
LIST_BLOCKED = Operation(
    name="listBlockedMoves",
    method=Method.GET,
    path="/proxy/{proxyId}/failover/blocked",
    summary="List the moves that a rule blocked, newest first",
    permission=Permission.EVENT_READ,
    codes=OperationCodes(invalid=Code.LIST_BLOCKED_FAILED, failed=Code.LIST_BLOCKED_FAILED),
)

OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        SAVE_CONFIGURATION,
        GET_CONFIGURATION,
        REGISTER_INSTANCE,
        LIST_INSTANCES,
        REPORT_HEALTH,
        EVALUATE,
        EXECUTE,
        COMPLETE,
        GET_REDUNDANCY,
        DECLARE_REDUNDANCY,
        LIST_EVENTS,
        LIST_PROXIES,
        GET_PROXY,
        DELETE_PROXY,
        PIN,
        UNPIN,
        CHANGE_INSTANCE,
        DELETE_INSTANCE,
        SET_ADMIN_STATE,
        UNDAMP,
        RECOVER_INSTANCE,
        ROTATE_SECRET,
        LIST_METRICS,
        SWITCH_OVER,
        EXPLAIN_EVENT,
        EXPLAIN,
        LIST_TRANSITIONS,
        LIST_AUDIT,
        CANCEL_SWITCHOVER,
        START_DRILL,
        LIST_DRILLS,
        CANCEL_DRILL,
        LIST_NODES,
        LIST_REPLICAS,
        GET_AUTOMATION,
        PAUSE,
        RESUME,
        SET_RULES,
        CLEAR_RULES,
        SET_GATE,
        REMOVE_GATE,
        LIST_BLOCKED,
    )
}
"""`operationId` → operation, those of the contract first."""
