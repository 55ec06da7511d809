"""The caller, once their token is verified."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from switchover.api.auth.permissions import Permission
from switchover.api.auth.roles import GRANTS, Role
from switchover.model.actor import Actor, person


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person or program with a verified token: `sub`, and the roles that we know."""

    user_id: str
    roles: frozenset[Role]

    def may(self, permission: Permission) -> bool:
        """Whether one of the roles grants `permission`."""
        return any(permission in GRANTS[role].permissions for role in self.roles)

    @property
    def actor(self) -> Actor:
        """This caller as the service and the audit log see them."""
        return person(self.user_id, admin=any(GRANTS[role].every_proxy for role in self.roles))


def roles_in(claims: Mapping[str, Any], path: str) -> frozenset[Role]:
    """The roles at `path` (`roles`, `realm_access.roles`, …): a list of names, or one string of them.

    A claim whose name itself has dots, such as a URL, is found by its full name. Unknown names are ignored: an
    identity provider lists roles of other programs too.
    """
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for step in path.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
    names = found.split() if isinstance(found, str) else found if isinstance(found, list) else []
    return frozenset(Role(name) for name in names if isinstance(name, str) and name in set(Role))
