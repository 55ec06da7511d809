"""Every transition of an instance's health, as data.

Whatever may change a state is a row here: what came in is first turned into a signal by the
thresholds (`machine.py`), and the table says what follows. The diagram in the docs is generated
from it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from types import MappingProxyType

from switchover.model.observation import Health


class Signal(StrEnum):
    """What came in, weighed against rise and fall."""

    PASS_BELOW_RISE = "pass_below_rise"  # noqa: S105 - a signal, not a password
    PASS_AT_RISE = "pass_at_rise"  # noqa: S105 - a signal, not a password
    FAIL_BELOW_FALL = "fail_below_fall"
    FAIL_AT_FALL = "fail_at_fall"
    INCONCLUSIVE = "inconclusive"
    LATE = "late"
    REPORTED_HEALTHY = "reported_healthy"
    REPORTED_UNHEALTHY = "reported_unhealthy"
    REPORTED_UNKNOWN = "reported_unknown"


@dataclass(frozen=True, slots=True)
class Transition:
    """What follows a signal.

    Attributes:
        state: The state afterwards.
        reason: Why, as a stable word.
    """

    state: Health
    reason: str


_UNKNOWN, _HEALTHY, _UNHEALTHY = Health.UNKNOWN, Health.HEALTHY, Health.UNHEALTHY

TRANSITIONS: Mapping[tuple[Health, Signal], Transition] = MappingProxyType(
    {
        # One pass is enough for an instance nobody has judged: a start must not cost `rise` intervals.
        (_UNKNOWN, Signal.PASS_BELOW_RISE): Transition(_HEALTHY, "first_pass"),
        (_UNKNOWN, Signal.PASS_AT_RISE): Transition(_HEALTHY, "first_pass"),
        (_UNKNOWN, Signal.FAIL_BELOW_FALL): Transition(_UNKNOWN, "failing"),
        (_UNKNOWN, Signal.FAIL_AT_FALL): Transition(_UNHEALTHY, "fall_reached"),
        (_HEALTHY, Signal.PASS_BELOW_RISE): Transition(_HEALTHY, "still_passing"),
        (_HEALTHY, Signal.PASS_AT_RISE): Transition(_HEALTHY, "still_passing"),
        (_HEALTHY, Signal.FAIL_BELOW_FALL): Transition(_HEALTHY, "failing"),
        (_HEALTHY, Signal.FAIL_AT_FALL): Transition(_UNHEALTHY, "fall_reached"),
        (_UNHEALTHY, Signal.PASS_BELOW_RISE): Transition(_UNHEALTHY, "recovering"),
        (_UNHEALTHY, Signal.PASS_AT_RISE): Transition(_HEALTHY, "rise_reached"),
        # Below fall when a report, not a count, made it UNHEALTHY.
        (_UNHEALTHY, Signal.FAIL_BELOW_FALL): Transition(_UNHEALTHY, "still_failing"),
        (_UNHEALTHY, Signal.FAIL_AT_FALL): Transition(_UNHEALTHY, "still_failing"),
        # Our own faults say nothing about the instance.
        **{(state, Signal.INCONCLUSIVE): Transition(state, "inconclusive") for state in Health},
        **{(state, Signal.LATE): Transition(state, "late") for state in Health},
        # A report is taken at its word.
        **{(state, Signal.REPORTED_HEALTHY): Transition(_HEALTHY, "reported_healthy") for state in Health},
        **{
            (state, Signal.REPORTED_UNHEALTHY): Transition(_UNHEALTHY, "reported_unhealthy")
            for state in Health
        },
        **{(state, Signal.REPORTED_UNKNOWN): Transition(_UNKNOWN, "reported_unknown") for state in Health},
    }
)


def diagram() -> str:
    """The state diagram of `TRANSITIONS` in Mermaid, the same text for the same table.

    One arrow per pair of states, labelled with its signals; every row of the table is in it.
    """
    lines = ["stateDiagram-v2", f"    [*] --> {_label(_UNKNOWN)}"]
    lines += [
        f"    {_label(before)} --> {_label(after)}: {', '.join(signals)}"
        for before, after, signals in _arrows()
    ]
    return "\n".join(lines) + "\n"


def _arrows() -> Iterator[tuple[Health, Health, list[str]]]:
    for before, after in product(Health, Health):
        signals = [signal.value for signal in Signal if TRANSITIONS[before, signal].state is after]
        if signals:
            yield before, after, signals


def _label(state: Health) -> str:
    return state.name
