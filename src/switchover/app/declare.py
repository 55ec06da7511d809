"""Bring a running service to what a declarative file says, without a detour over HTTP."""

from collections.abc import Mapping
from uuid import UUID

from switchover.app.declaration import Declaration, DeclaredProxy
from switchover.control.service import ProxyFailoverService
from switchover.model.actor import Actor


async def declare(service: ProxyFailoverService, declaration: Declaration, actor: Actor) -> None:
    """Create and change what the file names; what is as it says already is left alone, and nothing is deleted.

    Raises:
        Conflict: A proxy or listener of the file belongs to somebody else; what came before it in the file stands.
        StoreUnavailable: The store did not answer.
    """
    for proxy in declaration.proxies:
        await service.create_failover_configuration(proxy.proxy_id, actor.name, proxy.config, actor=actor)
        await _declare_instances(service, proxy, actor)


async def _declare_instances(service: ProxyFailoverService, proxy: DeclaredProxy, actor: Actor) -> None:
    known: Mapping[str, UUID] = {
        state.instance.name: state.instance.instance_id
        for state in await service.get_proxy_instances(proxy.proxy_id, actor=actor)
    }
    for instance in proxy.instances or ():
        instance_id = known.get(instance.name)
        if instance_id is None:
            await service.register_proxy_instance(proxy.proxy_id, instance.data, actor=actor)
        else:
            await service.change_instance(instance_id, instance.data, actor=actor)
