"""What bounds automation: pauses, safety rules and gates of a scope, and the moves that they blocked."""

from fastapi import APIRouter

from switchover.api.operations import automation as operations
from switchover.api.route import OperationRoute, offer
from switchover.api.routes.parameters import (
    Caller,
    EventLimit,
    GateInPath,
    ProxyIdInPath,
    ScopeInPath,
    Service,
)
from switchover.api.schemas.automation import AutomationBody, BlockedMoveBody
from switchover.api.schemas.body import Answer, Listing
from switchover.control.documents.rules import GateDocument, PauseDocument, RulesDocument

router = APIRouter(route_class=OperationRoute, tags=["automation"])


@offer(router, operations.GET_AUTOMATION)
async def get_automation(scope: ScopeInPath, service: Service, caller: Caller) -> Answer[AutomationBody]:
    """The fleet's is for admins; a user's for that user, a proxy's for its owner, and for admins."""
    return Answer(data=AutomationBody.of(await service.get_automation(scope, actor=caller)))


@offer(router, operations.PAUSE)
async def pause_automation(
    scope: ScopeInPath, body: PauseDocument, service: Service, caller: Caller
) -> Answer[AutomationBody]:
    """No automatic move commits once this is answered. Probing, health and what people order go on."""
    standing = await service.pause_automation(scope, body.as_sent(), actor=caller)
    return Answer(data=AutomationBody.of(standing), message=f"Automation of {standing.scope} is paused")


@offer(router, operations.RESUME)
async def resume_automation(scope: ScopeInPath, service: Service, caller: Caller) -> Answer[AutomationBody]:
    """A pause of a wider scope stays in force."""
    standing = await service.resume_automation(scope, actor=caller)
    return Answer(data=AutomationBody.of(standing), message=f"Automation of {standing.scope} is not paused")


@offer(router, operations.SET_RULES)
async def set_safety_rules(
    scope: ScopeInPath, body: RulesDocument, service: Service, caller: Caller
) -> Answer[AutomationBody]:
    """The whole of them: a field that is missing is no rule. Those of a proxy are the `rules` of its configuration."""
    standing = await service.set_safety_rules(scope, body.as_sent(), actor=caller)
    return Answer(data=AutomationBody.of(standing), message=f"Rules of {standing.scope} set")


@offer(router, operations.CLEAR_RULES)
async def clear_safety_rules(scope: ScopeInPath, service: Service, caller: Caller) -> Answer[AutomationBody]:
    """From now on they bind no move."""
    standing = await service.clear_safety_rules(scope, actor=caller)
    return Answer(data=AutomationBody.of(standing), message=f"Rules of {standing.scope} cleared")


@offer(router, operations.SET_GATE)
async def set_gate(
    scope: ScopeInPath, gate: GateInPath, body: GateDocument, service: Service, caller: Caller
) -> Answer[AutomationBody]:
    """Of the fleet or of a user."""
    standing = await service.set_gate(scope, gate, body.as_sent(), actor=caller)
    return Answer(data=AutomationBody.of(standing), message=f"Gate {gate} is {'on' if body.is_on else 'off'}")


@offer(router, operations.REMOVE_GATE)
async def remove_gate(
    scope: ScopeInPath, gate: GateInPath, service: Service, caller: Caller
) -> Answer[AutomationBody]:
    """Rules that name it find it off."""
    standing = await service.remove_gate(scope, gate, actor=caller)
    return Answer(data=AutomationBody.of(standing), message=f"Gate {gate} removed")


@offer(router, operations.LIST_BLOCKED)
async def list_blocked_moves(
    proxy_id: ProxyIdInPath, service: Service, caller: Caller, limit: EventLimit = 50
) -> Listing[BlockedMoveBody]:
    """Every wish to move that a pause or a safety rule blocked, newest first; one entry however long it lasted."""
    moves = await service.get_blocked_moves(proxy_id, limit, actor=caller)
    items = [BlockedMoveBody.of(move) for move in moves]
    return Listing(data=items, count=len(items))
