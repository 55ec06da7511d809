"""Accounts of one node's traffic, summed until somebody asks. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from switchover.model.plan import EndpointTraffic, Plan, TrafficEvidence
from switchover.switch.envoy.messages import EndpointLoad
from switchover.switch.envoy.versions import token_epoch

MOST_EPOCHS = 4
"""Epochs of one proxy whose traffic is told apart; older ones are forgotten."""
MOST_ADDRESSES = 1000
"""Addresses that are remembered for one epoch beyond those of its latest plan."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where requests were sent: an instance, in one epoch."""

    epoch: int
    instance_id: UUID


@dataclass(slots=True)
class _Account:
    successes: int = 0
    errors: int = 0
    in_progress: int = 0


@dataclass(slots=True)
class _ProxyAccounts:
    """One proxy: who is where in which epoch, what was carried, and who had requests open at the last report."""

    addresses: dict[int, dict[tuple[str, int], UUID]] = field(default_factory=dict)
    accounts: dict[_Place, _Account] = field(default_factory=dict)
    busy: set[_Place] = field(default_factory=set)
    drained: dict[tuple[int, str, int], UUID] = field(default_factory=dict)

    def know(self, plan: Plan) -> None:
        # They keep the epoch in which they were taken out, however many there are since.
        self.drained = {
            (d.epoch, d.endpoint.host, d.endpoint.port): d.endpoint.instance_id for d in plan.drained
        }
        # Of two instances with one address the first is meant, as in the endpoints that the node is given.
        current = {(e.host, e.port): e.instance_id for tier in reversed(plan.tiers) for e in reversed(tier)}
        before = self.addresses.get(plan.epoch, {})
        self.addresses[plan.epoch] = current if len(before) > MOST_ADDRESSES else before | current
        while len(self.addresses) > MOST_EPOCHS:
            gone = min(self.addresses)
            del self.addresses[gone]
            self.busy = {place for place in self.busy if self._stays(place, gone)}
            self.accounts = {place: a for place, a in self.accounts.items() if self._stays(place, gone)}

    def _stays(self, place: _Place, gone: int) -> bool:
        if place.epoch != gone:
            return True
        return any(place == _Place(key[0], instance_id) for key, instance_id in self.drained.items())

    def place(self, load: EndpointLoad) -> _Place | None:
        """None for an epoch long gone, or an address that was never ours."""
        epoch = token_epoch(load.sub_zone)
        if epoch is None:
            return None
        instance_id = self.addresses.get(epoch, {}).get((load.host, load.port))
        instance_id = instance_id or self.drained.get((epoch, load.host, load.port))
        return None if instance_id is None else _Place(epoch, instance_id)

    def add(self, loads: Iterable[EndpointLoad]) -> bool:
        told: dict[_Place, _Account] = {}
        for load in loads:
            place = self.place(load)
            if place is not None:
                account = told.setdefault(place, _Account())
                account.successes += load.successes
                account.errors += load.errors
                account.in_progress += load.in_progress
        # A node says nothing of an endpoint that carries nothing: silence means that no request is open there.
        for place in self.busy - told.keys():
            told[place] = _Account()
        self.busy = {place for place, account in told.items() if account.in_progress}
        for place, account in told.items():
            so_far = self.accounts.setdefault(place, _Account())
            so_far.successes += account.successes
            so_far.errors += account.errors
            so_far.in_progress = account.in_progress  # a gauge: the latest report is the truth
        return bool(told)


class TrafficAccounts:
    """Loads by address become evidence by instance. What nobody asks for is summed up, so it never grows.

    A node reports an address; which instance it was depends on the epoch, so the addresses of the last
    `MOST_EPOCHS` epochs are kept.
    """

    def __init__(self, node_id: str) -> None:
        self._node_id = node_id
        self._proxies: dict[str, _ProxyAccounts] = {}

    def know(self, plan: Plan) -> None:
        """Learn which instance is where in the plan's epoch; within one epoch later plans add to earlier ones."""
        self._proxies.setdefault(plan.proxy_id, _ProxyAccounts()).know(plan)

    def forget(self, proxy_id: str) -> None:
        """Drop everything about a proxy."""
        self._proxies.pop(proxy_id, None)

    def add(self, loads: Iterable[EndpointLoad]) -> bool:
        """Take in one whole report; whether it changed anything that we know of."""
        by_proxy: dict[str, list[EndpointLoad]] = {}
        for load in loads:
            by_proxy.setdefault(load.cluster, []).append(load)
        changed = [
            proxy.add(by_proxy.get(proxy_id, ()))
            for proxy_id, proxy in self._proxies.items()
            if proxy.busy or proxy_id in by_proxy
        ]
        return any(changed)

    def take(self) -> tuple[TrafficEvidence, ...]:
        """Everything since the last call, by proxy."""
        evidence = []
        for proxy_id, proxy in self._proxies.items():
            if not proxy.accounts:
                continue
            endpoints = tuple(
                EndpointTraffic(
                    instance_id=place.instance_id,
                    epoch=place.epoch,
                    successes=account.successes,
                    errors=account.errors,
                    in_progress=account.in_progress,
                )
                for place, account in proxy.accounts.items()
            )
            proxy.accounts = {}
            evidence.append(TrafficEvidence(node_id=self._node_id, proxy_id=proxy_id, endpoints=endpoints))
        return tuple(evidence)
