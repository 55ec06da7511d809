"""The bootstrap of a remote node, from what an operator says about it."""

import re
from collections.abc import Sequence
from pathlib import Path

from switchover.app.remote_nodes import NODE_ID_PATTERN
from switchover.model.address import Address, is_ip, is_loopback, parse_address
from switchover.model.errors import FieldProblem, InvalidInput
from switchover.switch.envoy.bootstrap import NodeTls, remote_bootstrap

_NOT_LOOPBACK = "allowed without --tls-certificate, --tls-key and --tls-ca are loopback addresses"


TlsPaths = tuple[Path | None, Path | None, Path | None]
"""The node's certificate, its key, and the authorities of the replicas, on the node's machine; all or none."""


def node_bootstrap(*, node_id: str, xds: Sequence[str], admin: str | None, tls: TlsPaths) -> str:
    """The bootstrap as JSON text.

    Args:
        node_id: The node's name, as the setting `nodes` has it.
        xds: `host:port` of every replica's door for nodes, at least one.
        admin: An absolute path of a unix socket, or `host:port` of loopback; None for no admin interface.
        tls: What the node shows and trusts.

    Raises:
        InvalidInput: Something has a shape that cannot be; it is named as the command line names it.
    """
    if not re.fullmatch(NODE_ID_PATTERN, node_id):
        words = "allowed are 1 to 63 letters, digits, dots, dashes and underscores, a letter or digit first"
        raise InvalidInput(FieldProblem("--node-id", node_id, words))
    replicas = [parse_address(text, "--xds") for text in xds]
    files = _tls(tls)
    if files is None:
        for replica in replicas:
            if not _is_here(replica):
                raise InvalidInput(FieldProblem("--xds", str(replica), _NOT_LOOPBACK))
    return remote_bootstrap(
        node_id=node_id, replicas=replicas, admin=None if admin is None else _admin(admin), tls=files
    )


def _tls(paths: TlsPaths) -> NodeTls | None:
    match paths:
        case (None, None, None):
            return None
        case (Path() as certificate, Path() as key, Path() as ca) if all(
            map(Path.is_absolute, (certificate, key, ca))
        ):
            return NodeTls(certificate=certificate, key=key, ca=ca)
    given = zip(("--tls-certificate", "--tls-key", "--tls-ca"), paths, strict=True)
    words = "allowed are absolute paths on the node's machine, all three of them or none"
    raise InvalidInput(
        *(
            FieldProblem(option, None if path is None else str(path), words)
            for option, path in given
            if path is None or not path.is_absolute()
        )
    )


def _admin(text: str) -> Path | Address:
    if Path(text).is_absolute():
        return Path(text)
    address = parse_address(text, "--admin")
    if not is_ip(address.host) or not is_loopback(address.host):
        words = "the admin interface asks nobody who they are; allowed is the absolute path of a unix socket, or a loopback IP address and port"
        raise InvalidInput(FieldProblem("--admin", text, words))
    return address


def _is_here(replica: Address) -> bool:
    return is_loopback(replica.host) if is_ip(replica.host) else replica.host == "localhost"
