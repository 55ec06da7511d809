"""Proxies and their configurations."""

from fastapi import APIRouter

from switchover.api.operations import configuration as operations
from switchover.api.route import OperationRoute, offer
from switchover.api.routes.parameters import After, Caller, ProxyIdInPath, ProxyLimit, Service
from switchover.api.schemas.body import Answer, Page
from switchover.api.schemas.instance import DeletedBody
from switchover.api.schemas.proxy import ConfigurationBody, ProxyBody
from switchover.api.schemas.requests import ConfigurationRequest, PinRequest
from switchover.model.errors import NotFound

router = APIRouter(route_class=OperationRoute, tags=["proxies"])


@offer(router, operations.SAVE_CONFIGURATION)
async def save_configuration(
    body: ConfigurationRequest, service: Service, caller: Caller
) -> Answer[ConfigurationBody]:
    """A field that is missing stays as it is stored; null puts it back to its default. 409 when the proxy id belongs
    to another user, or the listener's address and port to another proxy.
    """
    config = None if body.config is None else body.config.as_sent()
    saved = await service.create_failover_configuration(body.proxy_id, caller.name, config, actor=caller)
    done = "created" if saved.created else "updated"
    return Answer(data=ConfigurationBody.of(saved.proxy), message=f"Configuration of {body.proxy_id} {done}")


@offer(router, operations.GET_CONFIGURATION)
async def get_configuration(
    proxy_id: ProxyIdInPath, service: Service, caller: Caller
) -> Answer[ConfigurationBody]:
    """Every setting as it is in force, whether it was given or follows another one."""
    proxy = await service.get_failover_configuration(proxy_id, actor=caller)
    if proxy is None:
        raise NotFound("configuration", proxy_id)
    return Answer(data=ConfigurationBody.of(proxy))


@offer(router, operations.LIST_PROXIES)
async def list_proxies(
    service: Service, caller: Caller, limit: ProxyLimit = 50, after: After = None
) -> Page[ProxyBody]:
    """By proxy id: the caller's own, an admin's every one."""
    page = await service.list_proxies(limit=limit, after=after, actor=caller)
    items = [ProxyBody.of_overview(overview) for overview in page.items]
    return Page(data=items, count=len(items), total=page.total, next_after=page.next_after)


@offer(router, operations.GET_PROXY)
async def get_proxy(proxy_id: ProxyIdInPath, service: Service, caller: Caller) -> Answer[ProxyBody]:
    """Configuration, instances, redundancy, the open event, what the policy says now, and what nodes refuse."""
    return Answer(data=ProxyBody.of_overview(await service.get_proxy(proxy_id, actor=caller)))


@offer(router, operations.DELETE_PROXY)
async def delete_proxy(proxy_id: ProxyIdInPath, service: Service, caller: Caller) -> Answer[DeletedBody]:
    """Nodes stop carrying it. The same owner may create it again."""
    await service.delete_proxy(proxy_id, actor=caller)
    return Answer(data=DeletedBody(id=proxy_id), message=f"Proxy {proxy_id} deleted")


@offer(router, operations.PIN)
async def pin(
    proxy_id: ProxyIdInPath, body: PinRequest, service: Service, caller: Caller
) -> Answer[ConfigurationBody]:
    """No failback until it fails, the pin ends or is taken off. A pin that there is gets this reason and this end."""
    proxy = await service.pin(proxy_id, body.until, body.reason, actor=caller)
    return Answer(data=ConfigurationBody.of(proxy), message=f"Proxy {proxy_id} is pinned")


@offer(router, operations.UNPIN)
async def unpin(proxy_id: ProxyIdInPath, service: Service, caller: Caller) -> Answer[ConfigurationBody]:
    """Without a pin this changes nothing."""
    proxy = await service.unpin(proxy_id, actor=caller)
    return Answer(data=ConfigurationBody.of(proxy), message=f"Proxy {proxy_id} is not pinned")
