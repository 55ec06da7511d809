from itertools import product

import pytest

from switchover.health.transitions import TRANSITIONS, Signal, diagram
from switchover.model.observation import Health

PAIRS = list(product(Health, Signal))


def test_no_pair_of_state_and_signal_is_missing_and_none_is_invented() -> None:
    assert set(TRANSITIONS) == set(PAIRS)


@pytest.mark.parametrize(("state", "signal"), PAIRS)
def test_every_row_says_why_in_one_stable_word(state: Health, signal: Signal) -> None:
    reason = TRANSITIONS[state, signal].reason
    assert reason
    assert reason == reason.lower().replace(" ", "_")


@pytest.mark.parametrize(("state", "signal"), PAIRS)
def test_a_reason_tells_a_change_from_a_rest(state: Health, signal: Signal) -> None:
    changing = {"first_pass", "rise_reached", "fall_reached"}
    resting = {"failing", "recovering", "still_passing", "still_failing", "inconclusive", "late"}
    transition = TRANSITIONS[state, signal]
    if transition.reason in changing:
        assert transition.state is not state
    elif transition.reason in resting:
        assert transition.state is state
    else:
        assert transition.reason == signal.value


@pytest.mark.parametrize("state", list(Health))
@pytest.mark.parametrize("signal", [Signal.INCONCLUSIVE, Signal.LATE])
def test_our_own_fault_changes_no_state(state: Health, signal: Signal) -> None:
    assert TRANSITIONS[state, signal].state is state


@pytest.mark.parametrize("state", list(Health))
def test_a_report_is_taken_at_its_word_from_every_state(state: Health) -> None:
    assert TRANSITIONS[state, Signal.REPORTED_HEALTHY].state is Health.HEALTHY
    assert TRANSITIONS[state, Signal.REPORTED_UNHEALTHY].state is Health.UNHEALTHY
    assert TRANSITIONS[state, Signal.REPORTED_UNKNOWN].state is Health.UNKNOWN


def test_the_diagram_draws_every_row_once() -> None:
    drawn = [
        (before, after, signal)
        for line in diagram().splitlines()
        if ": " in line
        for arrow, signals in [line.strip().split(": ")]
        for before, after in [arrow.split(" --> ")]
        for signal in signals.split(", ")
    ]
    table = {(s.name, TRANSITIONS[s, signal].state.name, signal.value) for s, signal in PAIRS}
    assert len(drawn) == len(table)
    assert set(drawn) == table


def test_the_diagram_is_mermaid_and_begins_at_unknown() -> None:
    lines = diagram().splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert lines[1].strip() == "[*] --> UNKNOWN"
