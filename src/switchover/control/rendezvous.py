"""PURE: which of several replicas should own a proxy.

Highest random weight, also called rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit
rates", 1998): every replica computes the same owner without asking, and when one comes or goes only its share moves.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID


def preferred_owner(proxy_id: str, replica_ids: Collection[UUID]) -> UUID | None:
    """Who of `replica_ids` should own the proxy; None when there is nobody."""
    name = proxy_id.encode()
    return max(replica_ids, key=lambda replica_id: (_weight(name, replica_id), replica_id), default=None)


@lru_cache(maxsize=20_000)
def preferred_order(proxy_id: str, replica_ids: frozenset[UUID]) -> Sequence[UUID]:
    """All of `replica_ids`, from the one that should own the proxy to the one that should last."""
    name = proxy_id.encode()
    return tuple(
        sorted(replica_ids, key=lambda replica_id: (_weight(name, replica_id), replica_id), reverse=True)
    )


def _weight(name: bytes, replica_id: UUID) -> bytes:
    return blake2b(name, key=replica_id.bytes, digest_size=8).digest()
