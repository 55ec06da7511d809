from dataclasses import replace
from datetime import datetime

import pytest
from tests.proxies import after, health_of, id_of

from switchover.health.machine import HealthChange, observe, report
from switchover.model.observation import UNSEEN, Health, InstanceHealth, Observation, Outcome, Report

RISE, FALL = 2, 3


def seen(
    health: InstanceHealth, outcome: Outcome, at: float, code: str = "code", detail: str = "detail"
) -> HealthChange:
    observation = Observation(
        instance_id=id_of("a"),
        outcome=outcome,
        code=code,
        detail=detail,
        started_at=after(at - 0.1),
        ended_at=after(at),
    )
    return observe(health, observation, rise=RISE, fall=FALL)


def told(health: InstanceHealth, verdict: Health, at: float) -> HealthChange:
    return report(health, Report(instance_id=id_of("a"), verdict=verdict, reported_at=after(at)), rise=RISE)


def test_unknown_becomes_healthy_on_the_first_pass() -> None:
    change = seen(UNSEEN, Outcome.PASS, 1, code="ok", detail="200")
    assert change.changed
    assert change.reason == "first_pass"
    assert change.before == UNSEEN
    assert change.after == InstanceHealth(
        state=Health.HEALTHY,
        consecutive_passes=1,
        last_outcome=Outcome.PASS,
        last_checked_at=after(1),
        changed_at=after(1),
        last_code="ok",
        last_detail="200",
    )


@pytest.mark.parametrize("state", [Health.UNKNOWN, Health.HEALTHY])
def test_fall_consecutive_failures_make_it_unhealthy_and_no_fewer(state: Health) -> None:
    health = health_of(state)
    for at in range(1, FALL):
        change = seen(health, Outcome.FAIL, at)
        assert not change.changed
        health = change.after
    change = seen(health, Outcome.FAIL, FALL)
    assert change.changed
    assert change.after.state is Health.UNHEALTHY
    assert change.after.changed_at == after(FALL)
    assert change.after.first_failed_at == after(1)
    assert change.after.consecutive_failures == FALL


def test_rise_consecutive_passes_make_it_healthy_again_and_no_fewer() -> None:
    first = seen(health_of(Health.UNHEALTHY), Outcome.PASS, 1)
    assert (first.changed, first.reason) == (False, "recovering")
    second = seen(first.after, Outcome.PASS, 2)
    assert (second.changed, second.reason) == (True, "rise_reached")
    assert second.after.changed_at == after(2)


def test_a_failure_between_passes_starts_the_rise_anew() -> None:
    health = seen(health_of(Health.UNHEALTHY), Outcome.PASS, 1).after
    health = seen(health, Outcome.FAIL, 2).after
    assert health.consecutive_passes == 0
    assert seen(health, Outcome.PASS, 3).after.state is Health.UNHEALTHY


def test_a_pass_ends_the_run_of_failures() -> None:
    health = seen(health_of(Health.HEALTHY), Outcome.FAIL, 1).after
    assert health.first_failed_at == after(1)
    health = seen(health, Outcome.PASS, 2).after
    assert (health.consecutive_failures, health.first_failed_at) == (0, None)


def test_thresholds_of_one_need_one() -> None:
    observation = Observation(
        instance_id=id_of("a"),
        outcome=Outcome.FAIL,
        code="timeout",
        detail="",
        started_at=after(0),
        ended_at=after(1),
    )
    down = observe(health_of(Health.HEALTHY), observation, rise=1, fall=1).after
    assert down.state is Health.UNHEALTHY
    up = observe(down, replace(observation, outcome=Outcome.PASS, ended_at=after(2)), rise=1, fall=1).after
    assert up.state is Health.HEALTHY


@pytest.mark.parametrize("state", list(Health))
def test_an_inconclusive_observation_is_counted_and_nothing_else(state: Health) -> None:
    health = health_of(state)
    change = seen(health, Outcome.INCONCLUSIVE, 1)
    assert not change.changed
    assert change.reason == "inconclusive"
    assert change.after == replace(health, inconclusive_count=1)


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.FAIL])
def test_an_observation_older_than_the_last_word_is_late_and_only_counted(outcome: Outcome) -> None:
    health = told(UNSEEN, Health.HEALTHY, 10).after
    change = seen(health, outcome, 9.9)
    assert change.reason == "late"
    assert change.after == replace(health, inconclusive_count=1)


def test_an_observation_of_the_same_moment_is_not_late() -> None:
    health = seen(UNSEEN, Outcome.PASS, 10).after
    assert seen(health, Outcome.FAIL, 10).after.consecutive_failures == 1


def test_probes_go_on_counting_after_the_clock_was_set_back() -> None:
    health = seen(UNSEEN, Outcome.PASS, 0).after
    change = seen(health, Outcome.FAIL, -3600)
    assert change.reason == "failing"
    assert seen(change.after, Outcome.FAIL, -3599).after.consecutive_failures == 2


def test_a_healthy_report_counts_as_rise_passes_or_more() -> None:
    change = told(health_of(Health.UNHEALTHY), Health.HEALTHY, 5)
    assert change.changed
    assert change.after.consecutive_passes == RISE
    assert change.after.consecutive_failures == 0
    assert change.after.first_failed_at is None
    assert change.after.last_outcome is Outcome.PASS
    assert change.after.last_code == "report"
    assert told(health_of(Health.HEALTHY, passes=7), Health.HEALTHY, 5).after.consecutive_passes == 8


def test_an_unhealthy_report_is_one_failure_and_changes_the_state_at_once() -> None:
    change = told(health_of(Health.HEALTHY), Health.UNHEALTHY, 5)
    assert change.changed
    assert change.after.consecutive_failures == 1
    assert change.after.consecutive_passes == 0
    assert change.after.first_failed_at == after(5)
    again = told(change.after, Health.UNHEALTHY, 6)
    assert not again.changed
    assert again.after.consecutive_failures == 2
    assert (again.after.first_failed_at, again.after.changed_at) == (after(5), after(5))


def test_an_unknown_report_leaves_the_counts_and_the_next_failure_goes_on_from_them() -> None:
    change = told(health_of(Health.UNHEALTHY, failures=2), Health.UNKNOWN, 5)
    assert change.after.state is Health.UNKNOWN
    assert change.after.consecutive_failures == 2
    assert change.after.last_outcome is None
    assert seen(change.after, Outcome.FAIL, 6).after.state is Health.UNHEALTHY


@pytest.mark.parametrize("verdict", list(Health))
def test_a_report_dates_the_last_check(verdict: Health) -> None:
    expected: datetime = after(5)
    assert told(UNSEEN, verdict, 5).after.last_checked_at == expected
