"""The recoveries of instances: begins them, makes their attempts, ends them, and goes on with those of a replica that died.

What should be done is `decision/recovery.py`'s. Every attempt is on record before its call is made, so that a number is
called for twice only around a death or a hand-over: then with the same key.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

import structlog

from switchover.control.agenda import Agenda
from switchover.control.alarm import Alarm
from switchover.control.fleet import Fleet, ProxyState
from switchover.control.ownership import Ownership
from switchover.control.storewatch import StoreWatch
from switchover.control.telling import audit_of
from switchover.decision.recovery import Begin, End, Rest, Step, Try, begun, most_attempts, next_step
from switchover.model.actor import AUTOMATION
from switchover.model.clock import Chance, Clock, IdFactory
from switchover.model.errors import Conflict, LostLease, NotFound, StoreUnavailable
from switchover.model.events import Closing, FailoverEvent, close
from switchover.model.instance import Instance
from switchover.model.observation import Health
from switchover.model.recovery import (
    RECOVERY_JITTER,
    Attempt,
    RecoveryActionType,
    RecoveryAnswer,
    RecoveryCall,
    attempts_of,
    pause_seconds,
    with_attempt,
)
from switchover.model.trail import Trail
from switchover.record.store import Store
from switchover.recover.recoverer import Recoverer

_log = structlog.get_logger(__name__)

MOST_CALLS_AT_ONCE = 16
AGAIN_SECONDS = 1.0
"""When what could not be recorded, or found no room, is looked at again."""

IsPaused = Callable[[ProxyState, datetime], bool]
"""Whether automation is stopped for a proxy."""


class Midway:
    """Chance that leaves nothing to it: always the middle."""

    def uniform(self, low: float, high: float) -> float:
        """The number in the middle between `low` and `high`."""
        return (low + high) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryParts:
    """What recoveries are made with.

    Attributes:
        recoverers: Who is called, by the type of the action; a callback needs none.
        command_names: The commands that may be named.
        chance: Spreads the pauses.
        make_secret: Makes what a webhook is signed with; None where nobody can.
    """

    recoverers: Mapping[RecoveryActionType, Recoverer] = field(default_factory=lambda: MappingProxyType({}))
    command_names: frozenset[str] = frozenset()
    chance: Chance = field(default_factory=Midway)
    make_secret: Callable[[], str] | None = None


class Recovering:
    """Looks at a proxy's instances after its passes and whenever a pause is over.

    Args:
        fleet: The truth in memory.
        store: Where every step is recorded before its effect.
        watch: Says whether the store answers.
        ownership: Says what is ours.
        settle: Reads a proxy about which there is doubt; its lock is held.
        parts: Who is called.
        callback: Calls the library's callback.
        clock: Dates and delays.
        ids: Ids of events and audit entries.
        is_paused: Whether automation is stopped.
    """

    def __init__(
        self,
        *,
        fleet: Fleet,
        store: Store,
        watch: StoreWatch,
        ownership: Ownership,
        settle: Callable[[str], Awaitable[None]],
        parts: RecoveryParts,
        callback: Recoverer,
        clock: Clock,
        ids: IdFactory,
        is_paused: IsPaused,
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._watch = watch
        self._ownership = ownership
        self._settle = settle
        self._recoverers = {RecoveryActionType.CALLBACK: callback, **parts.recoverers}
        self._chance = parts.chance
        self._clock = clock
        self._ids = ids
        self._is_paused = is_paused
        self._agenda: Agenda[str] = Agenda()
        self._alarm = Alarm(clock)
        self._looking: set[str] = set()
        self._under_way: set[UUID] = set()
        self._tasks: asyncio.TaskGroup | None = None

    def heed(self, state: ProxyState) -> None:
        """Look at a proxy soon if there is something to do about its instances; cheap when there is not."""
        self._plan(state, 0.0)

    def _plan(self, state: ProxyState, soon: float) -> None:
        """Look at a proxy again when a pause is over, or in `soon` seconds if there is something to do already."""
        if not self._ownership.holds(state.proxy.proxy_id):
            return
        if not any(_may_concern(state, instance) for instance in state.instances.values()):
            return
        now = self._clock.now()
        steps = [self._step(state, instance, now) for instance in state.instances.values()]
        if any(not isinstance(step, Rest) for step in steps):
            self._look_in(state.proxy.proxy_id, soon)
        elif waits := [step.until for step in steps if isinstance(step, Rest) and step.until is not None]:
            self._look_in(state.proxy.proxy_id, (min(waits) - now).total_seconds())

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                while True:
                    earliest = self._agenda.earliest()
                    await self._alarm.wait(None if earliest is None else earliest - self._clock.monotonic())
                    for proxy_id in self._agenda.take(self._clock.monotonic(), MOST_CALLS_AT_ONCE):
                        if proxy_id in self._looking:
                            self._look_in(proxy_id, AGAIN_SECONDS)
                            continue
                        self._looking.add(proxy_id)
                        tasks.create_task(self._look(proxy_id), name=f"recoveries of {proxy_id}")
            finally:
                self._tasks = None

    def _look_in(self, proxy_id: str, seconds: float) -> None:
        self._agenda.put_earlier(proxy_id, self._clock.monotonic() + max(0.0, seconds))
        self._alarm.ring()

    async def _look(self, proxy_id: str) -> None:
        try:
            if proxy_id in self._fleet:
                for instance_id in tuple(self._fleet.state(proxy_id).instances):
                    # The lock is given back between two instances: no move waits for a crowd of recoveries.
                    async with self._fleet.lock(proxy_id):
                        if not await self._may_act(proxy_id):
                            return
                        if instance_id in self._fleet.state(proxy_id).instances:
                            await self._look_at(proxy_id, instance_id)
                # What is left found no room, or the store has to be read first.
                self._plan(self._fleet.state(proxy_id), AGAIN_SECONDS)
        except (LostLease, NotFound, Conflict) as error:
            # Whoever owns it now goes on; if it is still ours, its next pass looks again.
            _log.info("recovery left to others", proxy_id=proxy_id, error=str(error))
        except StoreUnavailable as error:
            _log.error("recovery not recorded", proxy_id=proxy_id, error=str(error), fault="ours")
            self._look_in(proxy_id, AGAIN_SECONDS)
        except Exception:  # noqa: BLE001 - see below
            # One proxy's bug must not stop the recoveries of the others; its next pass looks again.
            _log.exception("looking at recoveries failed", proxy_id=proxy_id, fault="ours")
        finally:
            self._looking.discard(proxy_id)

    async def _may_act(self, proxy_id: str) -> bool:
        """Whether the proxy is ours and we know what is stored of it; its lock is held."""
        if proxy_id not in self._fleet or not self._ownership.holds(proxy_id):
            return False
        if self._watch.is_out or not self._ownership.is_valid:
            self._look_in(proxy_id, AGAIN_SECONDS)
            return False
        await self._settle(proxy_id)
        return proxy_id in self._fleet

    def _step(self, state: ProxyState, instance: Instance, now: datetime) -> Step:
        latest = state.recoveries.get(instance.instance_id)
        if latest is not None and latest.event_id in self._under_way:
            # Only its end matters while its call is under way.
            step = next_step(instance, latest, state.proxy.policy, now, is_paused=True)
            return step if isinstance(step, End) else Rest()
        paused = self._is_paused(state, now)
        return next_step(instance, latest, state.proxy.policy, now, is_paused=paused)

    async def _look_at(self, proxy_id: str, instance_id: UUID) -> None:
        while True:
            state, now = self._fleet.state(proxy_id), self._clock.now()
            instance = state.instances[instance_id]
            match self._step(state, instance, now):
                case Rest():
                    return
                case Begin():
                    if not await self._begin(state, instance, now):
                        return
                case Try(number=number):
                    await self._try(state, instance, number, now)
                    return
                case End(closing=closing):
                    await self._end(state, instance, closing)

    async def _begin(self, state: ProxyState, instance: Instance, now: datetime) -> bool:
        event = begun(state.proxy, instance, self._ids(), now)
        trail = self._trail("recovery.begin", event, {"reason": event.reason, **_named(event)})
        if not await self._store.add_recovery_event(event, trail, fence=state.fence):
            # Somebody began one that we do not know of; what is stored is read before anything else is done.
            self._fleet.doubt(state.proxy.proxy_id)
            return False
        self._fleet.put(state.with_recovery(event))
        _log.warning("recovery begins", **_told(event), reason=event.reason)
        return True

    async def _end(self, state: ProxyState, instance: Instance, closing: Closing) -> None:
        event = close(state.recoveries[instance.instance_id], closing)
        detail = {"status": event.status.value, "errorMessage": event.error_message, **_named(event)}
        await self._store.close_event(event, self._trail("recovery.end", event, detail), fence=state.fence)
        self._fleet.put(state.with_recovery(event))
        _log.warning(f"recovery {event.status.value}", **_told(event), error=event.error_message)

    async def _try(self, state: ProxyState, instance: Instance, number: int, now: datetime) -> None:
        if self._tasks is None or len(self._under_way) >= MOST_CALLS_AT_ONCE:
            return
        event = state.recoveries[instance.instance_id]
        if number not in {attempt.number for attempt in attempts_of(event)}:
            event = with_attempt(event, Attempt(number=number, started_at=now))
            await self._store.note_attempts(event, fence=state.fence)
            state = state.with_recovery(event)
            self._fleet.put(state)
        secrets = await self._secrets(state)
        call = _call(state, instance, event, number, secrets)
        _log.info("recovery attempt", **_told(event), attempt=number, action=call.action.type.value)
        self._under_way.add(event.event_id)
        self._tasks.create_task(self._make(call), name=f"attempt {call.key}")

    async def _secrets(self, state: ProxyState) -> tuple[str, ...]:
        if state.proxy.policy.recovery_action.type is not RecoveryActionType.WEBHOOK:
            return ()
        secrets = await self._store.recovery_secrets(state.proxy.proxy_id)
        return () if secrets is None else secrets.all

    async def _make(self, call: RecoveryCall) -> None:
        try:
            answer = await self._answer(call)
            while not await self._note(call, answer):
                await self._clock.sleep(AGAIN_SECONDS)
        except Exception:  # noqa: BLE001 - as above; without an end on record the attempt is made again
            _log.exception("noting an attempt failed", attempt=call.key, fault="ours")
        finally:
            self._under_way.discard(call.event_id)
        self._look_in(call.proxy_id, 0.0)

    async def _answer(self, call: RecoveryCall) -> RecoveryAnswer:
        recoverer = self._recoverers.get(call.action.type)
        if recoverer is None:
            return RecoveryAnswer(
                accepted=False, detail=f"this process makes no {call.action.type.value} calls"
            )
        try:
            return await recoverer.recover(call)
        except Exception as error:  # noqa: BLE001 - it promises to raise nothing; one that does must not end the control plane
            _log.exception("recoverer failed", proxy_id=call.proxy_id, fault="ours")
            return RecoveryAnswer(accepted=False, detail=f"{type(error).__name__}: {error}")

    async def _note(self, call: RecoveryCall, answer: RecoveryAnswer) -> bool:
        """Record how an attempt ended; False when it should be tried again."""
        try:
            async with self._fleet.lock(call.proxy_id):
                if call.proxy_id not in self._fleet or not self._ownership.holds(call.proxy_id):
                    return True
                await self._settle(call.proxy_id)
                state, now = self._fleet.state(call.proxy_id), self._clock.now()
                event = state.recoveries.get(call.instance_id)
                if event is None or event.event_id != call.event_id:
                    return True
                event = with_attempt(event, self._ended(state, event, call, answer, now))
                await self._store.note_attempts(event, fence=state.fence)
                self._fleet.put(state.with_recovery(event))
        except StoreUnavailable as error:
            _log.error("attempt not recorded", attempt=call.key, error=str(error), fault="ours")
            return False
        except (LostLease, NotFound) as error:
            _log.info("attempt left to others", attempt=call.key, error=str(error))
        return True

    def _ended(
        self,
        state: ProxyState,
        event: FailoverEvent,
        call: RecoveryCall,
        answer: RecoveryAnswer,
        now: datetime,
    ) -> Attempt:
        started = next((a.started_at for a in attempts_of(event) if a.number == call.attempt), now)
        spread = self._chance.uniform(-RECOVERY_JITTER, RECOVERY_JITTER)
        pause = pause_seconds(state.proxy.policy.recovery_backoff_seconds, call.attempt, spread)
        return Attempt(
            number=call.attempt,
            started_at=started,
            ended_at=now,
            next_at=now + timedelta(seconds=pause),
            accepted=answer.accepted,
            detail=answer.detail,
        )

    def _trail(self, action: str, event: FailoverEvent, detail: dict[str, object]) -> Trail:
        now, subject = self._clock.now(), event.event_id
        entry = audit_of(
            self._ids, AUTOMATION, action, event.proxy_id, now, subject_id=subject, detail=detail
        )
        return Trail(audit=(entry,))


def _may_concern(state: ProxyState, instance: Instance) -> bool:
    """Whether there may be something to do about an instance: it is down, or being brought back."""
    latest = state.recoveries.get(instance.instance_id)
    return instance.health.state is Health.UNHEALTHY or (latest is not None and latest.status.is_open)


def _call(
    state: ProxyState, instance: Instance, event: FailoverEvent, number: int, secrets: tuple[str, ...]
) -> RecoveryCall:
    proxy = state.proxy
    return RecoveryCall(
        event_id=event.event_id,
        attempt=number,
        most_attempts=most_attempts(proxy.policy),
        action=proxy.policy.recovery_action,
        owner_id=proxy.owner_id,
        proxy_id=proxy.proxy_id,
        instance_id=instance.instance_id,
        instance_name=instance.name,
        instance_type=instance.instance_type,
        address=instance.address,
        reason=event.reason,
        secrets=secrets,
    )


def _named(event: FailoverEvent) -> dict[str, object]:
    return {"instanceId": str(event.target_instance_id), "instanceName": event.evidence.get("instanceName")}


def _told(event: FailoverEvent) -> dict[str, object]:
    return {
        "event_id": str(event.event_id),
        "proxy_id": event.proxy_id,
        "instance_id": str(event.target_instance_id),
        "instance": event.evidence.get("instanceName"),
    }
