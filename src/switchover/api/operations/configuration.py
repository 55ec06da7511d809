"""The operations of proxies and their configuration."""

from http import HTTPStatus

from switchover.api.auth.permissions import Permission
from switchover.api.errors import Code, OperationCodes
from switchover.api.operations.operation import Method, Operation

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
