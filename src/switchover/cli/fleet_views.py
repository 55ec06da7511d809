"""What the API says about nodes and replicas, read into values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """One data-plane node as the API tells of it."""

    node_id: str
    state: str
    replica: str | None


def node_view(document: Mapping[str, Any]) -> NodeView:
    """Read a node."""
    return NodeView(node_id=document["nodeId"], state=document["state"], replica=document.get("replica"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaView:
    """One of several replicas as the API tells of it."""

    name: str
    url: str
    since: datetime
    is_self: bool
    is_live: bool
    proxies_owned: int
    standing: str


def replica_view(document: Mapping[str, Any]) -> ReplicaView:
    """Read a replica."""
    return ReplicaView(
        name=document["name"],
        url=document["url"],
        since=datetime.fromisoformat(document["since"]),
        is_self=document["isSelf"],
        is_live=document["isLive"],
        proxies_owned=document["proxiesOwned"],
        standing=document["standing"],
    )
