from collections.abc import Mapping

import pytest
from tests.envoy_node import instance_id, plan

from switchover.model.plan import Endpoint, Plan
from switchover.switch.envoy.configuration import NodeConfiguration
from switchover.switch.envoy.messages import DeltaRequest, DeltaResponse, ResourceKind
from switchover.switch.envoy.session import Answer, DeltaSession

CLUSTER, ENDPOINTS, LISTENER, ROUTE = ResourceKind
A = Endpoint(instance_id=instance_id("a"), host="10.0.0.1", port=80, weight=1)
B = Endpoint(instance_id=instance_id("b"), host="10.0.0.2", port=80, weight=1)


def _plan(proxy_id: str = "web", epoch: int = 1, port: int = 10000, active: Endpoint = A) -> Plan:
    return plan([active], port=port, proxy_id=proxy_id, epoch=epoch)


def _configuration(*plans: Plan) -> NodeConfiguration:
    configuration = NodeConfiguration()
    for each in plans:
        configuration.put(each)
    return configuration


def _ask(
    kind: ResourceKind,
    *names: str,
    has: Mapping[str, str] | None = None,
    drop: tuple[str, ...] = (),
    nonce: str = "",
    error: str | None = None,
) -> DeltaRequest:
    return DeltaRequest(
        node_id="",
        type_url=kind.value,
        subscribe=names,
        unsubscribe=drop,
        initial_versions=has or {},
        nonce=nonce,
        error=error,
    )


def _take(session: DeltaSession, response: DeltaResponse, error: str | None = None) -> tuple[Answer, ...]:
    return session.receive(_ask(response.kind, nonce=response.nonce, error=error))


def _sent(session: DeltaSession) -> list[tuple[ResourceKind, list[str], list[str]]]:
    """What is sent now, all of it acknowledged."""
    sent = []
    for response in session.responses():
        sent.append((response.kind, [r.name for r in response.resources], list(response.removed)))
        _take(session, response)
    return sent


def _settled(configuration: NodeConfiguration, *names: str) -> DeltaSession:
    """A session whose node has everything."""
    session = DeltaSession(configuration)
    for kind in ResourceKind:
        session.receive(_ask(kind, *([] if kind in {CLUSTER, LISTENER} else names)))
        _sent(session)
    return session


def test_a_fresh_node_is_given_everything_it_asks_for() -> None:
    session = DeltaSession(_configuration(_plan("x"), _plan("y", port=10001)))

    session.receive(_ask(CLUSTER))
    assert _sent(session) == [(CLUSTER, ["x", "y"], [])]
    session.receive(_ask(ENDPOINTS, "x", "y"))
    session.receive(_ask(LISTENER, "*"))
    assert _sent(session) == [(ENDPOINTS, ["x", "y"], []), (LISTENER, ["x", "y"], [])]
    session.receive(_ask(ROUTE, "y"))
    assert _sent(session) == [(ROUTE, ["y"], [])]
    assert _sent(session) == []


def test_a_fresh_node_is_told_that_there_is_nothing() -> None:
    session = DeltaSession(_configuration())
    session.receive(_ask(CLUSTER))

    assert _sent(session) == [(CLUSTER, [], [])]
    assert _sent(session) == []


def test_a_returning_node_is_sent_nothing_it_names_and_has_acknowledged_it() -> None:
    configuration = _configuration(_plan())
    resources = configuration.resources("web")
    assert resources is not None
    session = DeltaSession(configuration)

    for resource in resources:
        names = () if resource.kind in {CLUSTER, LISTENER} else ("web",)
        answers = session.receive(_ask(resource.kind, *names, has={"web": resource.version}))
        assert answers == (Answer(kind=resource.kind, name="web", version=resource.version),)

    assert _sent(session) == []
    assert all(session.has(resource) for resource in resources)


def test_what_a_returning_node_has_and_should_not_is_removed_clusters_last() -> None:
    session = DeltaSession(_configuration(_plan()))

    session.receive(_ask(CLUSTER, has={"gone": "1", "web": "old"}))
    session.receive(_ask(LISTENER, has={"gone": "1", "web": "old"}))

    assert _sent(session) == [
        (CLUSTER, ["web"], []),
        (LISTENER, ["web"], ["gone"]),
        (CLUSTER, [], ["gone"]),
    ]


@pytest.mark.parametrize("kind", [ENDPOINTS, ROUTE])
def test_a_name_that_does_not_exist_is_answered_as_removed(kind: ResourceKind) -> None:
    session = DeltaSession(_configuration())
    session.receive(_ask(kind, "nobody"))

    assert _sent(session) == [(kind, [], ["nobody"])]


