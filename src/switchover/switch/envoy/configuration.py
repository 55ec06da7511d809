"""What one node should have, and the highest epoch it is known to have acknowledged. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from switchover.model.address import is_wildcard
from switchover.model.plan import Plan
from switchover.switch.envoy.messages import NamedResource, ResourceKind
from switchover.switch.envoy.resources import ProxyResources, resources_of


class NodeConfiguration:
    """Desired plans by proxy, as resources.

    A node is never served an older epoch than it acknowledged: until a plan with that epoch or a newer one is put,
    the endpoints of such a proxy are held back.

    Args:
        bind_address: The IP address on which the node opens listeners that are declared for every address; None opens
            them on every one.
    """

    def __init__(self, bind_address: str | None = None) -> None:
        self._bind_address = bind_address
        self._plans: dict[str, Plan] = {}
        self._resources: dict[str, ProxyResources] = {}
        self._acknowledged_epochs: dict[str, int] = {}

    def put(self, plan: Plan) -> ProxyResources:
        """Make `plan` the desired one of its proxy."""
        if self._plans.get(plan.proxy_id) != plan:
            self._plans[plan.proxy_id] = plan
            self._resources[plan.proxy_id] = resources_of(self._bound(plan))
        return self._resources[plan.proxy_id]

    def _bound(self, plan: Plan) -> Plan:
        if self._bind_address is None or not is_wildcard(plan.listener.address):
            return plan
        return replace(plan, listener=replace(plan.listener, address=self._bind_address))

    def remove(self, proxy_id: str) -> None:
        """Want nothing of the proxy any more; an unknown one is no error."""
        self._plans.pop(proxy_id, None)
        self._resources.pop(proxy_id, None)
        self._acknowledged_epochs.pop(proxy_id, None)

    def plan(self, proxy_id: str) -> Plan | None:
        """The desired plan of the proxy; None when there is none."""
        return self._plans.get(proxy_id)

    def resources(self, proxy_id: str) -> ProxyResources | None:
        """The desired resources of the proxy; None when there are none."""
        return self._resources.get(proxy_id)

    def resource(self, kind: ResourceKind, name: str) -> NamedResource | None:
        """One desired resource; None when the node should not have it."""
        resources = self._resources.get(name)
        if resources is None:
            return None
        return resources.of_kind(kind)

    def __iter__(self) -> Iterator[str]:
        """The ids of the desired proxies."""
        return iter(self._plans)

    def note_acknowledged(self, proxy_id: str, epoch: int) -> None:
        """Remember that the node has applied `epoch`; a proxy that is not desired is ignored."""
        if proxy_id in self._plans:
            self._acknowledged_epochs[proxy_id] = max(epoch, self._acknowledged_epochs.get(proxy_id, 0))

    def newer_epoch(self, proxy_id: str) -> int | None:
        """The epoch that the node acknowledged, if it is above the desired one; else None."""
        plan = self._plans.get(proxy_id)
        epoch = self._acknowledged_epochs.get(proxy_id, 0)
        return epoch if plan is not None and epoch > plan.epoch else None
