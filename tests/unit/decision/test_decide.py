from datetime import datetime

import pytest
from tests.proxies import NOON, after, flapped, health_of, id_of, instance, view_of

from switchover.decision.decide import decide
from switchover.decision.evaluate import evaluate
from switchover.decision.reasons import Reason, Veto, sentence
from switchover.decision.verdict import Decision, DecisionKind
from switchover.model.instance import AdminState
from switchover.model.observation import Health
from switchover.model.policy import Strategy


def verdict(decision: Decision) -> tuple[DecisionKind, Reason]:
    return decision.kind, decision.reason


def test_the_order_of_the_instances_in_the_view_does_not_matter() -> None:
    a, b, c = instance("a", Health.UNHEALTHY), instance("b"), instance("c", priority=50)
    assert decide(view_of(a, b, c, active="a"), NOON) == decide(view_of(c, b, a, active="a"), NOON)


def test_the_evidence_lists_the_eligible_by_score_then_the_vetoed_by_preference() -> None:
    view = view_of(
        instance("a", Health.UNHEALTHY, priority=90),
        instance("b", priority=20),
        instance("c", priority=10),
        instance("d", Health.UNKNOWN, priority=1, admin_state=AdminState.MAINTENANCE),
        active="a",
    )
    decision = decide(view, NOON)
    assert [(c.name, c.score, c.vetoes) for c in decision.candidates] == [
        ("c", 0, ()),
        ("b", 1, ()),
        ("d", None, (Veto.IN_MAINTENANCE, Veto.HEALTH_UNKNOWN)),
        ("a", None, (Veto.UNHEALTHY,)),
    ]
    assert (decision.source_instance_id, decision.target_instance_id) == (id_of("a"), id_of("c"))
    assert decision.detected_at == after(-1000)
    assert decision.facts == {"failures": 10}


@pytest.mark.parametrize(
    ("failures", "kind"), [(2, DecisionKind.HOLD), (3, DecisionKind.FAILOVER), (4, DecisionKind.FAILOVER)]
)
def test_an_unhealthy_active_is_left_at_as_many_failures_as_the_policy_says(
    failures: int, kind: DecisionKind
) -> None:
    failed = instance("a", health=health_of(Health.UNHEALTHY, failures=failures))
    assert decide(view_of(failed, instance("b"), active="a", unhealthy_threshold=3), NOON).kind is kind


def test_an_order_comes_before_a_failure() -> None:
    failed = instance("a", Health.UNHEALTHY, admin_state=AdminState.DRAIN, admin_changed_at=after(-5))
    decision = decide(view_of(failed, instance("b"), active="a"), NOON)
    assert verdict(decision) == (DecisionKind.SWITCHOVER, Reason.ACTIVE_DRAINED)
    assert decision.detected_at == after(-5)


@pytest.mark.parametrize(
    ("now", "kind"),
    [(after(5.999), DecisionKind.HOLD), (after(6), DecisionKind.ACTIVATE), (after(-9999), DecisionKind.HOLD)],
)
def test_activation_waits_to_the_very_end_of_its_bound(now: datetime, kind: DecisionKind) -> None:
    view = view_of(instance("a", Health.UNKNOWN, priority=1), instance("b", since=0))
    decision = decide(view, now)
    assert decision.kind is kind
    assert decision.recheck_at == (after(6) if kind is DecisionKind.HOLD else None)


def test_activation_by_round_robin_waits_for_earlier_names_not_for_better_priorities() -> None:
    late = instance("c", Health.UNKNOWN, priority=1)
    view = view_of(late, instance("b", since=0), failover_strategy=Strategy.ROUND_ROBIN)
    assert decide(view, NOON).target_instance_id == id_of("b")


@pytest.mark.parametrize(
    ("now", "kind"),
    [(after(4.999), DecisionKind.HOLD), (after(5), DecisionKind.FAILBACK), (after(-9999), DecisionKind.HOLD)],
)
def test_failback_waits_to_the_very_end_of_the_hold_down(now: datetime, kind: DecisionKind) -> None:
    view = view_of(instance("a", since=0, priority=1), instance("b"), active="b")
    decision = decide(view, now)
    assert decision.kind is kind
    if kind is DecisionKind.HOLD:
        assert decision.recheck_at == after(5)
        seconds = decision.facts["seconds"]
        assert isinstance(seconds, float)
        assert 0 < seconds <= 300


