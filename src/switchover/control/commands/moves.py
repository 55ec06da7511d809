"""Moves that people order, and the outcomes that they report."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from switchover.control.commands.words import checked_end, checked_reason
from switchover.control.cycle import Deciding
from switchover.control.desk import Desk
from switchover.control.documents import parse_completion, parse_redundancy
from switchover.control.fleet import ProxyState
from switchover.control.intent import Order
from switchover.control.telling import event_payload, message_of, redundancy_payload
from switchover.decision.orders import order_execute, order_switchover
from switchover.decision.verdict import Decision
from switchover.decision.view import View
from switchover.model.actor import Actor
from switchover.model.errors import Conflict, NotFound
from switchover.model.events import Closing, EventStatus, EventType, FailoverEvent, close
from switchover.model.redundancy import RedundancyStatus
from switchover.model.trail import Topic


class MoveCommands:
    """Changes who is active, and what is said about it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def execute(
        self,
        proxy_id: str,
        source_id: UUID,
        target_id: UUID,
        reason: str | None,
        actor: Actor,
        *,
        pin_until: datetime | None = None,
        force: bool = False,
    ) -> FailoverEvent:
        """Move from `source_id`, which must be the active, to `target_id`, which must be eligible; pins the target.

        `force` skips what can be skipped, and needs a reason.

        Raises:
            InvalidInput: The reason is wrong, or `pin_until` is not ahead.
            InvalidInput: The reason is wrong, or missing with `force`.
            NotFound: There is no such proxy or instance for this actor.
            Conflict: The source is not the active, or the target is not eligible; with the current state.
        """

        def deciding(view: View, now: datetime) -> Decision:
            return order_execute(view, source_id, target_id, now, force=force)

        return await self._ordered(proxy_id, deciding, reason, actor, pin_until=pin_until, force=force)

    async def switch_over(
        self,
        proxy_id: str,
        target_id: UUID | None,
        reason: str | None,
        actor: Actor,
        *,
        pin_until: datetime | None = None,
        force: bool = False,
    ) -> FailoverEvent:
        """Move to `target_id`, or to the best eligible standby; pins it. `force` as for `execute`.

        Raises:
            InvalidInput: The reason is wrong, or `pin_until` is not ahead.
            InvalidInput: The reason is wrong, or missing with `force`.
            NotFound: There is no such proxy or instance for this actor.
            Conflict: The target is not eligible, or active already; with the current state.
        """

        def deciding(view: View, now: datetime) -> Decision:
            return order_switchover(view, target_id, now, force=force)

        return await self._ordered(proxy_id, deciding, reason, actor, pin_until=pin_until, force=force)

    async def complete(self, event_id: UUID, outcome: Mapping[str, Any], actor: Actor) -> FailoverEvent:
        """Close an event with the outcome that whoever switched the proxy reports.

        Saying the same again changes nothing. `completed` is taken after a time-out too, when no node of ours
        carries the proxy.

        Raises:
            InvalidInput: The outcome is wrong.
            NotFound: There is no such event for this actor.
            Conflict: The event is finished and the outcome contradicts it.
        """
        desk = self._desk
        said = parse_completion(outcome)
        event = await desk.store.event(event_id)
        if event is None or event.proxy_id not in desk.fleet:
            raise NotFound("event", event_id)
        self._check_visible(event, actor)
        if event.event_type is EventType.RECOVERY:
            raise Conflict(
                f"event {event_id} is a recovery: the health of its instance completes it",
                {"eventId": str(event_id), "status": event.status.value},
            )
        async with desk.changing(event.proxy_id):
            state = self._check_visible(event, actor)
            desk.ownership.check(event.proxy_id)
            if state.scheduled_move is not None and state.scheduled_move.event_id == event_id:
                raise Conflict(
                    f"event {event_id} is scheduled, and nobody has moved anything yet; it can be cancelled",
                    {"eventId": str(event_id), "status": state.scheduled_move.status.value},
                )
            now = desk.clock.now()
            closing = Closing(
                status=said.status,
                at=now,
                error_message=said.error_message,
                applied_at=now if said.status is EventStatus.COMPLETED else None,
                duration_ms=said.duration_ms,
            )
            if state.open_move is not None and state.open_move.event_id == event_id:
                await desk.switching.complete(state, closing, actor)
            else:
                await self._complete_finished(
                    event_id, closing, actor, late_ok=not desk.switching.carries(state)
                )
        desk.outbox_bell.ring()
        closed = await desk.store.event(event_id)
        if closed is None:
            raise NotFound("event", event_id)
        return closed

    async def declare_redundancy(
        self, proxy_id: str, status: Mapping[str, Any], actor: Actor
    ) -> RedundancyStatus:
        """Declare a redundancy status; it stands until the next derived change.

        A proxy without an active may be given one here; moving an active needs a failover.

        Raises:
            InvalidInput: A field is wrong.
            NotFound: There is no such proxy for this actor.
            Conflict: It names another active than the proxy has.
        """
        desk = self._desk
        changes = parse_redundancy(status)
        state = desk.ours(proxy_id, actor)
        active = state.proxy.active_instance_id
        if changes.names_active and active is not None and changes.active_instance_id != active:
            raise Conflict(
                f"activeInstanceId: {changes.active_instance_id} is not the active instance, and a declaration "
                "cannot move it; execute a failover instead (POST /proxy/failover/execute)",
                {"activeInstanceId": str(active), "epoch": state.proxy.epoch},
            )
        if changes.active_instance_id is not None and active is None:
            await self.switch_over(proxy_id, changes.active_instance_id, "Declared by an admin", actor)
        async with desk.changing(proxy_id):
            state = desk.ours(proxy_id, actor)
            now = desk.clock.now()
            declared = replace(changes.declare(state.redundancy, now), epoch=state.proxy.epoch)
            payload = redundancy_payload(declared)
            message = message_of(desk.ids, Topic.REDUNDANCY_CHANGED, state.proxy, now, payload)
            trail = desk.trail(actor, "redundancy.declare", proxy_id, detail=payload)
            await desk.store.save_redundancy(declared, replace(trail, messages=(message,)), fence=state.fence)
            desk.fleet.put(replace(state, declared=declared))
        desk.outbox_bell.ring()
        return declared

    async def _ordered(
        self,
        proxy_id: str,
        deciding: Deciding,
        reason: str | None,
        actor: Actor,
        *,
        pin_until: datetime | None,
        force: bool,
    ) -> FailoverEvent:
        desk = self._desk
        words = checked_reason(reason, needed=force)
        until = checked_end("pinUntil", pin_until, desk.clock.now())
        desk.ours(proxy_id, actor)
        order = Order(actor=actor, reason=words, pin_until=until, force=force)
        result = await desk.cycle.run(proxy_id, deciding=deciding, order=order)
        if result.event is None:
            raise RuntimeError(f"an order on {proxy_id} was neither refused nor carried out")
        open_move = result.state.open_move
        if open_move is not None and open_move.event_id == result.event.event_id:
            return open_move
        return await desk.store.event(result.event.event_id) or result.event

    async def _complete_finished(
        self, event_id: UUID, closing: Closing, actor: Actor, *, late_ok: bool
    ) -> None:
        desk = self._desk
        event = await desk.store.event(event_id)
        if event is None:
            raise NotFound("event", event_id)
        closed = close(event, closing, late_ok=late_ok)
        if closed == event:
            return
        state = desk.fleet.state(event.proxy_id)
        message = message_of(desk.ids, Topic.MOVE_CLOSED, state.proxy, closing.at, event_payload(closed))
        trail = desk.trail(
            actor, "move.close", event.proxy_id, subject_id=event_id, detail={"status": closed.status.value}
        )
        await desk.store.close_event(
            closed, replace(trail, messages=(message,)), was_open=False, fence=state.fence
        )

    def _check_visible(self, event: FailoverEvent, actor: Actor) -> ProxyState:
        try:
            return self._desk.visible(event.proxy_id, actor)
        except NotFound:
            raise NotFound("event", event.event_id) from None
