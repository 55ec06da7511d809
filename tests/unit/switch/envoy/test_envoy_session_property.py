"""Whatever is put, withdrawn, refused, delayed or cut off: in the end the node has what it should have."""

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.envoy_node import instance_id, plan

from switchover.model.plan import Endpoint
from switchover.switch.envoy.configuration import NodeConfiguration
from switchover.switch.envoy.messages import DeltaRequest, DeltaResponse, ResourceKind
from switchover.switch.envoy.session import DeltaSession
from switchover.switch.envoy.versions import acknowledged_epoch

WHOLE = (ResourceKind.CLUSTER, ResourceKind.LISTENER)
NAMED_BY = {ResourceKind.CLUSTER: ResourceKind.ENDPOINTS, ResourceKind.LISTENER: ResourceKind.ROUTE}
PROXIES = st.sampled_from(["x", "y", "z"])
ENDPOINTS = [Endpoint(instance_id=instance_id(n), host="10.0.0.1", port=80 + ord(n), weight=1) for n in "ab"]


class Node:
    """What Envoy does on a delta stream, as far as it matters: it names what it learns of, and answers in order."""

    def __init__(self) -> None:
        self.has: dict[ResourceKind, dict[str, str]] = {kind: {} for kind in ResourceKind}
        self.names: dict[ResourceKind, set[str]] = {kind: set() for kind in NAMED_BY.values()}
        self.received: deque[DeltaResponse] = deque()

    def connect(self, session: DeltaSession) -> None:
        self.received.clear()
        for kind in WHOLE:
            session.receive(_request(kind, has=self.has[kind]))
        for kind, names in self.names.items():
            if names:
                has = {name: version for name, version in self.has[kind].items() if name in names}
                session.receive(_request(kind, subscribe=tuple(names), has=has))

    def answer(self, session: DeltaSession, *, refuses: bool) -> None:
        response = self.received.popleft()
        if refuses:
            session.receive(_request(response.kind, nonce=response.nonce, error="no"))
            return
        kind, has = response.kind, self.has[response.kind]
        has.update({resource.name: resource.version for resource in response.resources})
        for name in response.removed:
            has.pop(name, None)
        session.receive(_request(kind, nonce=response.nonce))
        if kind in NAMED_BY:
            self._follow(session, NAMED_BY[kind], set(has))

    def _follow(self, session: DeltaSession, kind: ResourceKind, wanted: set[str]) -> None:
        new, dropped = wanted - self.names[kind], self.names[kind] - wanted
        self.names[kind] = wanted
        for name in dropped:
            self.has[kind].pop(name, None)
        if new or dropped:
            session.receive(_request(kind, subscribe=tuple(new), unsubscribe=tuple(dropped)))


def _request(
    kind: ResourceKind,
    *,
    subscribe: tuple[str, ...] = (),
    unsubscribe: tuple[str, ...] = (),
    has: dict[str, str] | None = None,
    nonce: str = "",
    error: str | None = None,
) -> DeltaRequest:
    return DeltaRequest(
        node_id="",
        type_url=kind.value,
        subscribe=subscribe,
        unsubscribe=unsubscribe,
        initial_versions=dict(has or {}),
        nonce=nonce,
        error=error,
    )