def test_the_hold_down_counts_from_the_later_of_health_and_order() -> None:
    preferred = instance("a", since=-100, priority=1, admin_changed_at=after(-1))
    assert decide(view_of(preferred, instance("b"), active="b"), NOON).recheck_at == after(4)


def test_a_higher_weight_is_preferred_and_a_name_is_not() -> None:
    heavier = view_of(instance("a", weight=200), instance("b"), active="b")
    assert decide(heavier, NOON).kind is DecisionKind.FAILBACK
    alike = view_of(instance("a"), instance("b"), active="b")
    assert verdict(decide(alike, NOON)) == (DecisionKind.HOLD, Reason.NO_FAILOVER_NEEDED)


def test_a_pin_on_another_instance_has_no_force() -> None:
    view = view_of(instance("a", priority=1), instance("b"), active="b", pin="a")
    assert decide(view, NOON).kind is DecisionKind.FAILBACK


def test_a_pin_says_so_only_when_it_holds_something_back() -> None:
    assert (
        decide(view_of(instance("a", priority=1), instance("b"), active="b", pin="b"), NOON).reason
        is Reason.PINNED
    )
    alone = view_of(instance("b"), active="b", pin="b")
    assert decide(alone, NOON).reason is Reason.NO_FAILOVER_NEEDED


def test_where_every_survivor_is_damped_none_is() -> None:
    moves = (*flapped("a", "b", at=-200, times=1), *flapped("b", "a", at=-20, times=1))
    view = view_of(
        instance("a", since=-10),
        instance("b", since=-10),
        instance("c", Health.UNHEALTHY),
        active="c",
        moves=moves,
        max_failbacks=1,
    )
    decision = decide(view, NOON)
    assert decision.kind is DecisionKind.FAILOVER
    assert decision.target_instance_id == id_of("a")


def test_a_lone_survivor_is_not_failed_back_to_while_the_active_may_stay() -> None:
    view = view_of(
        instance("a", since=-50, priority=1),
        instance("b", health=health_of(Health.UNHEALTHY, failures=1)),
        active="b",
        moves=flapped("a", "b", at=-60, times=1),
        max_failbacks=1,
    )
    decision = decide(view, NOON)
    assert verdict(decision) == (DecisionKind.HOLD, Reason.HOLD_DOWN)
    assert decision.recheck_at == after(250)


@pytest.mark.parametrize(
    ("active", "source"),
    [(None, None), ("z", "z")],
    ids=["before activation", "after the active was deleted"],
)
def test_a_proxy_without_instances_says_so(active: str | None, source: str | None) -> None:
    decision = decide(view_of(active=active), NOON)
    assert verdict(decision) == (DecisionKind.HOLD, Reason.NO_INSTANCES)
    assert decision.source_instance_id == (id_of(source) if source else None)


def test_evaluate_says_disabled_before_it_says_no_instances() -> None:
    assert evaluate(view_of(enable_auto_failover=False), NOON).reason is Reason.AUTO_FAILOVER_DISABLED
    assert evaluate(view_of(), NOON).reason is Reason.NO_INSTANCES


def test_evaluate_tells_of_a_drain_even_when_automatic_failover_is_disabled() -> None:
    drained = instance("a", admin_state=AdminState.DRAIN, admin_changed_at=NOON)
    view = view_of(drained, instance("b"), active="a", enable_auto_failover=False)
    assert evaluate(view, NOON) == decide(view, NOON)
    assert evaluate(view, NOON).acts


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason.AUTO_FAILOVER_DISABLED, "Auto failover is disabled"),
        (Reason.NO_INSTANCES, "No instances available"),
        (Reason.NO_FAILOVER_NEEDED, "No failover needed"),
        (Reason.ACTIVE_UNHEALTHY, "Active instance unhealthy (3 failures)"),
        (Reason.NO_BACKUP, "No backup available"),
    ],
)
def test_the_promised_texts_are_word_for_word(reason: Reason, words: str) -> None:
    assert sentence(reason, {"failures": 3}) == words


_OF_DOUBTS: dict[str, int | float | str] = {
    "instances": "a, b",
    "failing": 8,
    "seen": 10,
    "references": 2,
    "down": 1,
    "agree": 2,
    "observers": 3,
    "share": 25,
    "why": "b is down",
}


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_sentence(reason: Reason) -> None:
    words = {
        name: name
        for name in ("instance", "proxy", "opens", "scope", "by", "reason", "freeze", "until", "gate")
    }
    assert sentence(
        reason, {"failures": 3, "seconds": 4.2, "moves": 1, "serving": 1, "needed": 2, **_OF_DOUBTS, **words}
    )
