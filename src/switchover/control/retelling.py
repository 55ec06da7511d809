"""PURE: the recorded history of a proxy, told again as the evidence and orders that a policy would have met.

What was recorded are turns of health, not probes. So the probes around each turn are told as they must have been: a run
of failures from the first one of it, at the fast interval, and a run of passes from the first one after it. That is
exact as long as the instance did not waver in between. Three things it cannot tell: failures that never became a turn
(under a lower `unhealthyThreshold` they might have), what another interval, time-out or kind of probe would have
seen, and live connections.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from switchover.health.machine import REPORT_CODE
from switchover.model.events import EventType
from switchover.model.instance import AdminState, Instance
from switchover.model.observation import Health, InstanceHealth, Observation, Outcome, Report
from switchover.model.policy import FailoverPolicy
from switchover.model.proxy import Proxy
from switchover.model.transition import HealthTransition

REPORTED = "reported_"
"""How the reason of a transition begins that a report caused."""
FIRST = "first_pass"
"""The reason of the transition that the first pass of an instance causes."""
WELL_BEFORE = timedelta(hours=1)
"""How long an instance had its health when the history begins: longer than anything that a policy remembers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeMove:
    """A change of the active instance, recorded or simulated."""

    at: datetime
    event_type: EventType
    source_instance_id: UUID | None
    target_instance_id: UUID | None
    by_hand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminOrder:
    """An order about an instance: what it was before, and what it is from `at` on."""

    at: datetime
    instance_id: UUID
    before: AdminState
    after: AdminState


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is on record about one proxy between two times.

    Attributes:
        proxy: As it is now.
        instances: All that were registered in that time, as they are now or were at last.
        deleted_at: When those were deleted that are gone.
        turns: Of the health of each, oldest first; an instance without any may be missing.
        orders: About them, oldest first.
        moves: Recorded moves, oldest first.
        unpinned_at: When a pin was taken off.
        since: Begin.
        until: End.
    """

    proxy: Proxy
    instances: tuple[Instance, ...]
    deleted_at: Mapping[UUID, datetime]
    turns: Mapping[UUID, tuple[HealthTransition, ...]]
    orders: tuple[AdminOrder, ...]
    moves: tuple[MadeMove, ...]
    unpinned_at: tuple[datetime, ...]
    since: datetime
    until: datetime

    @property
    def first_active(self) -> UUID | None:
        """The active when the history begins."""
        return self.moves[0].source_instance_id if self.moves else self.proxy.active_instance_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time in which an instance did not answer as it should: from `begin` until before `end`."""

    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """An instance is there from `at` on."""

    at: datetime
    instance: Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """An instance is gone from `at` on."""

    at: datetime
    instance_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedByHand:
    """Somebody ordered the move to an instance."""

    at: datetime
    target_instance_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpinned:
    """Somebody took the pin off."""

    at: datetime


Happening = Observation | Report | AdminOrder | Registered | Deleted | MovedByHand | Unpinned


def moment_of(happening: Happening) -> datetime:
    """When it took effect."""
    match happening:
        case Observation():
            return happening.ended_at
        case Report():
            return happening.reported_at
        case _:
            return happening.at


def first_instances(history: History, policy: FailoverPolicy) -> tuple[Instance, ...]:
    """The instances that were there when the history begins, as they were then."""
    return tuple(
        _at_first(history, instance, policy)
        for instance in history.instances
        if instance.created_at <= history.since
    )


def happenings(history: History, policy: FailoverPolicy) -> tuple[Happening, ...]:
    """All that `policy` would have met after the begin, in the order of time."""
    told: list[Happening] = [*history.orders, *(Unpinned(at=at) for at in history.unpinned_at)]
    for instance in history.instances:
        if instance.created_at > history.since:
            told.append(Registered(at=instance.created_at, instance=_at_first(history, instance, policy)))
        if instance.instance_id in history.deleted_at:
            gone_at = history.deleted_at[instance.instance_id]
            told.append(Deleted(at=gone_at, instance_id=instance.instance_id))
        told += _probes(history, instance, policy)
        told += _reports(history, instance, policy)
    told += [
        MovedByHand(at=move.at, target_instance_id=move.target_instance_id)
        for move in history.moves
        # A drain moves too; that order is told as what it was.
        if move.by_hand and move.target_instance_id is not None
    ]
    return tuple(
        sorted((each for each in told if history.since < moment_of(each) <= history.until), key=moment_of)
    )