class SessionMachine(RuleBasedStateMachine):
    """Plans change while a node connects, answers, refuses and is cut off."""

    @initialize()
    def begin(self) -> None:
        self.configuration = NodeConfiguration()
        self.epochs: dict[str, int] = {}
        self.node = Node()
        self.connect(fresh=True)

    @rule(fresh=st.booleans())
    def connect(self, *, fresh: bool) -> None:
        self.session = DeltaSession(self.configuration, fresh=fresh)
        self.brought = {
            kind: {name: version for name, version in has.items() if version != self._version(kind, name)}
            for kind, has in self.node.has.items()
        }
        self.node.connect(self.session)

    @rule()
    def freshen(self) -> None:
        self.session.freshen()

    def _version(self, kind: ResourceKind, name: str) -> str | None:
        resource = self.configuration.resource(kind, name)
        return None if resource is None else resource.version

    @rule(
        proxy_id=PROXIES,
        step=st.integers(0, 1),
        endpoint=st.sampled_from(ENDPOINTS),
        autonomous=st.booleans(),
        port=st.integers(1, 2),
    )
    def put(self, proxy_id: str, step: int, endpoint: Endpoint, *, autonomous: bool, port: int) -> None:
        self.epochs[proxy_id] = self.epochs.get(proxy_id, 1) + step
        self.configuration.put(
            plan(
                [endpoint],
                proxy_id=proxy_id,
                epoch=self.epochs[proxy_id],
                autonomous=autonomous,
                port=port,
            )
        )
        self.session.offer(proxy_id)

    @rule(proxy_id=PROXIES)
    def withdraw(self, proxy_id: str) -> None:
        self.configuration.remove(proxy_id)
        self.session.offer(proxy_id)

    @rule()
    def send(self) -> None:
        self.node.received.extend(self.session.responses())

    @rule(refuses=st.booleans())
    def answer(self, *, refuses: bool) -> None:
        if self.node.received:
            self.node.answer(self.session, refuses=refuses)

    @rule()
    def take(self) -> None:
        """Offer everything once more, as a rollout does, and let the node take whatever comes."""
        for proxy_id in ("x", "y", "z"):
            self.session.offer(proxy_id)
        for _ in range(50):
            self.node.received.extend(self.session.responses())
            if not self.node.received:
                break
            self.node.answer(self.session, refuses=False)

    @rule(proxy_id=PROXIES, step=st.integers(0, 1), port=st.integers(1, 2), withdrawn=st.booleans())
    def come_with_what_we_do_not_know(self, proxy_id: str, step: int, port: int, *, withdrawn: bool) -> None:
        self.settle()
        if withdrawn:
            self.configuration.remove(proxy_id)
        else:
            self.put(proxy_id, step, ENDPOINTS[port - 1], autonomous=True, port=port)
        self.connect(fresh=False)
        self.take()

    @rule()
    def settle(self) -> None:
        """Once we know everything and the node takes whatever comes, it has what it should have."""
        self.session.freshen()
        self.take()
        wanted: dict[ResourceKind, dict[str, str]] = {kind: {} for kind in ResourceKind}
        for proxy_id in self.configuration:
            for resource in self.configuration.resources(proxy_id) or ():
                wanted[resource.kind][proxy_id] = resource.version
        assert self.node.has == wanted
        for proxy_id in self.configuration:
            assert all(self.session.has(r) for r in self.configuration.resources(proxy_id) or ())

    @invariant()
    def what_counts_as_acknowledged_is_what_the_node_has(self) -> None:
        for proxy_id in self.configuration:
            for resource in self.configuration.resources(proxy_id) or ():
                if self.session.has(resource):
                    assert self.node.has[resource.kind].get(proxy_id) == resource.version

    @invariant()
    def what_may_be_newer_than_we_know_stays(self) -> None:
        if self.session.is_fresh:
            return
        for kind, brought in self.brought.items():
            for name, version in brought.items():
                has = self.node.has[kind].get(name)
                newer = kind is ResourceKind.ENDPOINTS and (acknowledged_epoch(has or "") or 0) > (
                    acknowledged_epoch(version) or 0
                )
                # The node itself drops endpoints and routes of what it no longer refers to.
                dropped = kind in self.node.names and name not in self.node.names[kind]
                assert has == version or newer or dropped

    @invariant()
    def no_epoch_is_newer_than_the_desired_one(self) -> None:
        for proxy_id, version in self.node.has[ResourceKind.ENDPOINTS].items():
            assert (acknowledged_epoch(version) or 0) <= self.epochs[proxy_id]


TestSession = SessionMachine.TestCase
TestSession.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
