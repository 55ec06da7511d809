"""Versions of resources: the same on every replica and after a restart, because they come from the content alone.

So a node that reconnects names what it has, and what is unchanged is not sent again. The version of endpoints begins
with the proxy's epoch, so that a node also says which epoch it acknowledged.
"""

import hashlib
import re

_ENDPOINTS_VERSION = re.compile(r"(\d{1,19})-[0-9a-f]+")
_EPOCH_TOKEN = re.compile(r"epoch-(\d{1,19})")


def content_version(payload: bytes) -> str:
    """The version of any resource but endpoints: 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(payload).hexdigest()[:16]


def endpoints_version(epoch: int, payload: bytes) -> str:
    """The version of a proxy's endpoints: `<epoch>-<content version>`."""
    return f"{epoch}-{content_version(payload)}"


def acknowledged_epoch(version: str) -> int | None:
    """The epoch within an endpoints version; None when `version` is none of ours."""
    match = _ENDPOINTS_VERSION.fullmatch(version)
    return int(match.group(1)) if match else None


def epoch_token(epoch: int) -> str:
    """The locality token of an epoch, which a node repeats in its accounts of traffic."""
    return f"epoch-{epoch}"


def token_epoch(token: str) -> int | None:
    """The epoch within a locality token; None when it is none of ours."""
    match = _EPOCH_TOKEN.fullmatch(token)
    return int(match.group(1)) if match else None
