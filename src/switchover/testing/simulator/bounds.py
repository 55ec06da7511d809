"""What bounds automation, checked against the store alone: no code that decides is asked.

When a move is stored:
- No automatic one while a pause holds in its scope, be it one that is stored or one of which somebody was told.
- None in a freeze, with a gate off, or with too few instances to serve, unless it was forced or its active serves nobody.
- No automatic one beyond a move limit, and none for what probes saw sooner than `minDwellSeconds` after the last: whatever
  instances do, an hour has no more of them than these two allow. Times are those that the store has.
- Its evidence, and that of a move that was blocked, replays to itself as it is stored.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from uuid import UUID

from switchover.control.evidence import record_of
from switchover.control.replay import replay
from switchover.model.blocked import BlockedMove
from switchover.model.events import EventType, FailoverEvent, Trigger
from switchover.model.instance import AdminState
from switchover.model.observation import Health
from switchover.model.rules import (
    FLEET,
    FLEET_GATE_PREFIX,
    Pause,
    SafetyRules,
    Scope,
    ScopeStanding,
    scope_of_proxy,
    scope_of_user,
)
from switchover.record.store import Pass
from switchover.testing.simulator.company import SimulatedStore
from switchover.testing.simulator.time import SimulatedTime

_UNDER_WAY_SECONDS = 5.0
"""How long an order that nobody waits for any more may still arrive at the store."""

_FOR_WHAT_PROBES_SAW = frozenset({"active_unhealthy", "preferred_is_well"})


class Bounds:
    """Checks what is stored of automatic moves, and of those that were blocked.

    Args:
        store: What is stored.
        time: What time it really is.
        say: Told of what should not have been.

    Attributes:
        blocked: How many moves were blocked.
    """

    def __init__(self, store: SimulatedStore, time: SimulatedTime, say: Callable[[str], None]) -> None:
        self.blocked = 0
        self._store = store
        self._time = time
        self._say = say
        self._promised: dict[Scope, Pause] = {}
        self._asked: dict[Scope, list[float]] = {}
        self._seen: set[UUID] = set()

    def asked(self, scope: Scope) -> float:
        """Somebody asks for another pause in a scope, or for none; when."""
        self._promised.pop(scope, None)
        self._asked.setdefault(scope, []).append(self._time.now)
        return self._time.now

    def paused(self, standing: ScopeStanding, asked: float) -> None:
        """Somebody, who asked then, was told that automation is paused in a scope."""
        lately = [at for at in self._asked[standing.scope] if at >= asked - _UNDER_WAY_SECONDS]
        # Of several orders at once the last to arrive is in force.
        if standing.pause is not None and len(lately) == 1:
            self._promised[standing.scope] = standing.pause

    def deleted(self, proxy_id: str) -> None:
        """A proxy was deleted, and its pause with it."""
        self.asked(scope_of_proxy(proxy_id))

    def check(self, change: Pass) -> None:
        """A pass was stored."""
        for move in change.blocked:
            if move.blocked_id not in self._seen:
                self._seen.add(move.blocked_id)
                self._check_blocked(move)
        if change.move is None:
            return
        event, at = change.move.event, change.at
        self._check_replay(event)
        automatic = event.trigger is Trigger.AUTOMATIC
        if automatic:
            self._check_pauses(event, at)
        if event.event_type is EventType.ACTIVATION:
            return
        if automatic:
            self._check_limits(event, at)
            self._check_dwell(event, at)
        if not change.move.forced:
            self._check_rules(event, at)

    def recorded(self, name: str, move: BlockedMove | None) -> None:
        """A replica has decided that a move is blocked."""
        if move is None or move.blocked_id not in self._store.all_blocked:
            self._say(f"{name} has blocked a move, and there is no record of it")

    def _check_blocked(self, move: BlockedMove) -> None:
        self.blocked += 1
        record = record_of(self._store.all_blocked[move.blocked_id].evidence)
        outcome = replay(record)
        if record.decision.blocked is None or not outcome.is_same:
            self._say(
                f"{move.proxy_id}: what was blocked by {move.rule} of {move.scope} replays differently: "
                f"{outcome.refusal or outcome.differences}"
            )

    def _check_replay(self, event: FailoverEvent) -> None:
        record = record_of(self._store.all_events[event.event_id].evidence)
        outcome = replay(record)
        if not outcome.is_same:
            self._say(
                f"{event.proxy_id}: the move of epoch {event.epoch} replays differently: "
                f"{outcome.refusal or outcome.differences}"
            )
        if record.view.proxy.epoch + 1 != event.epoch:
            self._say(
                f"{event.proxy_id}: the evidence of epoch {event.epoch} saw epoch {record.view.proxy.epoch}"
            )

    def _check_pauses(self, event: FailoverEvent, at: datetime) -> None:
        for scope in self._scopes(event.proxy_id):
            for pause, whose in (
                (self._store.standing(scope).pause, "stored"),
                (self._promised.get(scope), "promised"),
            ):
                if pause is not None and (pause.until is None or at < pause.until):
                    self._say(
                        f"{event.proxy_id}: epoch {event.epoch} is automatic; a pause of {scope} is {whose}"
                    )

    def _check_limits(self, event: FailoverEvent, at: datetime) -> None:
        for scope, rules in self._rules(event.proxy_id):
            limit = rules.move_limit
            if limit is None:
                continue
            counted = sum(
                past.event_id != event.event_id
                and (scope == FLEET or self._is_in(scope, past.proxy_id))
                and _committed_at(past) > at - limit.window
                for past in self._automatic()
            )
            if counted >= limit.moves:
                self._say(
                    f"{event.proxy_id}: epoch {event.epoch} is move {counted + 1} within {limit.window_seconds:g} s; "
                    f"{scope} has a limit of {limit.moves}"
                )

    def _check_dwell(self, event: FailoverEvent, at: datetime) -> None:
        if event.reason_code not in _FOR_WHAT_PROBES_SAW:
            return
        dwell = self._store.proxy(event.proxy_id).policy.min_dwell_seconds
        for past in self._automatic():
            if past.proxy_id != event.proxy_id or past.epoch >= event.epoch or _committed_at(past) > at:
                continue
            seconds = (at - _committed_at(past)).total_seconds()
            if seconds < dwell:
                self._say(
                    f"{event.proxy_id}: epoch {event.epoch} follows epoch {past.epoch} after {seconds:.3f} s; "
                    f"the least is {dwell:g} s"
                )

    def _check_rules(self, event: FailoverEvent, at: datetime) -> None:
        store, words = self._store, f"{event.proxy_id}: epoch {event.epoch} was made"
        instances = store.instances(event.proxy_id)
        serving = sum(
            i.health.state is Health.HEALTHY and i.admin_state is AdminState.READY for i in instances
        )
        source = store.instance(event.source_instance_id)
        serves = source is not None and source.health.state is not Health.UNHEALTHY
        for scope, rules in self._rules(event.proxy_id):
            if serves and rules.min_serving is not None and serving < rules.min_serving:
                self._say(f"{words} with {serving} to serve; {scope} needs {rules.min_serving}")
            for gate in rules.gates:
                in_fleet = scope == FLEET or gate.startswith(FLEET_GATE_PREFIX)
                owner = FLEET if in_fleet else scope_of_user(store.proxy(event.proxy_id).owner_id)
                names = {g.name for g in store.standing(owner).gates if g.is_on}
                if gate.removeprefix(FLEET_GATE_PREFIX) not in names:
                    self._say(f"{words} while the gate {gate} of {scope} was off")
            spans = ((f.starts_at, f.ends_at) for f in rules.freezes)
            if any(begins and ends and begins <= at < ends for begins, ends in spans):
                self._say(f"{words} in a freeze of {scope}")

    def _automatic(self) -> Iterator[FailoverEvent]:
        uncounted = {EventType.ACTIVATION, EventType.RECOVERY}
        return (
            event
            for event in self._store.all_events.values()
            if event.trigger is Trigger.AUTOMATIC
            and event.event_type not in uncounted
            and event.stages.committed_at is not None
        )

    def _rules(self, proxy_id: str) -> Iterator[tuple[Scope, SafetyRules]]:
        proxy = self._store.proxy(proxy_id)
        for scope in (FLEET, scope_of_user(proxy.owner_id)):
            yield scope, self._store.standing(scope).rules
        yield scope_of_proxy(proxy_id), proxy.policy.rules

    def _scopes(self, proxy_id: str) -> tuple[Scope, ...]:
        return FLEET, scope_of_user(self._store.proxy(proxy_id).owner_id), scope_of_proxy(proxy_id)

    def _is_in(self, scope: Scope, proxy_id: str) -> bool:
        return scope in (scope_of_proxy(proxy_id), scope_of_user(self._store.owner_of(proxy_id)))


def _committed_at(event: FailoverEvent) -> datetime:
    assert event.stages.committed_at is not None
    return event.stages.committed_at
