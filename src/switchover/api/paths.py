"""The paths of operations as Starlette matches them."""

from starlette.convertors import Convertor, register_url_convertor
from starlette.routing import compile_path

from switchover.api.operations import OPERATIONS
from switchover.api.operations.operation import Method, Operation
from switchover.model.proxy import RESERVED_PROXY_IDS


class _ProxyIdConvertor(Convertor[str]):
    """A path segment that may be a proxy id. Reserved words are none: `/proxy/instances` is a path of its own."""

    regex = f"(?!(?:{'|'.join(sorted(RESERVED_PROXY_IDS))})(?:/|$))[^/]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("proxy_id", _ProxyIdConvertor())


def matched_path(operation: Operation) -> str:
    """The operation's path as Starlette matches it."""
    return operation.path.replace("/proxy/{proxyId}", "/proxy/{proxyId:proxy_id}")


def methods_of(path: str) -> frozenset[Method]:
    """The methods of every operation that is at `path`; none where there is none."""
    return frozenset(
        operation.method
        for operation in OPERATIONS.values()
        if compile_path(matched_path(operation))[0].fullmatch(path)
    )


def leads_elsewhere(operation: Operation) -> bool:
    """Whether a reserved word in the place of the proxy id makes it a path of operations with other methods."""
    places = (methods_of(operation.path.replace("{proxyId}", word, 1)) for word in RESERVED_PROXY_IDS)
    return any(methods and operation.method not in methods for methods in places)
