import pytest
from tests.envoy_node import plan
from tests.unit.switch.envoy.delta_node import (
    CLUSTER,
    ENDPOINTS,
    LISTENER,
    ROUTE,
    A,
    B,
    a_plan,
    ask,
    configured,
    sent,
    take,
)

from switchover.switch.envoy.configuration import NodeConfiguration
from switchover.switch.envoy.messages import DeltaRequest, ResourceKind
from switchover.switch.envoy.session import Answer, DeltaSession


def _settled(configuration: NodeConfiguration, *names: str) -> DeltaSession:
    """A session whose node has everything."""
    session = DeltaSession(configuration)
    for kind in ResourceKind:
        session.receive(ask(kind, *([] if kind in {CLUSTER, LISTENER} else names)))
        sent(session)
    return session


def test_a_fresh_node_is_given_everything_it_asks_for() -> None:
    session = DeltaSession(configured(a_plan("x"), a_plan("y", port=10001)))

    session.receive(ask(CLUSTER))
    assert sent(session) == [(CLUSTER, ["x", "y"], [])]
    session.receive(ask(ENDPOINTS, "x", "y"))
    session.receive(ask(LISTENER, "*"))
    assert sent(session) == [(ENDPOINTS, ["x", "y"], []), (LISTENER, ["x", "y"], [])]
    session.receive(ask(ROUTE, "y"))
    assert sent(session) == [(ROUTE, ["y"], [])]
    assert sent(session) == []


def test_a_fresh_node_is_told_that_there_is_nothing() -> None:
    session = DeltaSession(configured())
    session.receive(ask(CLUSTER))

    assert sent(session) == [(CLUSTER, [], [])]
    assert sent(session) == []


def test_a_returning_node_is_sent_nothing_it_names_and_has_acknowledged_it() -> None:
    configuration = configured(a_plan())
    resources = configuration.resources("web")
    assert resources is not None
    session = DeltaSession(configuration)

    for resource in resources:
        names = () if resource.kind in {CLUSTER, LISTENER} else ("web",)
        answers = session.receive(ask(resource.kind, *names, has={"web": resource.version}))
        assert answers == (Answer(kind=resource.kind, name="web", version=resource.version),)

    assert sent(session) == []
    assert all(session.has(resource) for resource in resources)


def test_what_a_returning_node_has_and_should_not_is_removed_clusters_last() -> None:
    session = DeltaSession(configured(a_plan()))

    session.receive(ask(CLUSTER, has={"gone": "1", "web": "old"}))
    session.receive(ask(LISTENER, has={"gone": "1", "web": "old"}))

    assert sent(session) == [
        (CLUSTER, ["web"], []),
        (LISTENER, ["web"], ["gone"]),
        (CLUSTER, [], ["gone"]),
    ]


@pytest.mark.parametrize("kind", [ENDPOINTS, ROUTE])
def test_a_name_that_does_not_exist_is_answered_as_removed(kind: ResourceKind) -> None:
    session = DeltaSession(configured())
    session.receive(ask(kind, "nobody"))

    assert sent(session) == [(kind, [], ["nobody"])]


def test_a_name_that_is_asked_for_again_is_sent_again() -> None:
    session = _settled(configured(a_plan()), "web")

    session.receive(ask(ENDPOINTS, "web"))

    assert sent(session) == [(ENDPOINTS, ["web"], [])]


def test_a_switch_sends_the_endpoints_alone() -> None:
    configuration = configured(a_plan())
    session = _settled(configuration, "web")

    configuration.put(a_plan(epoch=2, active=B))
    session.offer("web")

    assert sent(session) == [(ENDPOINTS, ["web"], [])]


def test_after_a_cluster_its_endpoints_are_sent_again() -> None:
    configuration = configured(a_plan())
    session = _settled(configuration, "web")

    configuration.put(plan([A], port=10000, autonomous=False))
    session.offer("web")

    assert sent(session) == [(CLUSTER, ["web"], []), (ENDPOINTS, ["web"], [])]


def test_changes_that_wait_go_out_as_one() -> None:
    configuration = configured(a_plan())
    session = _settled(configuration, "web")

    for epoch in range(2, 100):
        configuration.put(a_plan(epoch=epoch))
        session.offer("web")

    [response] = session.responses()
    assert [r.version.partition("-")[0] for r in response.resources] == ["99"]


