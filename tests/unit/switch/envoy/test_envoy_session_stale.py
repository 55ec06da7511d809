"""A session of a replica that may know less than its node."""

from collections.abc import Mapping

from tests.unit.switch.envoy.delta_node import (
    CLUSTER,
    ENDPOINTS,
    LISTENER,
    ROUTE,
    B,
    a_plan,
    ask,
    configured,
    sent,
    take,
)

from switchover.switch.envoy.configuration import NodeConfiguration
from switchover.switch.envoy.messages import ResourceKind
from switchover.switch.envoy.session import DeltaSession


def _stale(configuration: NodeConfiguration, has: Mapping[str, str] | None = None) -> DeltaSession:
    """A session of a replica that may know less than its node, which names what it has of every kind."""
    session = DeltaSession(configuration, fresh=False)
    for kind in ResourceKind:
        names = () if kind in {CLUSTER, LISTENER} else tuple(has or ("web",))
        session.receive(ask(kind, *names, has=has))
    return session


def test_while_we_may_know_less_nothing_that_the_node_has_is_changed_or_taken_away() -> None:
    session = _stale(configured(a_plan()), has={"web": "1-abc", "new": "1-def"})

    assert sent(session) == []
    session.offer("web")
    assert sent(session) == []


def test_while_we_may_know_less_what_we_gave_is_not_taken_away_either() -> None:
    configuration = configured(a_plan())
    session = _stale(configuration)
    for response in session.responses():
        take(session, response)

    configuration.remove("web")
    session.offer("web")
    assert sent(session) == []

    session.freshen()
    assert {kind for kind, _, removed in sent(session) if removed == ["web"]} >= {CLUSTER, LISTENER}


def test_while_we_may_know_less_a_node_is_given_what_it_lacks() -> None:
    session = _stale(configured(a_plan()))

    assert sent(session) == [(kind, ["web"], []) for kind in ResourceKind]


def test_once_we_know_everything_what_was_held_back_is_sent() -> None:
    session = _stale(configured(a_plan()), has={"web": "1-abc", "gone": "1-def"})
    assert sent(session) == []

    session.freshen()

    assert sorted(sent(session)) == sorted(
        [
            (CLUSTER, ["web"], []),
            (ENDPOINTS, ["web"], ["gone"]),
            (LISTENER, ["web"], ["gone"]),
            (ROUTE, ["web"], ["gone"]),
            (CLUSTER, [], ["gone"]),
        ]
    )


def test_while_we_may_know_less_endpoints_of_a_newer_epoch_are_sent_and_then_those_that_follow() -> None:
    configuration = configured(a_plan(epoch=7))
    session = _stale(configuration, has={"web": "6-0123"})

    assert sent(session) == [(ENDPOINTS, ["web"], [])]
    configuration.put(a_plan(epoch=7, active=B))
    session.offer("web")
    assert sent(session) == [(ENDPOINTS, ["web"], [])]


def test_while_we_may_know_less_endpoints_of_the_same_epoch_are_held_back() -> None:
    session = _stale(configured(a_plan(epoch=6)), has={"web": "6-0123"})

    assert sent(session) == []


def test_what_the_node_has_as_we_know_it_may_change_at_once() -> None:
    configuration = configured(a_plan())
    resources = configuration.resources("web")
    assert resources is not None
    session = DeltaSession(configuration, fresh=False)
    for resource in resources:
        names = () if resource.kind in {CLUSTER, LISTENER} else ("web",)
        session.receive(ask(resource.kind, *names, has={"web": resource.version}))

    configuration.put(a_plan(port=10001))
    session.offer("web")

    assert sent(session) == [(LISTENER, ["web"], [])]
