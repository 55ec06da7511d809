"""The operations of bringing instances back."""

from switchover.api.auth.permissions import Permission
from switchover.api.errors import Code, OperationCodes
from switchover.api.operations.operation import Method, Operation

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
