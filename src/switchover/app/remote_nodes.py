"""Which remote nodes there are, and where they may come in: the rules of these settings. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from switchover.model.address import HIGHEST_PORT, Address, is_ip, is_loopback, is_wildcard
from switchover.model.errors import FieldProblem

NODE_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
_BIND_ADDRESS = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<v4>[^:\[\]]+)):(?P<port>\d{1,5})")
_TLS_FIELDS = ("xds_certificate", "xds_key", "xds_client_ca")

TlsFiles = tuple[Path | None, Path | None, Path | None]
"""The server's certificate, its key, and the authorities of clients."""


@dataclass(frozen=True, slots=True)
class RemoteNode:
    """An Envoy elsewhere.

    Attributes:
        node_id: Its name.
        bind_address: Where it opens listeners that are declared for every address; None opens them on every one.
    """

    node_id: str
    bind_address: str | None


def node_text(text: str) -> str:
    """`text`, if it names a node.

    Raises:
        ValueError: It does not.
    """
    read_node(text)
    return text


def read_node(text: str) -> RemoteNode:
    """Read `edge-1`, or `edge-1@10.0.0.7`: a node and its own address.

    Raises:
        ValueError: It has another shape.
    """
    node_id, separator, address = text.partition("@")
    if re.fullmatch(NODE_ID_PATTERN, node_id) is None:
        raise ValueError("allowed is a name of 1 to 63 letters, digits, dots, underscores and hyphens")
    if separator and (not is_ip(address) or is_wildcard(address)):
        raise ValueError("allowed after @ is one IP address of the node, such as edge-1@10.0.0.7")
    return RemoteNode(node_id, address or None)


def listed(value: Any) -> Any:
    """A list as the environment writes it, with commas; anything else as it is."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def bind_address(text: str) -> str:
    """`text`, if it is an IP address of a machine and a port.

    Raises:
        ValueError: It is not.
    """
    read_bind_address(text)
    return text


def read_bind_address(text: str) -> Address:
    """Read `10.0.0.1:8701` or `[::1]:8701`; a name is refused, because what it means may change.

    Raises:
        ValueError: It has another shape.
    """
    match = _BIND_ADDRESS.fullmatch(text)
    host = match["v6"] or match["v4"] if match else ""
    if match is None or not is_ip(host) or (":" in host) != bool(match["v6"]):
        raise ValueError("allowed is an IP address and a port, such as 10.0.0.1:8701 or [::1]:8701")
    if not 1 <= int(match["port"]) <= HIGHEST_PORT:
        raise ValueError(f"allowed are ports from 1 to {HIGHEST_PORT}")
    return Address(host=host, port=int(match["port"]))


def remote_node_problems(
    *, embedded: str, nodes: Sequence[str], listen: str | None, tls: TlsFiles
) -> Sequence[FieldProblem]:
    """What is wrong among these settings, each of which is well formed."""
    names = [read_node(node).node_id for node in nodes]
    return (*_node_problems(embedded, names, listen), *_tls_problems(listen, tls))


def _node_problems(embedded: str, nodes: Sequence[str], listen: str | None) -> Iterator[FieldProblem]:
    twice = sorted({node_id for node_id in nodes if nodes.count(node_id) > 1})
    if twice:
        yield FieldProblem("nodes", ",".join(nodes), f"{', '.join(twice)} is named twice; allowed is once")
    if embedded in nodes:
        words = f"{embedded} is the embedded node (node_id); allowed are other names"
        yield FieldProblem("nodes", ",".join(nodes), words)
    if nodes and listen is None:
        words = f"nodes are {', '.join(nodes)}, and they need an address to come to; allowed is one such as 127.0.0.1:8701"
        yield FieldProblem("xds_listen", None, words)
    if listen is not None and not nodes:
        words = f"xds_listen is {listen}, where nobody may come in; allowed are the names of the nodes"
        yield FieldProblem("nodes", "", words)


def _tls_problems(listen: str | None, tls: TlsFiles) -> Iterator[FieldProblem]:
    files = dict(zip(_TLS_FIELDS, tls, strict=True))
    given = [name for name, path in files.items() if path is not None]
    missing = [name for name, path in files.items() if path is None]
    if listen is None:
        for name in given:
            yield FieldProblem(name, str(files[name]), "allowed is it together with xds_listen")
    elif given:
        for name in missing:
            words = f"allowed is a file, because {' and '.join(given)} is set, or none of the three"
            yield FieldProblem(name, None, words)
    elif not is_loopback(read_bind_address(listen).host):
        for name in missing:
            words = f"xds_listen is {listen}, which other machines may reach; allowed is a file, or a loopback address there"
            yield FieldProblem(name, None, words)
