"""What time does to standing orders: admin orders end, scheduled moves are made, drills go on. The owner does it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

import structlog

from switchover.control.agenda import Agenda
from switchover.control.alarm import Alarm
from switchover.control.commands.schedules import close_scheduled, ordered_of, record_drill
from switchover.control.desk import Desk
from switchover.control.fleet import ProxyState
from switchover.control.intent import Order
from switchover.decision.draining import SETTLING, drain_ended, first_wake, order_ended
from switchover.decision.drills import LATEST, LOOK_AGAIN, Leg, ended, next_step, order_leg
from switchover.decision.orders import order_switchover
from switchover.decision.verdict import Decision
from switchover.decision.view import View
from switchover.model.actor import AUTOMATION
from switchover.model.drills import Drill, DrillOutcome, DrillStatus
from switchover.model.errors import Conflict, LostLease, NotFound, OwnedElsewhere, StoreUnavailable
from switchover.model.events import FailoverEvent
from switchover.model.instance import Instance
from switchover.model.lease import Fence

_log = structlog.get_logger(__name__)

AGAIN_SECONDS = 1.0
"""When what could not be recorded is tried again."""
LEAST_SECONDS = 0.05
"""Between two looks at one proxy, however often something seems due."""
MOST_AT_ONCE = 16


class Timetable:
    """Looks at a proxy when something that was ordered is due.

    Every pass says so (`heed`), and every proxy has passes: so it is known after a restart, and by a new owner.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._due: Agenda[str] = Agenda()
        self._alarm = Alarm(desk.clock)
        self._busy: set[str] = set()
        # Since when we hear the accounts of a proxy's traffic, and by which lease.
        self._heard_since: dict[str, tuple[Fence | None, float]] = {}
        self._room = asyncio.Semaphore(MOST_AT_ONCE)

    def heed(self, state: ProxyState) -> None:
        """Take note of when something about the proxy is due."""
        now = self._desk.clock.now()
        at = _due_at(state, now, counted=self._is_counted(state))
        if at is not None:
            self._look(state.proxy.proxy_id, max(LEAST_SECONDS, (at - now).total_seconds()))

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                earliest = self._due.earliest()
                monotonic = self._desk.clock.monotonic
                await self._alarm.wait(None if earliest is None else earliest - monotonic())
                for proxy_id in self._due.take(monotonic(), MOST_AT_ONCE):
                    if proxy_id not in self._busy:
                        self._busy.add(proxy_id)
                        tasks.create_task(self._turn(proxy_id), name=f"orders of {proxy_id}")

    def _look(self, proxy_id: str, seconds: float) -> None:
        self._due.put_earlier(proxy_id, self._desk.clock.monotonic() + seconds)
        self._alarm.ring()

    def _is_counted(self, state: ProxyState) -> bool:
        """Whether nodes have had the time to tell us what is open on its instances, after its last move too."""
        proxy_id, monotonic = state.proxy.proxy_id, self._desk.clock.monotonic()
        fence, since = self._heard_since.get(proxy_id, (None, monotonic))
        if proxy_id not in self._heard_since or fence != state.fence:
            since = monotonic
            self._heard_since[proxy_id] = (state.fence, since)
        return state.open_move is None and monotonic >= since + SETTLING.total_seconds()

    async def _turn(self, proxy_id: str) -> None:
        desk = self._desk
        try:
            async with self._room:
                for step in (self._end_orders, self._make_scheduled, self._go_on):
                    if proxy_id in desk.fleet and desk.ownership.holds(proxy_id):
                        await step(proxy_id)
        except (StoreUnavailable, Conflict, NotFound, OwnedElsewhere, LostLease) as error:
            _log.warning("an order waits", proxy_id=proxy_id, error=str(error))
            self._look(proxy_id, AGAIN_SECONDS)
        except Exception:  # noqa: BLE001 - see below
            # One proxy's bug must not stop the orders of the others.
            _log.exception("order failed", proxy_id=proxy_id, fault="ours")
            self._look(proxy_id, AGAIN_SECONDS)
        finally:
            self._busy.discard(proxy_id)
        if proxy_id in desk.fleet and desk.ownership.holds(proxy_id):
            self.heed(desk.fleet.state(proxy_id))
        else:
            self._heard_since.pop(proxy_id, None)

    async def _end_orders(self, proxy_id: str) -> None:
        """Let expired admin orders revert, and end the waiting for drained instances."""
        desk = self._desk
        if not self._changed_by_time(desk.fleet.state(proxy_id)):
            return
        async with desk.changing(proxy_id):
            desk.ownership.check(proxy_id)
            state = desk.fleet.state(proxy_id)
            for instance in self._changed_by_time(state):
                action, detail = _story(state.instances[instance.instance_id], instance)
                trail = desk.trail(
                    AUTOMATION, action, proxy_id, subject_id=instance.instance_id, detail=detail
                )
                await desk.store.save_instance(instance, trail, fence=state.fence)
                state = state.with_instance(instance)
                desk.fleet.put(state)
                _log.info(action, proxy_id=proxy_id, instance=instance.name, **detail)
        await desk.pass_after(proxy_id)

    def _changed_by_time(self, state: ProxyState) -> tuple[Instance, ...]:
        view, now, counted = state.view(), self._desk.clock.now(), self._is_counted(state)
        changed = (
            order_ended(i, now) or (drain_ended(i, view, now) if counted else None) for i in view.instances
        )
        return tuple(instance for instance in changed if instance is not None)

    async def _make_scheduled(self, proxy_id: str) -> None:
        """Make the scheduled move as whoever ordered it."""
        desk = self._desk
        state, now = desk.fleet.state(proxy_id), desk.clock.now()
        event = state.scheduled_move
        if event is None or event.scheduled_at is None or now < event.scheduled_at:
            return
        if now > event.scheduled_at + LATEST:
            minutes = LATEST.total_seconds() / 60
            words = f"nobody ran within {minutes:g} min of its time"
            await close_scheduled(desk, proxy_id, event.event_id, words, AUTOMATION, "switchover.miss")
            return
        ordered = ordered_of(event)

        def deciding(view: View, at: datetime) -> Decision:
            return order_switchover(view, event.target_instance_id, at, force=ordered.force)

        order = replace(ordered, event_id=event.event_id, scheduled=True)
        await self._refusable(
            proxy_id,
            desk.cycle.run(proxy_id, deciding=deciding, order=order),
            lambda words: close_scheduled(
                desk, proxy_id, event.event_id, words, AUTOMATION, "switchover.refuse"
            ),
        )

    async def _go_on(self, proxy_id: str) -> None:
        """Take the next step of a drill."""
        desk = self._desk
        known = desk.fleet.state(proxy_id).drill
        if known is None:
            return
        event = await self._event_of(known)
        async with desk.changing(proxy_id):
            desk.ownership.check(proxy_id)
            state, now = desk.fleet.state(proxy_id), desk.clock.now()
            drill = state.drill
            if drill is None or drill.status is not known.status:
                return
            step = next_step(drill, desk.lookout.view(state, now), event, desk.ids(), now)
            if step.drill != drill:
                await record_drill(desk, state, step.drill, AUTOMATION)
        if not step.drill.status.is_open:
            desk.dispatcher.take(proxy_id)
        elif step.move is not None:
            await self._leg(step.drill, step.move)

    async def _leg(self, drill: Drill, leg: Leg) -> None:
        desk, proxy_id = self._desk, drill.proxy_id

        def deciding(view: View, at: datetime) -> Decision:
            return order_leg(view, drill, leg, at)

        async def barred(words: str) -> None:
            outcome = DrillOutcome.REFUSED if leg is Leg.OUT else DrillOutcome.NOT_BACK
            async with desk.changing(proxy_id):
                state = desk.fleet.state(proxy_id)
                if state.drill is not None and state.drill.drill_id == drill.drill_id:
                    end = ended(drill, outcome, words, desk.clock.now())
                    await record_drill(desk, state, end, AUTOMATION)
            desk.dispatcher.take(proxy_id)

        order = Order(
            actor=drill.actor,
            reason=drill.reason,
            event_id=drill.out_event_id if leg is Leg.OUT else drill.back_event_id,
            drill_id=drill.drill_id,
        )
        await self._refusable(proxy_id, desk.cycle.run(proxy_id, deciding=deciding, order=order), barred)

    async def _refusable(
        self, proxy_id: str, move: Awaitable[object], refused: Callable[[str], Awaitable[object]]
    ) -> None:
        """Make a move, or say that it was refused. Where the proxy has moved meanwhile it is looked at again."""
        before = self._desk.fleet.state(proxy_id).proxy.epoch
        try:
            await move
        except (Conflict, NotFound) as refusal:
            if proxy_id not in self._desk.fleet:
                return
            if self._desk.fleet.state(proxy_id).proxy.epoch != before:
                raise
            await refused(str(refusal))

    async def _event_of(self, drill: Drill) -> FailoverEvent | None:
        event_id = drill.out_event_id if drill.status is DrillStatus.MOVING else drill.back_event_id
        return None if event_id is None else await self._desk.store.event(event_id)


def _due_at(state: ProxyState, now: datetime, *, counted: bool) -> datetime | None:
    times: list[datetime] = []
    ends = first_wake(state.view())
    if ends is not None:
        times.append(ends if counted else max(ends, now + LOOK_AGAIN))
    if state.scheduled_move is not None and state.scheduled_move.scheduled_at is not None:
        times.append(state.scheduled_move.scheduled_at)
    drill = state.drill
    if drill is not None:
        waits = drill.status is DrillStatus.PENDING
        times.append((drill.scheduled_at or drill.created_at) if waits else now + LOOK_AGAIN)
    return min(times, default=None)


def _story(before: Instance, after: Instance) -> tuple[str, dict[str, object]]:
    """What the audit says of it."""
    order = after.admin_order
    if before.admin_changed_at == after.admin_changed_at and order is not None:
        state = None if order.drain_state is None else order.drain_state.value
        return "instance.drained", {"drainState": state, "leftOpen": order.left_open}
    change: dict[str, object] = {"from": before.admin_state.value, "to": after.admin_state.value}
    return "instance.order", {**change, "why": "the order expired"}