def failing_spans(history: History, instance_id: UUID) -> tuple[Span, ...]:
    """When the instance did not answer as it should, or was reported so; whatever a policy made of it."""
    fast = timedelta(seconds=history.proxy.policy.fast_interval_seconds)
    turns = history.turns.get(instance_id, ())
    spans: list[Span] = []
    begun = history.since if _first_health(history, instance_id) is Health.UNHEALTHY else None
    for turn in turns:
        reported = turn.reason.startswith(REPORTED)
        if turn.after is Health.UNHEALTHY:
            if begun is None:
                begun = turn.at if reported else max(history.since, turn.first_failed_at or turn.at)
        elif begun is not None:
            first_pass = turn.at if reported else turn.at - (max(1, turn.consecutive_passes) - 1) * fast
            spans.append(Span(begin=begun, end=max(begun, first_pass)))
            begun = None
    if begun is not None:
        spans.append(Span(begin=begun, end=max(begun, history.until)))
    return tuple(spans)


def _probes(history: History, instance: Instance, policy: FailoverPolicy) -> Iterator[Observation]:
    """The probes around each turn that probes caused, as `policy` would have made them."""
    turns = history.turns.get(instance.instance_id, ())
    if turns and all(turn.reason.startswith(REPORTED) for turn in turns):
        return
    codes = {turn.after: turn.code for turn in turns}
    ends = [(turn.at, Outcome.PASS) for turn in turns if turn.reason == FIRST]
    for span in failing_spans(history, instance.instance_id):
        ends += [(span.begin, Outcome.FAIL), (span.end, Outcome.PASS)]
    ends.sort(key=lambda end: end[0])
    fast = timedelta(seconds=policy.fast_interval_seconds)
    for number, (begin, outcome) in enumerate(ends):
        until = ends[number + 1][0] if number + 1 < len(ends) else history.until + fast
        count = policy.unhealthy_threshold if outcome is Outcome.FAIL else policy.healthy_threshold
        code = codes.get(Health.UNHEALTHY if outcome is Outcome.FAIL else Health.HEALTHY)
        for at in _every(fast, begin, until, count):
            yield Observation(
                instance_id=instance.instance_id,
                outcome=outcome,
                code=code or outcome.value,
                detail="told from history",
                started_at=at,
                ended_at=at,
            )


def _reports(history: History, instance: Instance, policy: FailoverPolicy) -> Iterator[Report]:
    """The verdicts, each repeated until it counts: only the first of them was a turn."""
    for turn in history.turns.get(instance.instance_id, ()):
        if turn.reason.startswith(REPORTED) or turn.code == REPORT_CODE:
            count = policy.unhealthy_threshold if turn.after is Health.UNHEALTHY else 1
            for _ in range(count):
                yield Report(instance_id=instance.instance_id, verdict=turn.after, reported_at=turn.at)


def _every(step: timedelta, begin: datetime, until: datetime, count: int) -> Iterator[datetime]:
    for number in range(count):
        at = begin + number * step
        if at >= until:
            return
        yield at


def _at_first(history: History, instance: Instance, policy: FailoverPolicy) -> Instance:
    state = _first_health(history, instance.instance_id)
    if instance.created_at > history.since:
        state, since = Health.UNKNOWN, None
    else:
        since = history.since - WELL_BEFORE
    orders = [order for order in history.orders if order.instance_id == instance.instance_id]
    return replace(
        instance,
        admin_state=orders[0].before if orders else instance.admin_state,
        # Where a node was to find it is not on record; that it could be found is.
        resolved_host=None if instance.address is None else instance.address.host,
        health=InstanceHealth(
            state=state,
            consecutive_failures=policy.unhealthy_threshold if state is Health.UNHEALTHY else 0,
            consecutive_passes=policy.healthy_threshold if state is Health.HEALTHY else 0,
            last_outcome={Health.HEALTHY: Outcome.PASS, Health.UNHEALTHY: Outcome.FAIL}.get(state),
            changed_at=since,
            first_failed_at=since if state is Health.UNHEALTHY else None,
        ),
    )


def _first_health(history: History, instance_id: UUID) -> Health:
    turns = history.turns.get(instance_id, ())
    if turns:
        return turns[0].before
    return next((i.health.state for i in history.instances if i.instance_id == instance_id), Health.UNKNOWN)
