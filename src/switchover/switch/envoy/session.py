"""The delta xDS protocol of one stream: requests in, answers and responses out. Pure: no I/O, no clock.

Rules (Envoy's xDS protocol, "Incremental xDS", and what Envoy 1.40 was seen to need):
- What a node names when it connects (`initial_resource_versions`) counts as acknowledged and is not sent again; what
  it has and should not have is removed.
- A subscription to one name is always answered, with `removed_resources` when there is no such resource: otherwise the
  node waits for it until its fetch timeout.
- Clusters, endpoints, listeners, routes, and removed clusters last, so that nothing refers to what is not there.
- After a cluster its endpoints are sent again, or the new cluster waits for them until its fetch timeout.
- While we may know less than the replica that the node was connected to before, the node keeps what it brought:
  only what it lacks, and endpoints of a newer epoch than it has, are sent (docs/adr/0012).
- A refused response says which part is at fault only in words, and endpoints after the faulty one are not even looked
  at. So each of its parts is sent again alone; what is refused alone is at fault.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from switchover.switch.envoy.configuration import NodeConfiguration
from switchover.switch.envoy.messages import DeltaRequest, DeltaResponse, NamedResource, ResourceKind
from switchover.switch.envoy.versions import acknowledged_epoch

_WILDCARD = "*"
# A node asks for all of these without naming them; the others it names as it learns of them.
_LISTED_WHOLE = frozenset({ResourceKind.CLUSTER, ResourceKind.LISTENER})
_REMOVED = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a node said about one resource.

    Attributes:
        kind: Its kind.
        name: Its name, which is the proxy's id.
        version: The version it took or refused; empty for a removal.
        error: Why it refused, in its own words; None when it took it.
    """

    kind: ResourceKind
    name: str
    version: str
    error: str | None = None


@dataclass(slots=True)
class _Subscription:
    """One kind on one stream.

    Attributes:
        known: Name → version that the node has acknowledged.
        sent: Name → version that is on its way and not yet answered.
        brought: Names of what the node came with that is not what we know, while we may know less than it does.
        due: Names to look at when we next may speak; True when the name must be sent even if it is known.
        alone: Names to send one by one, because a response that held them was refused.
    """

    wildcard: bool = False
    must_answer: bool = False
    names: set[str] = field(default_factory=set)
    known: dict[str, str] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    brought: set[str] = field(default_factory=set)
    due: dict[str, bool] = field(default_factory=dict)
    alone: list[str] = field(default_factory=list)

    def wants(self, name: str) -> bool:
        return self.wildcard or name in self.names

    def latest(self, name: str) -> str:
        """The version that the node has once it has taken in what is on its way; empty for none."""
        return self.sent.get(name, self.known.get(name, _REMOVED))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    kind: ResourceKind
    versions: Mapping[str, str]


