"""Moves: asked about, ordered, closed, looked back at; and the redundancy that is left."""

from fastapi import APIRouter

from switchover.api.operations import failover as operations
from switchover.api.route import OperationRoute, offer
from switchover.api.routes.parameters import Caller, EventIdInPath, EventLimit, ProxyIdInPath, Service
from switchover.api.schemas.body import Answer, Listing
from switchover.api.schemas.failover import EvaluationBody, FailoverEventBody, RedundancyBody
from switchover.api.schemas.proxy import NodeBody
from switchover.api.schemas.replica import ReplicaBody
from switchover.api.schemas.requests import EvaluationRequest, ExecutionRequest, SwitchoverRequest
from switchover.control.documents.completion import CompletionDocument
from switchover.control.documents.redundancy import RedundancyDocument
from switchover.control.telling import time_text
from switchover.model.errors import NotFound
from switchover.model.events import EventStatus, FailoverEvent

router = APIRouter(route_class=OperationRoute, tags=["failover"])


@offer(router, operations.EVALUATE)
async def evaluate_failover(
    body: EvaluationRequest, service: Service, caller: Caller
) -> Answer[EvaluationBody]:
    """What the cycle would decide now, with the standing of every candidate."""
    return Answer(data=EvaluationBody.of(await service.evaluate_failover(body.proxy_id, actor=caller)))


@offer(router, operations.EXECUTE)
async def execute_failover(
    body: ExecutionRequest, service: Service, caller: Caller
) -> Answer[FailoverEventBody]:
    """Answered once the move is committed; the event closes when every node has applied it."""
    event = await service.execute_failover(
        body.proxy_id,
        body.source_instance_id,
        body.target_instance_id,
        body.reason,
        pin_until=body.pin_until,
        force=body.force,
        actor=caller,
    )
    return Answer(data=FailoverEventBody.of(event), message=_moves(event))


@offer(router, operations.SWITCH_OVER)
async def switch_over(body: SwitchoverRequest, service: Service, caller: Caller) -> Answer[FailoverEventBody]:
    """The target is pinned: no failback until it fails, the pin ends or is taken off. With `scheduledFor` the event is
    `pending` until then, and whether the move may be made is decided then.
    """
    event = await service.switch_over(
        body.proxy_id,
        body.target_instance_id,
        body.reason,
        pin_until=body.pin_until,
        force=body.force,
        scheduled_for=body.scheduled_for,
        actor=caller,
    )
    return Answer(data=FailoverEventBody.of(event), message=_moves(event))


@offer(router, operations.COMPLETE)
async def complete_failover_event(
    event_id: EventIdInPath, body: CompletionDocument, service: Service, caller: Caller
) -> Answer[FailoverEventBody]:
    """Saying the same again changes nothing; contradicting a finished event is 409."""
    event = await service.complete_failover_event(
        event_id, body.status.value, body.error_message, body.duration_ms, actor=caller
    )
    return Answer(data=FailoverEventBody.of(event), message=f"Event {event.status.value}")


@offer(router, operations.LIST_EVENTS)
async def list_failover_events(
    proxy_id: ProxyIdInPath, service: Service, caller: Caller, limit: EventLimit = 50
) -> Listing[FailoverEventBody]:
    """Every move of the proxy, newest first."""
    events = await service.get_failover_events(proxy_id, limit, actor=caller)
    items = [FailoverEventBody.of(event) for event in events]
    return Listing(data=items, count=len(items))


@offer(router, operations.GET_REDUNDANCY)
async def get_redundancy(proxy_id: ProxyIdInPath, service: Service, caller: Caller) -> Answer[RedundancyBody]:
    """Derived from the instances, or declared by an admin since."""
    status = await service.get_redundancy_status(proxy_id, actor=caller)
    if status is None:
        raise NotFound("proxy", proxy_id)
    return Answer(data=RedundancyBody.of(status))


@offer(router, operations.DECLARE_REDUNDANCY)
async def declare_redundancy(
    proxy_id: ProxyIdInPath, body: RedundancyDocument, service: Service, caller: Caller
) -> Answer[RedundancyBody]:
    """Any subset of the fields. It cannot move the active of a proxy that has one: execute a failover for that."""
    status = await service.update_redundancy_status(proxy_id, body.as_sent(), actor=caller)
    return Answer(data=RedundancyBody.of(status), message=f"Redundancy of {proxy_id} declared")


@offer(router, operations.LIST_NODES)
async def list_nodes(service: Service) -> Listing[NodeBody]:
    """Connected or away, and the node's own words about what it refuses."""
    items = [NodeBody.of(node) for node in service.nodes()]
    return Listing(data=items, count=len(items))


@offer(router, operations.LIST_REPLICAS)
async def list_replicas(service: Service) -> Listing[ReplicaBody]:
    """As the replica that answers knows them; none when there is but one process."""
    items = [ReplicaBody.of(state) for state in service.replicas()]
    return Listing(data=items, count=len(items))


def _moves(event: FailoverEvent) -> str:
    """What an order to move came to."""
    if event.status is EventStatus.PENDING:
        return f"Proxy {event.proxy_id} moves at {time_text(event.scheduled_at)}"
    skipped = ", ".join(event.evidence.get("skipped", ()))
    return f"Proxy {event.proxy_id} moves" + (f"; forced, skipping: {skipped}" if skipped else "")
