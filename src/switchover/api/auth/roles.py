"""Roles as data: what each one may do, and whose proxies it reaches."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from switchover.api.auth.permissions import Permission


class Role(StrEnum):
    """A name that a token carries. Names that are not listed here grant nothing."""

    ADMIN = "admin"
    USER = "user"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a role gives.

    Attributes:
        permissions: What its bearer may do.
        every_proxy: Whether with every proxy, or with their own alone.
    """

    permissions: frozenset[Permission]
    every_proxy: bool = False


_READS = frozenset(
    {
        Permission.CONFIGURATION_READ,
        Permission.INSTANCE_READ,
        Permission.METRICS_READ,
        # Evaluating changes nothing: it tells what the policy says.
        Permission.FAILOVER_EVALUATE,
        Permission.EVENT_READ,
        Permission.REDUNDANCY_READ,
        Permission.PROXY_READ,
        Permission.AUTOMATION_READ,
    }
)
_OWNERS_WRITES = frozenset(
    {
        Permission.CONFIGURATION_WRITE,
        Permission.INSTANCE_WRITE,
        Permission.HEALTH_REPORT,
        Permission.PROXY_DELETE,
        # Of their own proxies and of themselves; the fleet is for who sees every proxy.
        Permission.AUTOMATION_WRITE,
    }
)

GRANTS: Mapping[Role, Grant] = {
    Role.ADMIN: Grant(permissions=frozenset(Permission), every_proxy=True),
    Role.USER: Grant(permissions=_READS | _OWNERS_WRITES),
    Role.VIEWER: Grant(permissions=_READS),
}
"""A bearer of several roles may do what any of them may."""
