"""NOTIFY and LISTEN: the notes that replicas leave each other. On a file they go nowhere, and nobody waits for them.

A note is told when its transaction commits, and equal notes of one transaction are told once
(https://www.postgresql.org/docs/current/sql-notify.html).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.plan import EndpointTraffic, TrafficEvidence
from switchover.record.exchange import Notes

CHANNEL = "switchover"
MOST_BYTES = 7999
"""A payload is shorter than 8,000 bytes."""

MEMBERS: Mapping[str, Any] = {"members": True}
SCOPES: Mapping[str, Any] = {"scopes": True}
_NOTHING = Notes()


async def tell(connection: AsyncConnection, note: Mapping[str, Any]) -> None:
    """Tell everybody when the transaction commits."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_notify(CHANNEL, _text(note))))


def proxy_changed(proxy_id: str) -> Mapping[str, Any]:
    """Something was stored about the proxy."""
    return {"proxy": proxy_id}


def receipt_came(proxy_id: str) -> Mapping[str, Any]:
    """A node answered."""
    return {"receipt": proxy_id}


def vantage_told(proxy_id: str) -> Mapping[str, Any]:
    """An observer told what it sees of a proxy's instances."""
    return {"vantage": proxy_id}


def traffic_carried(replica_id: UUID, accounts: Sequence[TrafficEvidence]) -> Iterator[Mapping[str, Any]]:
    """What the nodes of a replica carried, in as many notes as it takes. What fits into none is left out."""
    batch: list[Any] = []
    size = len(_text({"traffic": batch, "from": str(replica_id)}))
    room = MOST_BYTES - size
    used = 0
    for account in accounts:
        packed = _pack(account)
        length = len(_text(packed)) + 1
        if length > room:
            continue
        if used + length > room:
            yield {"traffic": batch, "from": str(replica_id)}
            batch, used = [], 0
        batch.append(packed)
        used += length
    if batch:
        yield {"traffic": batch, "from": str(replica_id)}


def read_note(payload: str, replica_id: UUID) -> Notes:
    """What a payload says to this replica; nothing when it is its own account, or of a newer version of the program."""
    note = json.loads(payload)
    match note:
        case {"proxy": str(proxy_id)}:
            return Notes(proxies=frozenset({proxy_id}))
        case {"receipt": str(proxy_id)}:
            return Notes(receipts=frozenset({proxy_id}))
        case {"vantage": str(proxy_id)}:
            return Notes(vantages=frozenset({proxy_id}))
        case {"members": True}:
            return Notes(members=True)
        case {"scopes": True}:
            return Notes(scopes=True)
        case {"traffic": list(accounts), "from": sender} if sender != str(replica_id):
            return Notes(traffic=tuple(_unpack(account) for account in accounts))
        case _:
            return _NOTHING


def _text(note: object) -> str:
    return json.dumps(note, separators=(",", ":"))


def _pack(account: TrafficEvidence) -> list[Any]:
    endpoints = [
        [str(e.instance_id), e.epoch, e.successes, e.errors, e.in_progress] for e in account.endpoints
    ]
    return [account.node_id, account.proxy_id, endpoints]


def _unpack(packed: Any) -> TrafficEvidence:
    node_id, proxy_id, endpoints = packed
    return TrafficEvidence(
        node_id=node_id,
        proxy_id=proxy_id,
        endpoints=tuple(
            EndpointTraffic(
                instance_id=UUID(instance_id),
                epoch=epoch,
                successes=successes,
                errors=errors,
                in_progress=in_progress,
            )
            for instance_id, epoch, successes, errors, in_progress in endpoints
        ),
    )