def test_a_name_that_is_asked_for_again_is_sent_again() -> None:
    session = _settled(_configuration(_plan()), "web")

    session.receive(_ask(ENDPOINTS, "web"))

    assert _sent(session) == [(ENDPOINTS, ["web"], [])]


def test_a_switch_sends_the_endpoints_alone() -> None:
    configuration = _configuration(_plan())
    session = _settled(configuration, "web")

    configuration.put(_plan(epoch=2, active=B))
    session.offer("web")

    assert _sent(session) == [(ENDPOINTS, ["web"], [])]


def test_after_a_cluster_its_endpoints_are_sent_again() -> None:
    configuration = _configuration(_plan())
    session = _settled(configuration, "web")

    configuration.put(plan([A], port=10000, autonomous=False))
    session.offer("web")

    assert _sent(session) == [(CLUSTER, ["web"], []), (ENDPOINTS, ["web"], [])]


def test_changes_that_wait_go_out_as_one() -> None:
    configuration = _configuration(_plan())
    session = _settled(configuration, "web")

    for epoch in range(2, 100):
        configuration.put(_plan(epoch=epoch))
        session.offer("web")

    [response] = session.responses()
    assert [r.version.partition("-")[0] for r in response.resources] == ["99"]


def test_a_withdrawn_proxy_goes_listener_first() -> None:
    configuration = _configuration(_plan())
    session = _settled(configuration, "web")

    configuration.remove("web")
    session.offer("web")

    assert _sent(session) == [(LISTENER, [], ["web"]), (CLUSTER, [], ["web"])]
    assert _sent(session) == []


def test_a_change_back_is_sent_while_the_change_is_still_on_its_way() -> None:
    configuration = _configuration(_plan())
    session = _settled(configuration, "web")
    first = configuration.resource(ENDPOINTS, "web")
    configuration.put(_plan(epoch=1, active=B))
    session.offer("web")
    [on_its_way] = session.responses()

    configuration.put(_plan())
    session.offer("web")

    assert first is not None
    assert not session.has(first)
    [back] = session.responses()
    assert back.resources == (first,)
    _take(session, on_its_way)
    assert not session.has(first)
    _take(session, back)
    assert session.has(first)


def test_a_proxy_that_comes_back_while_its_removal_is_on_its_way_is_sent() -> None:
    configuration = _configuration(_plan())
    session = _settled(configuration, "web")
    configuration.remove("web")
    session.offer("web")
    session.responses()

    configuration.put(_plan())
    session.offer("web")

    assert (LISTENER, ["web"], []) in _sent(session)


def test_what_is_on_its_way_is_not_sent_twice() -> None:
    session = DeltaSession(_configuration(_plan()))
    session.receive(_ask(CLUSTER))
    assert len(session.responses()) == 1

    session.offer("web")

    assert session.responses() == ()


def test_a_refused_one_is_at_fault_and_is_sent_again_when_offered() -> None:
    session = DeltaSession(_configuration(_plan()))
    session.receive(_ask(LISTENER))
    [response] = session.responses()

    [answer] = _take(session, response, "cannot bind")

    assert (answer.name, answer.error) == ("web", "cannot bind")
    assert session.responses() == ()
    session.offer("web")
    assert _sent(session) == [(LISTENER, ["web"], [])]


def test_of_several_refused_together_each_is_sent_alone_to_find_the_one_at_fault() -> None:
    session = DeltaSession(_configuration(*(_plan(name) for name in "xyz")))
    session.receive(_ask(LISTENER))
    [together] = session.responses()

    assert _take(session, together, "something about y") == ()

    alone = session.responses()
    assert [[r.name for r in response.resources] for response in alone] == [["x"], ["y"], ["z"]]
    errors = {
        answer.name: answer.error
        for response in alone
        for answer in _take(session, response, "y is bad" if response.resources[0].name == "y" else None)
    }
    assert errors == {"x": None, "y": "y is bad", "z": None}


def test_a_newer_version_takes_the_place_of_one_to_be_sent_alone() -> None:
    configuration = _configuration(_plan("x"), _plan("y"))
    session = DeltaSession(configuration)
    session.receive(_ask(ENDPOINTS, "x", "y"))
    [together] = session.responses()
    _take(session, together, "bad")
    configuration.put(_plan("x", epoch=2))
    session.offer("x")

    versions = [(r.name, r.version[0]) for response in session.responses() for r in response.resources]

    assert sorted(versions) == [("x", "2"), ("y", "1")]


