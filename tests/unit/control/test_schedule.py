"""When an instance is probed next."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover.control.schedule import Timing, next_deadline, next_due, phase_of

TIMING = Timing(interval_seconds=10.0, fast_interval_seconds=1.0, phase=0.3)
moments = st.floats(min_value=0, max_value=1e7, allow_nan=False)
timings = st.builds(
    Timing,
    interval_seconds=st.floats(min_value=0.05, max_value=3600),
    fast_interval_seconds=st.just(0.05),
    phase=st.floats(min_value=0, max_value=0.999),
)


def test_a_steady_instance_is_probed_at_its_phase_of_the_interval() -> None:
    assert next_due(TIMING, started=100.0, ended=100.1, in_transition=False) == pytest.approx(103.0)
    assert next_due(TIMING, started=103.0, ended=103.1, in_transition=False) == pytest.approx(113.0)


def test_an_instance_in_transition_is_probed_a_fast_interval_after_the_last_start() -> None:
    assert next_due(TIMING, started=100.0, ended=100.2, in_transition=True) == pytest.approx(101.0)


def test_a_probe_starts_no_earlier_than_the_last_one_ended() -> None:
    assert next_due(TIMING, started=100.0, ended=104.0, in_transition=True) == pytest.approx(104.0)
    assert next_due(TIMING, started=102.0, ended=104.0, in_transition=False) == pytest.approx(104.0)


@given(timing=timings, started=moments)
def test_a_steady_probe_comes_within_one_interval(timing: Timing, started: float) -> None:
    due = next_due(timing, started=started, ended=started, in_transition=False)
    assert started < due <= started + timing.interval_seconds * 1.001 + 1e-6


@given(ids=st.lists(st.uuids(), min_size=1, max_size=50))
def test_phases_lie_inside_the_interval_and_never_change(ids: list[UUID]) -> None:
    phases = [phase_of(instance_id) for instance_id in ids]
    assert all(0 <= phase < 1 for phase in phases)
    assert phases == [phase_of(instance_id) for instance_id in ids]


def test_a_heartbeat_is_due_one_interval_after_it_was_heard() -> None:
    assert next_deadline(TIMING, heard=50.0, missed=None, in_transition=False) == pytest.approx(60.0)


def test_a_missed_heartbeat_is_looked_for_at_the_fast_interval_until_the_state_is_steady() -> None:
    assert next_deadline(TIMING, heard=50.0, missed=60.0, in_transition=True) == pytest.approx(61.0)
    assert next_deadline(TIMING, heard=50.0, missed=60.0, in_transition=False) == pytest.approx(70.0)