def test_a_withdrawn_proxy_goes_listener_first() -> None:
    configuration = configured(a_plan())
    session = _settled(configuration, "web")

    configuration.remove("web")
    session.offer("web")

    assert sent(session) == [(LISTENER, [], ["web"]), (CLUSTER, [], ["web"])]
    assert sent(session) == []


def test_a_change_back_is_sent_while_the_change_is_still_on_its_way() -> None:
    configuration = configured(a_plan())
    session = _settled(configuration, "web")
    first = configuration.resource(ENDPOINTS, "web")
    configuration.put(a_plan(epoch=1, active=B))
    session.offer("web")
    [on_its_way] = session.responses()

    configuration.put(a_plan())
    session.offer("web")

    assert first is not None
    assert not session.has(first)
    [back] = session.responses()
    assert back.resources == (first,)
    take(session, on_its_way)
    assert not session.has(first)
    take(session, back)
    assert session.has(first)


def test_a_proxy_that_comes_back_while_its_removal_is_on_its_way_is_sent() -> None:
    configuration = configured(a_plan())
    session = _settled(configuration, "web")
    configuration.remove("web")
    session.offer("web")
    session.responses()

    configuration.put(a_plan())
    session.offer("web")

    assert (LISTENER, ["web"], []) in sent(session)


def test_what_is_on_its_way_is_not_sent_twice() -> None:
    session = DeltaSession(configured(a_plan()))
    session.receive(ask(CLUSTER))
    assert len(session.responses()) == 1

    session.offer("web")

    assert session.responses() == ()


def test_a_refused_one_is_at_fault_and_is_sent_again_when_offered() -> None:
    session = DeltaSession(configured(a_plan()))
    session.receive(ask(LISTENER))
    [response] = session.responses()

    [answer] = take(session, response, "cannot bind")

    assert (answer.name, answer.error) == ("web", "cannot bind")
    assert session.responses() == ()
    session.offer("web")
    assert sent(session) == [(LISTENER, ["web"], [])]


def test_of_several_refused_together_each_is_sent_alone_to_find_the_one_at_fault() -> None:
    session = DeltaSession(configured(*(a_plan(name) for name in "xyz")))
    session.receive(ask(LISTENER))
    [together] = session.responses()

    assert take(session, together, "something about y") == ()

    alone = session.responses()
    assert [[r.name for r in response.resources] for response in alone] == [["x"], ["y"], ["z"]]
    errors = {
        answer.name: answer.error
        for response in alone
        for answer in take(session, response, "y is bad" if response.resources[0].name == "y" else None)
    }
    assert errors == {"x": None, "y": "y is bad", "z": None}


def test_a_newer_version_takes_the_place_of_one_to_be_sent_alone() -> None:
    configuration = configured(a_plan("x"), a_plan("y"))
    session = DeltaSession(configuration)
    session.receive(ask(ENDPOINTS, "x", "y"))
    [together] = session.responses()
    take(session, together, "bad")
    configuration.put(a_plan("x", epoch=2))
    session.offer("x")

    versions = [(r.name, r.version[0]) for response in session.responses() for r in response.resources]

    assert sorted(versions) == [("x", "2"), ("y", "1")]


def test_endpoints_older_than_what_the_node_acknowledged_are_held_back() -> None:
    configuration = configured(a_plan(epoch=5))
    session = DeltaSession(configuration)

    session.receive(ask(ENDPOINTS, "web", has={"web": "7-abc"}))

    assert configuration.newer_epoch("web") == 7
    assert sent(session) == []
    configuration.put(a_plan(epoch=7))
    session.offer("web")
    assert configuration.newer_epoch("web") is None
    assert sent(session) == [(ENDPOINTS, ["web"], [])]


def test_a_name_that_is_dropped_is_sent_no_more() -> None:
    configuration = configured(a_plan())
    session = _settled(configuration, "web")
    session.receive(ask(ENDPOINTS, drop=("web",)))

    configuration.put(a_plan(epoch=2))
    session.offer("web")

    assert sent(session) == []


def test_a_kind_that_we_do_not_serve_is_left_unanswered() -> None:
    session = DeltaSession(configured(a_plan()))
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
    session = _settled(configured(a_plan()), "web")

    assert session.receive(ask(CLUSTER, nonce="999")) == ()
    assert session.responses() == ()


def test_a_node_listens_once_it_asked_for_clusters_and_listeners() -> None:
    session = DeltaSession(configured())
    session.receive(ask(CLUSTER))
    assert not session.listens
    session.receive(ask(LISTENER))
    assert session.listens