def test_endpoints_older_than_what_the_node_acknowledged_are_held_back() -> None:
    configuration = _configuration(_plan(epoch=5))
    session = DeltaSession(configuration)

    session.receive(_ask(ENDPOINTS, "web", has={"web": "7-abc"}))

    assert configuration.newer_epoch("web") == 7
    assert _sent(session) == []
    configuration.put(_plan(epoch=7))
    session.offer("web")
    assert configuration.newer_epoch("web") is None
    assert _sent(session) == [(ENDPOINTS, ["web"], [])]


def test_a_name_that_is_dropped_is_sent_no_more() -> None:
    configuration = _configuration(_plan())
    session = _settled(configuration, "web")
    session.receive(_ask(ENDPOINTS, drop=("web",)))

    configuration.put(_plan(epoch=2))
    session.offer("web")

    assert _sent(session) == []


def test_a_kind_that_we_do_not_serve_is_left_unanswered() -> None:
    session = DeltaSession(_configuration(_plan()))
    request = DeltaRequest(
        node_id="n",
        type_url="type.googleapis.com/envoy.service.runtime.v3.Runtime",
        subscribe=("x",),
        unsubscribe=(),
        initial_versions={},
        nonce="",
        error=None,
    )

    assert session.receive(request) == ()
    assert session.responses() == ()


def test_an_answer_to_nothing_we_said_is_ignored() -> None:
    session = _settled(_configuration(_plan()), "web")

    assert session.receive(_ask(CLUSTER, nonce="999")) == ()
    assert session.responses() == ()


def test_a_node_listens_once_it_asked_for_clusters_and_listeners() -> None:
    session = DeltaSession(_configuration())
    session.receive(_ask(CLUSTER))
    assert not session.listens
    session.receive(_ask(LISTENER))
    assert session.listens


def _stale(configuration: NodeConfiguration, has: Mapping[str, str] | None = None) -> DeltaSession:
    """A session of a replica that may know less than its node, which names what it has of every kind."""
    session = DeltaSession(configuration, fresh=False)
    for kind in ResourceKind:
        names = () if kind in {CLUSTER, LISTENER} else tuple(has or ("web",))
        session.receive(_ask(kind, *names, has=has))
    return session


def test_while_we_may_know_less_nothing_that_the_node_has_is_changed_or_taken_away() -> None:
    session = _stale(_configuration(_plan()), has={"web": "1-abc", "new": "1-def"})

    assert _sent(session) == []
    session.offer("web")
    assert _sent(session) == []


def test_while_we_may_know_less_what_we_gave_is_not_taken_away_either() -> None:
    configuration = _configuration(_plan())
    session = _stale(configuration)
    for response in session.responses():
        _take(session, response)

    configuration.remove("web")
    session.offer("web")
    assert _sent(session) == []

    session.freshen()
    assert {kind for kind, _, removed in _sent(session) if removed == ["web"]} >= {CLUSTER, LISTENER}


def test_while_we_may_know_less_a_node_is_given_what_it_lacks() -> None:
    session = _stale(_configuration(_plan()))

    assert _sent(session) == [(kind, ["web"], []) for kind in ResourceKind]


def test_once_we_know_everything_what_was_held_back_is_sent() -> None:
    session = _stale(_configuration(_plan()), has={"web": "1-abc", "gone": "1-def"})
    assert _sent(session) == []

    session.freshen()

    assert sorted(_sent(session)) == sorted(
        [
            (CLUSTER, ["web"], []),
            (ENDPOINTS, ["web"], ["gone"]),
            (LISTENER, ["web"], ["gone"]),
            (ROUTE, ["web"], ["gone"]),
            (CLUSTER, [], ["gone"]),
        ]
    )


def test_while_we_may_know_less_endpoints_of_a_newer_epoch_are_sent_and_then_those_that_follow() -> None:
    configuration = _configuration(_plan(epoch=7))
    session = _stale(configuration, has={"web": "6-0123"})

    assert _sent(session) == [(ENDPOINTS, ["web"], [])]
    configuration.put(_plan(epoch=7, active=B))
    session.offer("web")
    assert _sent(session) == [(ENDPOINTS, ["web"], [])]


def test_while_we_may_know_less_endpoints_of_the_same_epoch_are_held_back() -> None:
    session = _stale(_configuration(_plan(epoch=6)), has={"web": "6-0123"})

    assert _sent(session) == []


def test_what_the_node_has_as_we_know_it_may_change_at_once() -> None:
    configuration = _configuration(_plan())
    resources = configuration.resources("web")
    assert resources is not None
    session = DeltaSession(configuration, fresh=False)
    for resource in resources:
        names = () if resource.kind in {CLUSTER, LISTENER} else ("web",)
        session.receive(_ask(resource.kind, *names, has={"web": resource.version}))

    configuration.put(_plan(port=10001))
    session.offer("web")

    assert _sent(session) == [(LISTENER, ["web"], [])]
