import json
from dataclasses import replace

from tests.proxies import NOON, instance, view_of
from tests.replaying import check_replay

from switchover.control.evidence import Record, evidence_of, record_of
from switchover.control.replay import Difference, replay
from switchover.decision.decide import decide
from switchover.decision.drills import Leg, move_leg
from switchover.decision.orders import order_execute, order_switchover
from switchover.decision.verdict import DecisionKind
from switchover.decision.view import View
from switchover.model.observation import Health
from switchover.model.policy import Strategy


def failed() -> View:
    return view_of(
        instance("a", Health.UNHEALTHY, priority=1),
        instance("b", priority=2, weight=1),
        instance("c", priority=3),
        active="a",
    )


def recorded(view: View) -> Record:
    evidence = evidence_of(view, decide(view, NOON), NOON, sightings={}, actor="switchover", reason="")
    return record_of(json.loads(json.dumps(evidence)))


def test_a_decision_replays_to_itself() -> None:
    check_replay(failed(), decide(failed(), NOON), NOON)
    hold = view_of(instance("a"), active="a")
    check_replay(hold, decide(hold, NOON), NOON)


def test_an_order_replays_to_itself_however_it_was_given() -> None:
    view = view_of(instance("a"), instance("b"), active="a")
    target = view.instances[1].instance_id
    for decision in (
        order_switchover(view, None, NOON),
        order_switchover(view, target, NOON),
        order_execute(view, view.instances[0].instance_id, target, NOON),
    ):
        check_replay(view, decision, NOON)


def test_a_forced_order_replays_to_itself() -> None:
    view = view_of(instance("a"), instance("b", Health.UNHEALTHY), active="a")
    decision = order_switchover(view, view.instances[1].instance_id, NOON, force=True)
    assert decision.facts["skipped"] == "unhealthy"
    check_replay(view, decision, NOON)


def test_both_legs_of_a_drill_replay_to_themselves() -> None:
    away = view_of(instance("a", priority=1), instance("b", priority=2), active="a")
    back = view_of(*away.instances, active="b")
    home, there = (each.instance_id for each in away.instances)
    check_replay(away, move_leg(away, Leg.OUT, home, there, NOON), NOON)
    check_replay(back, move_leg(back, Leg.BACK, there, home, NOON), NOON)


def test_another_policy_shows_what_it_would_have_done() -> None:
    record = recorded(failed())
    policy = replace(record.view.proxy.policy, unhealthy_threshold=20)

    outcome = replay(record, policy)

    assert outcome.replayed is not None
    assert (outcome.recorded.kind, outcome.replayed.kind) == (DecisionKind.FAILOVER, DecisionKind.HOLD)
    assert not outcome.is_same
    assert Difference(path="kind", recorded="failover", replayed="hold") in outcome.differences


def test_a_policy_that_makes_no_difference_says_so() -> None:
    record = recorded(failed())
    assert replay(record, replace(record.view.proxy.policy, exclusive=True)).is_same


def test_what_differs_is_named_by_its_path() -> None:
    record = recorded(failed())
    other = replay(record, replace(record.view.proxy.policy, failover_strategy=Strategy.ROUND_ROBIN))
    assert other.is_same
    candidates = tuple(replace(c, score=9) if c.name == "b" else c for c in record.decision.candidates)
    forged = replace(record, decision=replace(record.decision, candidates=candidates))
    assert replay(forged).differences == (Difference(path="candidates[b].score", recorded=9, replayed=0),)


def test_an_order_that_would_be_refused_now_tells_why() -> None:
    view = view_of(instance("a"), instance("b"), active="a")
    record = Record(at=NOON, view=view, decision=order_switchover(view, None, NOON))
    sick = replace(view, instances=(view.instances[0], instance("b", Health.UNHEALTHY)))

    outcome = replay(replace(record, view=sick))

    assert outcome.replayed is None
    assert not outcome.is_same
    assert outcome.refusal is not None
    assert outcome.refusal.startswith("instance b may not become active: unhealthy")
