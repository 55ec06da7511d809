"""Answers to "why": of a recorded move, of what happens now, and the history of health behind both."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from switchover.control.condition import Condition
from switchover.control.desk import Desk
from switchover.control.explanation import EventExplanation, Standing, explanation_of
from switchover.control.queries import check_limit, span
from switchover.decision.decide import decide
from switchover.model.actor import Actor
from switchover.model.errors import NotFound, OwnedElsewhere, StoreUnavailable
from switchover.model.events import FailoverEvent
from switchover.model.trail import AuditEntry
from switchover.model.transition import HealthTransition

_log = structlog.get_logger(__name__)

MOST_TRANSITIONS = 1000
MOST_ENTRIES = 1000
DEFAULT_TRANSITIONS_SPAN = timedelta(days=1)
_NOBODY = "no replica decides about this proxy at the moment; the next one to claim it will"


class Explaining:
    """Explains without changing anything.

    Args:
        desk: The parts it works with.
        condition: Knows what keeps us from deciding.
    """

    def __init__(self, desk: Desk, condition: Condition) -> None:
        self._desk = desk
        self._condition = condition

    async def event(self, event_id: UUID, actor: Actor) -> EventExplanation:
        """Why a recorded move was made, and how it went.

        Raises:
            NotFound: There is no such event for this actor, or its proxy is deleted.
        """
        event = await self._desk.store.event(event_id)
        if event is None or event.proxy_id not in self._desk.fleet:
            raise NotFound("event", event_id)
        try:
            state = self._desk.visible(event.proxy_id, actor)
        except NotFound:
            raise NotFound("event", event_id) from None
        return explanation_of(event, state.view())

    async def standing(self, proxy_id: str, actor: Actor) -> Standing:
        """Why a proxy stands where it does, and what it waits for.

        Its owner knows best. Where there is none, or this replica can decide nothing, it tells what it knows, and that.

        Raises:
            NotFound: There is no such proxy for this actor.
            OwnedElsewhere: Another replica has to say.
        """
        desk = self._desk
        desk.visible(proxy_id, actor)
        hindrances = list(self._condition.hindrances())
        if not hindrances:
            try:
                desk.ownership.check(proxy_id)
            except OwnedElsewhere as elsewhere:
                if elsewhere.url is not None:
                    raise
                hindrances.append(_NOBODY)
        state, now = await desk.seen(proxy_id, actor), desk.clock.now()
        view = desk.lookout.view(state, now)
        rejections = {
            node.node_id: node.rejections[proxy_id]
            for node in desk.nodes.statuses()
            if proxy_id in node.rejections
        }
        return Standing(
            at=now,
            view=view,
            decision=decide(view, now),
            sightings=tuple(s for i in view.instances for s in state.sightings.get(i.instance_id, ())),
            owner=desk.ownership.owner_name(proxy_id),
            hindrances=tuple(hindrances),
            open_event=state.open_move,
            last_event=await self._newest(proxy_id),
            rejections=rejections,
        )

    async def _newest(self, proxy_id: str) -> FailoverEvent | None:
        try:
            events = await self._desk.store.events(proxy_id, 1)
        except StoreUnavailable as error:
            # Why nothing happens is asked most when the store is away; that is said among the hindrances.
            _log.debug("explained without its newest event", proxy_id=proxy_id, error=str(error))
            return None
        return events[0] if events else None

    async def transitions(
        self, proxy_id: str, since: datetime | None, until: datetime | None, limit: int, actor: Actor
    ) -> Sequence[HealthTransition]:
        """What turned in the health of its instances, newest first; of the last day when no time is given.

        Raises:
            InvalidInput: `limit` or a time is not valid.
            NotFound: There is no such proxy for this actor.
        """
        check_limit(limit, MOST_TRANSITIONS)
        self._desk.visible(proxy_id, actor)
        begin, end = span(since, until, self._desk.clock.now(), DEFAULT_TRANSITIONS_SPAN)
        return await self._desk.store.health_transitions(proxy_id, begin, end, limit)

    async def audit(self, proxy_id: str, limit: int, actor: Actor) -> Sequence[AuditEntry]:
        """Who changed what of a proxy, newest first.

        Raises:
            InvalidInput: `limit` is out of range.
            NotFound: There is no such proxy for this actor.
        """
        check_limit(limit, MOST_ENTRIES)
        self._desk.visible(proxy_id, actor)
        return await self._desk.store.audit(proxy_id, limit)
