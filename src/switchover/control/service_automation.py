"""The methods of `ProxyFailoverService` that bound automation, in a scope: `fleet`, `user:NAME` or `proxy:ID`."""

from collections.abc import Mapping, Sequence
from typing import Any

from switchover.control.commands.safety import SafetyCommands
from switchover.control.queries import Queries
from switchover.model.actor import LIBRARY, Actor
from switchover.model.blocked import BlockedMove
from switchover.model.rules import ScopeStanding


class AutomationMethods:
    """Pauses, safety rules, gates, and what they blocked. `ProxyFailoverService` has the parts, and says what is raised."""

    _safety: SafetyCommands
    _queries: Queries

    async def get_automation(self, scope: str, *, actor: Actor = LIBRARY) -> ScopeStanding:
        """The pause, the safety rules and the gates of a scope."""
        return self._safety.standing(scope, actor)

    async def pause_automation(
        self, scope: str, pause: Mapping[str, Any], *, actor: Actor = LIBRARY
    ) -> ScopeStanding:
        """Stop automation in a scope: `reason`, and `until` or `forSeconds` if it is to end by itself."""
        return await self._safety.pause(scope, pause, actor)

    async def resume_automation(self, scope: str, *, actor: Actor = LIBRARY) -> ScopeStanding:
        """Let automation run again in a scope."""
        return await self._safety.resume(scope, actor)

    async def set_safety_rules(
        self, scope: str, rules: Mapping[str, Any], *, actor: Actor = LIBRARY
    ) -> ScopeStanding:
        """Set the safety rules of a scope, the whole of them."""
        return await self._safety.set_rules(scope, rules, actor)

    async def clear_safety_rules(self, scope: str, *, actor: Actor = LIBRARY) -> ScopeStanding:
        """Take the safety rules of a scope away."""
        return await self._safety.clear_rules(scope, actor)

    async def set_gate(
        self, scope: str, name: str, gate: Mapping[str, Any], *, actor: Actor = LIBRARY
    ) -> ScopeStanding:
        """Set a gate of the fleet or of a user: `isOn`, and a `reason` if there is one."""
        return await self._safety.set_gate(scope, name, gate, actor)

    async def remove_gate(self, scope: str, name: str, *, actor: Actor = LIBRARY) -> ScopeStanding:
        """Take a gate away; rules that name it find it off."""
        return await self._safety.remove_gate(scope, name, actor)

    async def get_blocked_moves(
        self, proxy_id: str, limit: int = 50, *, actor: Actor = LIBRARY
    ) -> Sequence[BlockedMove]:
        """The newest moves that a pause or a safety rule blocked, newest first, 1 to 500."""
        return await self._queries.blocked_moves(proxy_id, limit, actor)
