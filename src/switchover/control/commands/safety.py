"""Pauses, safety rules and gates: what people set for everything, for one user, or for one proxy."""

from collections.abc import Mapping
from typing import Any

from switchover.control.commands.configuration import ConfigurationCommands
from switchover.control.desk import Desk
from switchover.control.documents.rules import (
    check_gate_name,
    parse_gate,
    parse_pause,
    parse_rules,
    parse_scope,
    rules_document,
)
from switchover.model.actor import Actor
from switchover.model.errors import FieldProblem, InvalidInput, NotFound
from switchover.model.rules import NO_RULES, Gate, Pause, Scope, ScopeKind, ScopeStanding
from switchover.model.trail import Trail

MOST_GATES_OF_A_SCOPE = 100


class SafetyCommands:
    """Changes what bounds automation.

    The fleet's is for admins; a user's, for that user and admins; a proxy's, for its owner and admins. What is set here
    needs no lease: every replica may set it, and the store asks about it in the transaction of each move.
    """

    def __init__(self, desk: Desk, configuration: ConfigurationCommands) -> None:
        self._desk = desk
        self._configuration = configuration

    def standing(self, scope: str, actor: Actor) -> ScopeStanding:
        """What is set in a scope, a proxy's own rules included.

        Raises:
            InvalidInput: `scope` names none.
            NotFound: There is no such scope for this actor.
        """
        where = self._scope(scope, actor)
        standing = self._desk.safety.standing(where)
        if where.kind is not ScopeKind.PROXY:
            return standing
        policy = self._desk.visible(where.name, actor).proxy.policy
        return ScopeStanding(scope=where, pause=standing.pause, rules=policy.rules)

    async def pause(self, scope: str, data: Mapping[str, Any], actor: Actor) -> ScopeStanding:
        """Stop automation in a scope. No automatic move commits there once this has answered, whichever replica makes it.

        Raises:
            InvalidInput: A field is wrong.
            NotFound: As `standing`.
        """
        desk, now = self._desk, self._desk.clock.now()
        said = parse_pause(data, now)
        where = self._scope(scope, actor)
        pause = Pause(by=actor.name, reason=said.reason, since=now, until=said.until)
        until = None if pause.until is None else pause.until.isoformat()
        trail = self._trail(actor, "automation.pause", where, {"reason": pause.reason, "until": until})
        await desk.safety.change(where, lambda: desk.store.save_pause(where, pause, trail))
        return self.standing(scope, actor)

    async def resume(self, scope: str, actor: Actor) -> ScopeStanding:
        """Let automation run again in a scope; what a wider scope has paused stays so. Harmless when it runs.

        Raises:
            NotFound: As `standing`.
        """
        desk = self._desk
        where = self._scope(scope, actor)
        before = desk.safety.standing(where).pause
        detail = {"by": before.by, "reason": before.reason} if before is not None else {}
        trail = self._trail(actor, "automation.resume", where, detail)
        await desk.safety.change(where, lambda: desk.store.save_pause(where, None, trail))
        return self.standing(scope, actor)

    async def set_rules(self, scope: str, data: Mapping[str, Any], actor: Actor) -> ScopeStanding:
        """Set the rules of a scope, in place of the former ones; a field that is missing is no rule.

        Raises:
            InvalidInput: A field is wrong.
            NotFound: As `standing`.
            Conflict: The proxy's configuration was changed meanwhile.
        """
        desk = self._desk
        rules = parse_rules(data)
        where = self._scope(scope, actor)
        document = rules_document(rules)
        if where.kind is ScopeKind.PROXY:
            state = desk.ours(where.name, actor)
            await self._configuration.save(where.name, state.proxy.owner_id, {"rules": document}, actor)
        else:
            trail = self._trail(actor, "automation.rules", where, {"rules": document})
            await desk.safety.change(where, lambda: desk.store.save_rules(where, rules, trail))
        return self.standing(scope, actor)

    async def clear_rules(self, scope: str, actor: Actor) -> ScopeStanding:
        """Take the rules of a scope away."""
        return await self.set_rules(scope, dict.fromkeys(rules_document(NO_RULES)), actor)

    async def set_gate(self, scope: str, name: str, data: Mapping[str, Any], actor: Actor) -> ScopeStanding:
        """Set a gate of the fleet or of a user.

        Raises:
            InvalidInput: A field is wrong, or a proxy is named, which has no gates of its own.
            NotFound: As `standing`.
        """
        desk = self._desk
        said, known = parse_gate(data), check_gate_name(name)
        where = self._gate_scope(scope, actor)
        gate = Gate(name=known, is_on=said.is_on, by=actor.name, at=desk.clock.now(), reason=said.reason)
        standing = desk.safety.standing(where)
        if standing.gate(known) is None and len(standing.gates) >= MOST_GATES_OF_A_SCOPE:
            allowed = f"it would be one gate too many; allowed are {MOST_GATES_OF_A_SCOPE} in a scope"
            raise InvalidInput(FieldProblem("gate", known, allowed))
        trail = self._trail(
            actor, "automation.gate", where, {"gate": known, "isOn": gate.is_on, "reason": gate.reason}
        )
        return await desk.safety.change(where, lambda: desk.store.save_gate(where, known, gate, trail))

    async def remove_gate(self, scope: str, name: str, actor: Actor) -> ScopeStanding:
        """Take a gate away; rules that name it find it off.

        Raises:
            InvalidInput: The name is wrong, or a proxy is named.
            NotFound: As `standing`, or there is no such gate.
        """
        desk = self._desk
        known = check_gate_name(name)
        where = self._gate_scope(scope, actor)
        if desk.safety.standing(where).gate(known) is None:
            raise NotFound("gate", known)
        trail = self._trail(actor, "automation.gate", where, {"gate": known, "isOn": None})
        return await desk.safety.change(where, lambda: desk.store.save_gate(where, known, None, trail))

    def _scope(self, text: str, actor: Actor) -> Scope:
        scope = parse_scope(text, actor.name)
        match scope.kind:
            case ScopeKind.FLEET:
                allowed = actor.sees_all
            case ScopeKind.USER:
                allowed = actor.owns(scope.name)
            case ScopeKind.PROXY:
                fleet = self._desk.fleet
                allowed = scope.name in fleet and actor.owns(fleet.state(scope.name).proxy.owner_id)
        if not allowed:
            raise NotFound("scope", text)
        return scope

    def _gate_scope(self, text: str, actor: Actor) -> Scope:
        scope = self._scope(text, actor)
        if scope.kind is ScopeKind.PROXY:
            raise InvalidInput(
                FieldProblem(
                    "scope", text, "a proxy has no gates of its own; allowed are fleet and user:NAME"
                )
            )
        return scope

    def _trail(self, actor: Actor, action: str, scope: Scope, detail: Mapping[str, Any]) -> Trail:
        # What concerns no single proxy is filed under its scope, which is no proxy's id: it has a colon.
        filed = scope.name if scope.kind is ScopeKind.PROXY else f"scope:{scope}"
        return self._desk.trail(actor, action, filed, detail=detail)
