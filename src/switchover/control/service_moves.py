"""The methods of `ProxyFailoverService` that move a proxy, now, later or as a drill, and tell what moved."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from switchover.control.commands.moves import MoveCommands
from switchover.control.commands.schedules import ScheduleCommands
from switchover.control.queries import Queries
from switchover.control.results import (
    Evaluation,
)
from switchover.model.actor import LIBRARY, Actor
from switchover.model.drills import Drill
from switchover.model.events import FailoverEvent


class MoveMethods:
    """Moves, their events, and drills. `ProxyFailoverService` has the parts, and says what is raised."""

    _moves: MoveCommands
    _schedules: ScheduleCommands
    _queries: Queries

    async def evaluate_failover(self, proxy_id: str, *, actor: Actor = LIBRARY) -> Evaluation:
        """What the policy says now; nothing is changed."""
        return self._queries.evaluation(proxy_id, actor)

    async def execute_failover(
        self,
        proxy_id: str,
        source_instance_id: UUID,
        target_instance_id: UUID,
        reason: str | None = None,
        *,
        pin_until: datetime | None = None,
        force: bool = False,
        actor: Actor = LIBRARY,
    ) -> FailoverEvent:
        """Move from the active to an eligible instance and pin it, until `pin_until` if that is given; answers when
        the intent is on record.

        `force` needs a reason, skips the safety rules and takes an unhealthy target too; the event's evidence says what
        was skipped.
        """
        return await self._moves.execute(
            proxy_id, source_instance_id, target_instance_id, reason, actor, pin_until=pin_until, force=force
        )

    async def switch_over(
        self,
        proxy_id: str,
        target_instance_id: UUID | None = None,
        reason: str | None = None,
        *,
        pin_until: datetime | None = None,
        force: bool = False,
        scheduled_for: datetime | None = None,
        actor: Actor = LIBRARY,
    ) -> FailoverEvent:
        """Make a planned move to an eligible instance, the best one by default, and pin it, until `pin_until` if that
        is given; `force` as above.

        With `scheduled_for`, at most 30 days ahead, the event is `pending` until then.
        """
        if scheduled_for is not None:
            return await self._schedules.schedule(
                proxy_id, target_instance_id, reason, scheduled_for, actor, force=force
            )
        return await self._moves.switch_over(
            proxy_id, target_instance_id, reason, actor, pin_until=pin_until, force=force
        )

    async def cancel_switchover(self, proxy_id: str, *, actor: Actor = LIBRARY) -> FailoverEvent:
        """Cancel the scheduled switchover."""
        return await self._schedules.cancel(proxy_id, actor)

    async def complete_failover_event(
        self,
        event_id: UUID,
        status: str,
        error_message: str | None = None,
        duration_ms: float | None = None,
        *,
        actor: Actor = LIBRARY,
    ) -> FailoverEvent:
        """Close an event as `completed` or `failed`; saying the same again changes nothing."""
        outcome = {"status": status, "errorMessage": error_message, "durationMs": duration_ms}
        return await self._moves.complete(event_id, outcome, actor)

    async def get_failover_events(
        self, proxy_id: str, limit: int = 50, *, actor: Actor = LIBRARY
    ) -> Sequence[FailoverEvent]:
        """The newest events, newest first, 1 to 500."""
        return await self._queries.events(proxy_id, limit, actor)

    async def start_drill(
        self,
        proxy_id: str,
        reason: str | None = None,
        *,
        hold_seconds: float | None = None,
        scheduled_for: datetime | None = None,
        actor: Actor = LIBRARY,
    ) -> Drill:
        """Order a move to the best standby and back again, for now or for later; answers before it begins."""
        return await self._schedules.drill(proxy_id, reason, hold_seconds, scheduled_for, actor)

    async def cancel_drill(self, proxy_id: str, *, actor: Actor = LIBRARY) -> Drill:
        """End the drill; one that has begun goes back first."""
        return await self._schedules.cancel_drill(proxy_id, actor)

    async def get_drills(self, proxy_id: str, limit: int = 50, *, actor: Actor = LIBRARY) -> Sequence[Drill]:
        """The newest drills, newest first, 1 to 500."""
        return await self._queries.drills(proxy_id, limit, actor)
