from dataclasses import replace

import pytest
from tests.proxies import after, health_of, id_of

from switchover.health.flapping import flap_score, penalised, suppressed_until
from switchover.health.machine import HealthChange, report
from switchover.model.observation import STEADY, UNSEEN, Flapping, Health, InstanceHealth, Report
from switchover.model.steadiness import FlapDamping

DAMPING = FlapDamping(suppress_limit=3, reuse_limit=1, half_life_seconds=60, max_hold_seconds=120)


def told(health: InstanceHealth, verdict: Health, at: float, damping: FlapDamping = DAMPING) -> HealthChange:
    reported = Report(instance_id=id_of("a"), verdict=verdict, reported_at=after(at))
    return penalised(report(health, reported, rise=2), damping)


def fallen(*at: float, damping: FlapDamping = DAMPING) -> InstanceHealth:
    """An instance that fell at each of these times, and was well in between."""
    health = health_of(Health.HEALTHY)
    for moment in at:
        health = told(health, Health.UNHEALTHY, moment, damping).after
        health = told(health, Health.HEALTHY, moment + 0.5, damping).after
    return health


def test_only_a_change_to_unhealthy_counts() -> None:
    well = told(UNSEEN, Health.HEALTHY, 1).after
    assert well.flapping == STEADY
    once = told(well, Health.UNHEALTHY, 2).after
    assert once.flapping == Flapping(score=1, scored_at=after(2))
    assert told(once, Health.UNHEALTHY, 3).after.flapping == once.flapping
    assert told(once, Health.HEALTHY, 3).after.flapping == once.flapping
    assert told(once, Health.UNKNOWN, 3).after.flapping == once.flapping


def test_a_score_halves_with_every_half_life_and_never_grows_by_a_clock_set_back() -> None:
    flapping = fallen(0).flapping
    assert flap_score(flapping, DAMPING, after(60)) == 0.5
    assert flap_score(flapping, DAMPING, after(120)) == 0.25
    assert flap_score(flapping, DAMPING, after(-3600)) == 1.0


def test_falls_add_up_to_a_suppression() -> None:
    assert suppressed_until(fallen(0, 1, 2).flapping, DAMPING) is None
    flapping = fallen(0, 1, 2, 3).flapping
    assert flapping.suppressed_since == after(3)
    ends_at = suppressed_until(flapping, DAMPING)
    assert ends_at is not None
    assert flap_score(flapping, DAMPING, ends_at) == pytest.approx(1)


def test_no_hold_is_longer_than_the_maximum_however_many_falls() -> None:
    flapping = fallen(*range(100)).flapping
    assert flapping.score == pytest.approx(DAMPING.ceiling)
    assert suppressed_until(flapping, DAMPING) == after(99 + 120)
    shortened = replace(DAMPING, max_hold_seconds=90)
    assert suppressed_until(flapping, shortened) == after(99 + 90)


def test_a_fall_within_a_suppression_prolongs_it_and_one_after_it_begins_anew() -> None:
    suppressed = fallen(0, 1, 2, 3)
    again = told(suppressed, Health.UNHEALTHY, 100).after.flapping
    assert again.suppressed_since == after(3)
    later = told(suppressed, Health.UNHEALTHY, 200).after.flapping
    assert later.suppressed_since is None
    assert suppressed_until(later, DAMPING) is None


def test_switched_off_nothing_is_counted_and_what_was_is_not_heeded() -> None:
    off = replace(DAMPING, enabled=False)
    assert fallen(0, 1, 2, 3, damping=off).flapping == STEADY
    flapping = fallen(0, 1, 2, 3).flapping
    assert flap_score(flapping, off, after(4)) == 0
    assert suppressed_until(flapping, off) is None
