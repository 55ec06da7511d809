"""Orders for later, and drills."""

from fastapi import APIRouter

from switchover.api.operations import orders as operations
from switchover.api.route import OperationRoute, offer
from switchover.api.routes.parameters import Caller, EventLimit, ProxyIdInPath, Service
from switchover.api.schemas.body import Answer, Listing
from switchover.api.schemas.drill import DrillBody, DrillRequest
from switchover.api.schemas.failover import FailoverEventBody

router = APIRouter(route_class=OperationRoute, tags=["orders"])


@offer(router, operations.CANCEL_SWITCHOVER)
async def cancel_switchover(
    proxy_id: ProxyIdInPath, service: Service, caller: Caller
) -> Answer[FailoverEventBody]:
    """Its event is then `failed` and says who cancelled it. 409 when nothing is scheduled."""
    event = await service.cancel_switchover(proxy_id, actor=caller)
    return Answer(
        data=FailoverEventBody.of(event), message=f"The scheduled switchover of {proxy_id} is cancelled"
    )


@offer(router, operations.START_DRILL)
async def start_drill(
    proxy_id: ProxyIdInPath, body: DrillRequest, service: Service, caller: Caller
) -> Answer[DrillBody]:
    """Answered before it begins. It is never forced, and refused while the proxy is degraded; how it went is in the list."""
    drill = await service.start_drill(
        proxy_id, body.reason, hold_seconds=body.hold_seconds, scheduled_for=body.scheduled_for, actor=caller
    )
    return Answer(data=DrillBody.of(drill), message=f"A drill of {proxy_id} is ordered")


@offer(router, operations.LIST_DRILLS)
async def list_drills(
    proxy_id: ProxyIdInPath, service: Service, caller: Caller, limit: EventLimit = 50
) -> Listing[DrillBody]:
    """Every drill of the proxy, newest first. Its moves are events too, and name it."""
    items = [DrillBody.of(drill) for drill in await service.get_drills(proxy_id, limit, actor=caller)]
    return Listing(data=items, count=len(items))


@offer(router, operations.CANCEL_DRILL)
async def cancel_drill(proxy_id: ProxyIdInPath, service: Service, caller: Caller) -> Answer[DrillBody]:
    """One that has not begun ends at once, one that has goes back first. 409 when there is none."""
    drill = await service.cancel_drill(proxy_id, actor=caller)
    return Answer(data=DrillBody.of(drill), message=f"The drill of {proxy_id} is cancelled")
