"""The operations of what bounds automation."""

from switchover.api.auth.permissions import Permission
from switchover.api.errors import Code, OperationCodes
from switchover.api.operations.operation import Method, Operation

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