class DeltaSession:
    """One stream's conversation. `receive` what the node says, then send all of `responses`.

    Args:
        configuration: What the node should have.
        fresh: Whether that holds everything that other replicas may have told the node before this stream.
    """

    def __init__(self, configuration: NodeConfiguration, *, fresh: bool = True) -> None:
        self._configuration = configuration
        self._fresh = fresh
        self._subscriptions: dict[ResourceKind, _Subscription] = {}
        self._batches: dict[str, _Batch] = {}
        self._nonces = 0

    @property
    def listens(self) -> bool:
        """Whether the node has asked for clusters and for listeners, as every working one does."""
        return self._subscriptions.keys() >= _LISTED_WHOLE

    @property
    def is_fresh(self) -> bool:
        """Whether everything that the node should have may be sent."""
        return self._fresh

    def freshen(self) -> None:
        """The desired configuration now holds everything that other replicas may have told the node before."""
        self._fresh = True
        for subscription in self._subscriptions.values():
            for name in subscription.brought:
                subscription.due.setdefault(name, False)
            subscription.brought.clear()

    def offer(self, proxy_id: str) -> None:
        """Send what the node has not acknowledged of the desired configuration of a proxy and is not on its way."""
        for kind, subscription in self._subscriptions.items():
            # Endpoints and routes go with the cluster and the listener that refer to them.
            if kind in _LISTED_WHOLE or self._configuration.resource(kind, proxy_id) is not None:
                subscription.due.setdefault(proxy_id, False)

    def has(self, resource: NamedResource) -> bool:
        """Whether the node has acknowledged exactly this, and nothing else is on its way."""
        subscription = self._subscriptions.get(resource.kind)
        return (
            subscription is not None
            and subscription.known.get(resource.name) == resource.version
            and subscription.latest(resource.name) == resource.version
        )

    def receive(self, request: DeltaRequest) -> tuple[Answer, ...]:
        """Take in one request; what it says about resources, in no order."""
        try:
            kind = ResourceKind(request.type_url)
        except ValueError:
            return ()  # a kind that we never refer to: nothing can wait for it
        answers: list[Answer] = []
        subscription = self._subscriptions.get(kind)
        if subscription is None:
            subscription = self._subscriptions[kind] = _Subscription()
            answers += self._open(kind, subscription, request)
        else:
            self._subscribe(kind, subscription, request)
        answers += self._answered(request)
        return tuple(answers)

    def responses(self) -> tuple[DeltaResponse, ...]:
        """What to send now, in order; each call takes it."""
        responses: list[DeltaResponse] = []
        removed_clusters: list[DeltaResponse] = []
        for kind in ResourceKind:
            subscription = self._subscriptions.get(kind)
            if subscription is None:
                continue
            resources, removed = self._due(kind, subscription)
            if kind is ResourceKind.CLUSTER:
                if removed:
                    removed_clusters.append(self._response(kind, (), removed))
                    removed = ()
                self._repeat_endpoints(resource.name for resource in resources)
            if resources or removed or subscription.must_answer:
                responses.append(self._response(kind, resources, removed))
                subscription.must_answer = False
            responses += self._alone(kind, subscription)
        return (*responses, *removed_clusters)

    def _open(
        self, kind: ResourceKind, subscription: _Subscription, request: DeltaRequest
    ) -> Iterable[Answer]:
        """The first request of a kind: what the node wants, and what it already has."""
        subscription.known.update(request.initial_versions)
        subscription.names.update(request.subscribe)
        subscription.names.discard(_WILDCARD)
        # A first request without names asks for everything.
        subscription.wildcard = kind in _LISTED_WHOLE and (
            not request.subscribe or _WILDCARD in request.subscribe
        )
        if subscription.wildcard:
            # Even nothing is an answer: a node that just started waits for it.
            subscription.must_answer = not request.initial_versions
            for name in (*self._configuration, *subscription.known):
                subscription.due.setdefault(name, False)
        for name in request.subscribe:
            if name != _WILDCARD:
                subscription.due[name] = name not in subscription.known
        for name, version in request.initial_versions.items():
            if not self._fresh and version != self._version(kind, name):
                subscription.brought.add(name)
            self._note_epoch(kind, name, version)
            yield Answer(kind=kind, name=name, version=version)

    def _subscribe(self, kind: ResourceKind, subscription: _Subscription, request: DeltaRequest) -> None:
        for name in request.unsubscribe:
            subscription.names.discard(name)
            if name == _WILDCARD:
                subscription.wildcard = False
            elif not subscription.wildcard:
                subscription.known.pop(name, None)
                subscription.sent.pop(name, None)
                subscription.due.pop(name, None)
        for name in request.subscribe:
            if name == _WILDCARD and kind in _LISTED_WHOLE:
                subscription.wildcard = True
                subscription.due.update(dict.fromkeys(self._configuration, False))
            else:
                subscription.names.add(name)
                subscription.due[name] = True

    def _answered(self, request: DeltaRequest) -> Iterable[Answer]:
        batch = self._batches.pop(request.nonce, None)
        if batch is None:
            return
        subscription = self._subscriptions[batch.kind]
        for name, version in batch.versions.items():
            if subscription.sent.get(name) == version:
                del subscription.sent[name]
        if request.error is not None and len(batch.versions) > 1:
            subscription.alone += batch.versions
            return
        for name, version in batch.versions.items():
            if request.error is None and version == _REMOVED:
                subscription.known.pop(name, None)
            elif request.error is None:
                subscription.known[name] = version
                subscription.brought.discard(name)
                self._note_epoch(batch.kind, name, version)
            yield Answer(kind=batch.kind, name=name, version=version, error=request.error)

    def _note_epoch(self, kind: ResourceKind, name: str, version: str) -> None:
        epoch = acknowledged_epoch(version) if kind is ResourceKind.ENDPOINTS else None
        if epoch is not None:
            self._configuration.note_acknowledged(name, epoch)

    def _due(
        self, kind: ResourceKind, subscription: _Subscription
    ) -> tuple[tuple[NamedResource, ...], tuple[str, ...]]:
        resources: list[NamedResource] = []
        removed: list[str] = []
        for name, must in subscription.due.items():
            if not subscription.wants(name) or self._held_back(kind, subscription, name):
                continue
            resource = self._configuration.resource(kind, name)
            if resource is None:
                has_it = subscription.latest(name) != _REMOVED
                if (must or has_it) and not self._left_alone(subscription, name):
                    removed.append(name)
            elif must or subscription.latest(name) != resource.version:
                resources.append(resource)
        subscription.due.clear()
        return tuple(resources), tuple(removed)

    def _alone(self, kind: ResourceKind, subscription: _Subscription) -> Iterable[DeltaResponse]:
        names, subscription.alone = subscription.alone, []
        for name in names:
            held_back = self._held_back(kind, subscription, name)
            if not subscription.wants(name) or held_back or name in subscription.sent:
                continue
            resource = self._configuration.resource(kind, name)
            if resource is not None:
                yield self._response(kind, (resource,), ())
            elif not self._left_alone(subscription, name):
                yield self._response(kind, (), (name,))

    def _left_alone(self, subscription: _Subscription, name: str) -> bool:
        """Whether the node keeps what we do not know, until we are fresh and look again."""
        if self._fresh or subscription.latest(name) == _REMOVED:
            return False
        subscription.brought.add(name)
        return True

    def _held_back(self, kind: ResourceKind, subscription: _Subscription, name: str) -> bool:
        is_endpoints = kind is ResourceKind.ENDPOINTS
        if is_endpoints and self._configuration.newer_epoch(name) is not None:
            return True
        if name not in subscription.brought:
            return False
        return not is_endpoints or not self._is_newer(name, subscription.known.get(name, _REMOVED))

    def _is_newer(self, name: str, endpoints_version: str) -> bool:
        """Whether the desired epoch is above that of these endpoints."""
        plan, epoch = self._configuration.plan(name), acknowledged_epoch(endpoints_version)
        return plan is not None and epoch is not None and plan.epoch > epoch

    def _version(self, kind: ResourceKind, name: str) -> str:
        resource = self._configuration.resource(kind, name)
        return _REMOVED if resource is None else resource.version

    def _repeat_endpoints(self, names: Iterable[str]) -> None:
        endpoints = self._subscriptions.get(ResourceKind.ENDPOINTS)
        if endpoints is not None:
            endpoints.due.update(dict.fromkeys(names, True))

    def _response(
        self, kind: ResourceKind, resources: tuple[NamedResource, ...], removed: tuple[str, ...]
    ) -> DeltaResponse:
        self._nonces += 1
        nonce = str(self._nonces)
        versions = {resource.name: resource.version for resource in resources}
        versions |= dict.fromkeys(removed, _REMOVED)
        self._batches[nonce] = _Batch(kind=kind, versions=versions)
        self._subscriptions[kind].sent.update(versions)
        return DeltaResponse(kind=kind, nonce=nonce, resources=resources, removed=removed)
