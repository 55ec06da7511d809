"""Why: of a recorded move, of what happens now; and the history of health behind both."""

from fastapi import APIRouter

from switchover.api.operations import history as operations
from switchover.api.route import OperationRoute, offer
from switchover.api.routes.parameters import (
    AuditLimit,
    Caller,
    EventIdInPath,
    ProxyIdInPath,
    Service,
    TransitionsLimit,
    TransitionsSince,
    Until,
)
from switchover.api.schemas.body import Answer, Listing
from switchover.api.schemas.explanation import (
    AuditEntryBody,
    EventExplanationBody,
    HealthTransitionBody,
    StandingBody,
)

router = APIRouter(route_class=OperationRoute, tags=["failover"])


@offer(router, operations.EXPLAIN_EVENT)
async def explain_failover_event(
    event_id: EventIdInPath, service: Service, caller: Caller
) -> Answer[EventExplanationBody]:
    """In words and as data: what was seen, believed, considered and done, and how the nodes answered."""
    explanation = await service.explain_failover_event(event_id, actor=caller)
    return Answer(data=EventExplanationBody.of(explanation))


@offer(router, operations.EXPLAIN)
async def explain_failover(proxy_id: ProxyIdInPath, service: Service, caller: Caller) -> Answer[StandingBody]:
    """Why nothing is happening now, or what is about to; what it waits for and until when."""
    return Answer(data=StandingBody.of(await service.explain_failover(proxy_id, actor=caller)))


@offer(router, operations.LIST_TRANSITIONS)
async def list_health_transitions(
    proxy_id: ProxyIdInPath,
    service: Service,
    caller: Caller,
    since: TransitionsSince = None,
    until: Until = None,
    limit: TransitionsLimit = 100,
) -> Listing[HealthTransitionBody]:
    """The newest of the time asked for. For older ones ask again with the oldest one's time as `until`."""
    found = await service.get_health_transitions(
        proxy_id, since=since, until=until, limit=limit, actor=caller
    )
    items = [HealthTransitionBody.of(transition) for transition in found]
    return Listing(data=items, count=len(items))


@offer(router, operations.LIST_AUDIT)
async def list_audit(
    proxy_id: ProxyIdInPath, service: Service, caller: Caller, limit: AuditLimit = 100
) -> Listing[AuditEntryBody]:
    """Every change of its configuration, its instances and its active, and who made it."""
    entries = await service.get_audit(proxy_id, limit, actor=caller)
    items = [AuditEntryBody.of(entry) for entry in entries]
    return Listing(data=items, count=len(items))
