"""The rise/fall machine: one observation or report in, the new `InstanceHealth` out."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from switchover.health.transitions import TRANSITIONS, Signal
from switchover.model.observation import Health, InstanceHealth, Observation, Outcome, Report

REPORT_CODE = "report"

_LATEST = timedelta(seconds=60)
"""Nothing is late by more than this; an observation that seems to be was made after the wall clock was set back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChange:
    """What an observation or a report did to an instance's health.

    Attributes:
        before: What was believed.
        after: What is believed now.
        reason: Why, as the table's stable word.
    """

    before: InstanceHealth
    after: InstanceHealth
    reason: str

    @property
    def changed(self) -> bool:
        """Whether the state changed; counters alone do not count."""
        return self.before.state is not self.after.state


def observe(health: InstanceHealth, observation: Observation, *, rise: int, fall: int) -> HealthChange:
    """Take one observation.

    An INCONCLUSIVE one, and a late one (it ended before what was taken last), only add to
    `inconclusive_count`: neither says anything about the instance as it is now. An observation that ended
    more than a minute before the last one is not late: the wall clock was set back meanwhile, and to refuse it
    would blind us until the old time comes round again.

    Args:
        health: What is believed.
        observation: What was seen.
        rise: Consecutive passes that make an UNHEALTHY instance HEALTHY, 1 or more.
        fall: Consecutive failures that make an instance UNHEALTHY, 1 or more.
    """
    if _is_late(health, observation):
        return _told_nothing(health, Signal.LATE)
    seen = replace(
        health,
        last_checked_at=observation.ended_at,
        last_code=observation.code,
        last_detail=observation.detail,
    )
    match observation.outcome:
        case Outcome.INCONCLUSIVE:
            return _told_nothing(health, Signal.INCONCLUSIVE)
        case Outcome.PASS:
            counted = _passed(seen, health.consecutive_passes + 1)
            below = counted.consecutive_passes < rise
            signal = Signal.PASS_BELOW_RISE if below else Signal.PASS_AT_RISE
        case Outcome.FAIL:
            counted = _failed(seen, observation.ended_at)
            below = counted.consecutive_failures < fall
            signal = Signal.FAIL_BELOW_FALL if below else Signal.FAIL_AT_FALL
        case _:
            assert_never(observation.outcome)
    return _entered(health, counted, signal, observation.ended_at)


def report(health: InstanceHealth, report: Report, *, rise: int) -> HealthChange:
    """Take a verdict at its word: the state becomes what was reported, at once.

    `unhealthy` adds one to the failures and ends a run of passes. `healthy` clears the failures and counts as `rise`
    passes or more, because it claims the instance to be well, not to have answered once. `unknown` leaves both counts;
    the next probe decides.

    Args:
        health: What is believed.
        report: The verdict.
        rise: Consecutive passes that make an instance HEALTHY, 1 or more.
    """
    heard = replace(
        health,
        last_checked_at=report.reported_at,
        last_code=REPORT_CODE,
        last_detail=f"reported {report.verdict.value}",
    )
    match report.verdict:
        case Health.HEALTHY:
            counted, signal = (
                _passed(heard, max(rise, health.consecutive_passes + 1)),
                Signal.REPORTED_HEALTHY,
            )
        case Health.UNHEALTHY:
            counted, signal = _failed(heard, report.reported_at), Signal.REPORTED_UNHEALTHY
        case Health.UNKNOWN:
            counted, signal = replace(heard, last_outcome=None), Signal.REPORTED_UNKNOWN
        case _:
            assert_never(report.verdict)
    return _entered(health, counted, signal, report.reported_at)


def _is_late(health: InstanceHealth, observation: Observation) -> bool:
    taken_at = health.last_checked_at
    return taken_at is not None and taken_at - _LATEST <= observation.ended_at < taken_at


def _told_nothing(health: InstanceHealth, signal: Signal) -> HealthChange:
    after = replace(health, inconclusive_count=health.inconclusive_count + 1)
    return HealthChange(before=health, after=after, reason=TRANSITIONS[health.state, signal].reason)


def _passed(health: InstanceHealth, passes: int) -> InstanceHealth:
    return replace(
        health,
        consecutive_failures=0,
        consecutive_passes=passes,
        first_failed_at=None,
        last_outcome=Outcome.PASS,
    )


def _failed(health: InstanceHealth, at: datetime) -> InstanceHealth:
    return replace(
        health,
        consecutive_failures=health.consecutive_failures + 1,
        consecutive_passes=0,
        first_failed_at=health.first_failed_at or at,
        last_outcome=Outcome.FAIL,
    )


def _entered(before: InstanceHealth, counted: InstanceHealth, signal: Signal, at: datetime) -> HealthChange:
    transition = TRANSITIONS[before.state, signal]
    changed_at = before.changed_at if transition.state is before.state else at
    after = replace(counted, state=transition.state, changed_at=changed_at)
    return HealthChange(before=before, after=after, reason=transition.reason)
