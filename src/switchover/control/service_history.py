"""The methods of `ProxyFailoverService` that explain, and list what happened."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from switchover.control.explaining import Explaining
from switchover.control.explanation import EventExplanation, Standing
from switchover.model.actor import LIBRARY, Actor
from switchover.model.trail import AuditEntry
from switchover.model.transition import HealthTransition


class HistoryMethods:
    """Why something happened, or does not. `ProxyFailoverService` has the parts, and says what is raised."""

    _explaining: Explaining

    async def explain_failover_event(self, event_id: UUID, *, actor: Actor = LIBRARY) -> EventExplanation:
        """Why a recorded move was made and how it went, with the evidence that replays it."""
        return await self._explaining.event(event_id, actor)

    async def explain_failover(self, proxy_id: str, *, actor: Actor = LIBRARY) -> Standing:
        """Why nothing happens now, or what is about to; what it waits for and until when."""
        return await self._explaining.standing(proxy_id, actor)

    async def get_health_transitions(
        self,
        proxy_id: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        actor: Actor = LIBRARY,
    ) -> Sequence[HealthTransition]:
        """What turned in the health of its instances, newest first, 1 to 1000; by default of the last day."""
        return await self._explaining.transitions(proxy_id, since, until, limit, actor)

    async def get_audit(
        self, proxy_id: str, limit: int = 100, *, actor: Actor = LIBRARY
    ) -> Sequence[AuditEntry]:
        """Who changed what of a proxy, newest first, 1 to 1000."""
        return await self._explaining.audit(proxy_id, limit, actor)
