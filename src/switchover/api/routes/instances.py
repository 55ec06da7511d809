"""Instances: registered, changed, ordered, reported about."""

from fastapi import APIRouter

from switchover.api.operations import instances as operations
from switchover.api.route import OperationRoute, offer
from switchover.api.routes.parameters import (
    Caller,
    InstanceIdInPath,
    MetricsLimit,
    ProxyIdInPath,
    Service,
    Since,
    Until,
)
from switchover.api.schemas.body import Answer, Listing
from switchover.api.schemas.instance import DeletedBody, InstanceBody, InstanceMetricsBody
from switchover.api.schemas.requests import HealthRequest, InstanceRequest
from switchover.control.documents.admin import AdminOrderDocument
from switchover.control.documents.instance import InstanceChangesDocument

router = APIRouter(route_class=OperationRoute, tags=["instances"])


@offer(router, operations.REGISTER_INSTANCE)
async def register_instance(body: InstanceRequest, service: Service, caller: Caller) -> Answer[InstanceBody]:
    """Its first probe starts at once. 409 when the proxy has an instance of that name."""
    data = body.instance_data.as_sent()
    state = await service.register_proxy_instance(body.proxy_id, data, actor=caller)
    return Answer(data=InstanceBody.of(state), message=f"Instance {state.instance.name} registered")


@offer(router, operations.LIST_INSTANCES)
async def list_instances(proxy_id: ProxyIdInPath, service: Service, caller: Caller) -> Listing[InstanceBody]:
    """By priority, weight descending, name."""
    items = [InstanceBody.of(state) for state in await service.get_proxy_instances(proxy_id, actor=caller)]
    return Listing(data=items, count=len(items))


@offer(router, operations.REPORT_HEALTH)
async def report_health(
    instance_id: InstanceIdInPath, body: HealthRequest, service: Service, caller: Caller
) -> Answer[InstanceBody]:
    """The verdict is taken at its word. Answered once what it set off has been decided and recorded."""
    metrics = None if body.metrics is None else body.metrics.as_sent()
    state = await service.update_instance_health(instance_id, body.health_status.value, metrics, actor=caller)
    return Answer(data=InstanceBody.of(state), message=f"Instance {state.instance.name} reported")


@offer(router, operations.CHANGE_INSTANCE)
async def change_instance(
    instance_id: InstanceIdInPath, body: InstanceChangesDocument, service: Service, caller: Caller
) -> Answer[InstanceBody]:
    """A field that is missing stays as it is; null puts it back to its default."""
    state = await service.change_instance(instance_id, body.as_sent(), actor=caller)
    return Answer(data=InstanceBody.of(state), message=f"Instance {state.instance.name} changed")


@offer(router, operations.DELETE_INSTANCE)
async def delete_instance(
    instance_id: InstanceIdInPath, service: Service, caller: Caller
) -> Answer[DeletedBody]:
    """When it was the active one, the proxy moves to the next eligible instance, if there is one."""
    await service.delete_instance(instance_id, actor=caller)
    return Answer(data=DeletedBody(id=str(instance_id)), message="Instance deleted")


@offer(router, operations.SET_ADMIN_STATE)
async def set_admin_state(
    instance_id: InstanceIdInPath, body: AdminOrderDocument, service: Service, caller: Caller
) -> Answer[InstanceBody]:
    """Draining the active moves the proxy first, even when automatic failover is off; `drainState` tells how far it is."""
    state = await service.set_admin_state(
        instance_id,
        body.admin_state.value,
        reason=body.reason,
        expires_in_seconds=body.expires_in_seconds,
        drain_timeout_seconds=body.drain_timeout_seconds,
        actor=caller,
    )
    message = f"Admin state of {state.instance.name} is {body.admin_state.value}"
    return Answer(data=InstanceBody.of(state), message=message)


@offer(router, operations.UNDAMP)
async def undamp(instance_id: InstanceIdInPath, service: Service, caller: Caller) -> Answer[InstanceBody]:
    """Its flap score becomes 0, and the failbacks and failovers behind it count no more."""
    state = await service.undamp(instance_id, actor=caller)
    return Answer(data=InstanceBody.of(state), message=f"Instance {state.instance.name} is not damped")


@offer(router, operations.LIST_METRICS)
async def list_instance_metrics(
    instance_id: InstanceIdInPath,
    service: Service,
    caller: Caller,
    since: Since = None,
    until: Until = None,
    limit: MetricsLimit = 100,
) -> Listing[InstanceMetricsBody]:
    """The newest samples of the time asked for."""
    samples = await service.get_instance_metrics(
        instance_id, since=since, until=until, limit=limit, actor=caller
    )
    items = [InstanceMetricsBody.of(sample) for sample in samples]
    return Listing(data=items, count=len(items))
