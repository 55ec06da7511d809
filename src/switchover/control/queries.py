"""What people ask. Health and standing come from memory, history from the store."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from switchover.control.desk import Desk
from switchover.control.fleet import ProxyState
from switchover.control.results import Evaluation, InstanceState, ProxyOverview, ProxyPage, ReplicaState
from switchover.control.states import instance_states, shown_proxy
from switchover.decision.decide import decide
from switchover.decision.evaluate import evaluate
from switchover.decision.plan import is_all_down
from switchover.model.actor import Actor
from switchover.model.blocked import BlockedMove
from switchover.model.drills import Drill
from switchover.model.errors import FieldProblem, InvalidInput
from switchover.model.events import FailoverEvent
from switchover.model.metrics import InstanceMetrics
from switchover.model.redundancy import RedundancyStatus

MOST_EVENTS = 500
MOST_SAMPLES = 1000
MOST_PROXIES = 500
DEFAULT_METRICS_SPAN = timedelta(hours=1)


class Queries:
    """Answers without changing anything."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def proxies(self, *, limit: int, after: str | None, actor: Actor) -> ProxyPage:
        """A page of the proxies that this actor may see, by id.

        Raises:
            InvalidInput: `limit` is out of range.
        """
        check_limit(limit, MOST_PROXIES)
        visible = {s.proxy.proxy_id: s for s in self._desk.fleet if actor.owns(s.proxy.owner_id)}
        wanted = sorted(proxy_id for proxy_id in visible if after is None or proxy_id > after)
        page = wanted[:limit]
        rejections = self._rejections()
        return ProxyPage(
            items=tuple(self._overview(visible[proxy_id], rejections) for proxy_id in page),
            next_after=page[-1] if len(wanted) > limit else None,
            total=len(visible),
        )

    async def proxy(self, proxy_id: str, actor: Actor) -> ProxyOverview:
        """One proxy whole."""
        await self._desk.seen(proxy_id, actor)
        return self._overview(self._desk.visible(proxy_id, actor), self._rejections())

    async def instances(self, proxy_id: str, actor: Actor) -> tuple[InstanceState, ...]:
        """Its instances by preference."""
        return instance_states(await self._desk.seen(proxy_id, actor), self._desk.clock.now())

    def evaluation(self, proxy_id: str, actor: Actor) -> Evaluation:
        """What the policy says now."""
        state = self._desk.visible(proxy_id, actor)
        decision = evaluate(*self._desk.view(state))
        return Evaluation(proxy_id=proxy_id, decision=decision, strategy=state.proxy.policy.failover_strategy)

    def redundancy(self, proxy_id: str, actor: Actor) -> RedundancyStatus:
        """Its redundancy, derived or declared."""
        return self._desk.visible(proxy_id, actor).redundancy

    def replicas(self) -> tuple[ReplicaState, ...]:
        """Every replica that is known, by name; none when there is but one process."""
        ownership = self._desk.ownership
        ago, counts = ownership.seen_ago, ownership.counts
        found = []
        for member in ownership.members:
            is_self = member.replica.replica_id == ownership.replica_id
            is_live = ownership.is_valid if is_self else member.seconds_left > ago
            found.append(
                ReplicaState(
                    replica=member.replica,
                    is_self=is_self,
                    is_live=is_live,
                    proxies_owned=counts.get(member.replica.replica_id, 0) if is_live else 0,
                    # What a session had left tells when it was renewed, if all have the same length.
                    seconds_since_renewal=max(0.0, ownership.session_seconds - member.seconds_left) + ago,
                    failing_since=ownership.failing_since if is_self else None,
                    doubt=member.doubt if is_live else None,
                )
            )
        return tuple(sorted(found, key=lambda state: (state.replica.name, state.replica.started_at)))

    async def events(self, proxy_id: str, limit: int, actor: Actor) -> Sequence[FailoverEvent]:
        """Its newest events, newest first."""
        check_limit(limit, MOST_EVENTS)
        self._desk.visible(proxy_id, actor)
        return await self._desk.store.events(proxy_id, limit)

    async def blocked_moves(self, proxy_id: str, limit: int, actor: Actor) -> Sequence[BlockedMove]:
        """Its newest blocked moves, newest first."""
        check_limit(limit, MOST_EVENTS)
        self._desk.visible(proxy_id, actor)
        return await self._desk.store.blocked_moves(proxy_id, limit)

    async def drills(self, proxy_id: str, limit: int, actor: Actor) -> Sequence[Drill]:
        """Its newest drills, newest first."""
        check_limit(limit, MOST_EVENTS)
        self._desk.visible(proxy_id, actor)
        return await self._desk.store.drills(proxy_id, limit)

    async def metrics(
        self, instance_id: UUID, since: datetime | None, until: datetime | None, limit: int, actor: Actor
    ) -> Sequence[InstanceMetrics]:
        """Samples of an instance, newest first; of the last hour when no time is given."""
        check_limit(limit, MOST_SAMPLES)
        self._desk.home(instance_id, actor)
        start, end = span(since, until, self._desk.clock.now(), DEFAULT_METRICS_SPAN)
        return await self._desk.store.metrics(instance_id, start, end, limit)

    def _overview(self, state: ProxyState, rejections: dict[str, dict[str, str]]) -> ProxyOverview:
        view, now = self._desk.view(state)
        return ProxyOverview(
            proxy=shown_proxy(state.proxy, now),
            instances=instance_states(state, now),
            redundancy=state.redundancy,
            open_event=state.open_move,
            scheduled_event=state.scheduled_move,
            drill=state.drill,
            decision=decide(view, now),
            pauses=view.safety.pauses(now),
            blocked=state.blocked,
            rejections=rejections.get(state.proxy.proxy_id, {}),
            owner=self._desk.ownership.owner_name(state.proxy.proxy_id),
            is_all_down=is_all_down(state.view()),
        )

    def _rejections(self) -> dict[str, dict[str, str]]:
        """Proxy id → node id → the node's words."""
        words: dict[str, dict[str, str]] = {}
        for node in self._desk.nodes.statuses():
            for proxy_id, said in node.rejections.items():
                words.setdefault(proxy_id, {})[node.node_id] = said
        return words


def check_limit(limit: int, most: int) -> None:
    """Refuse a number of items that is not from 1 to `most`.

    Raises:
        InvalidInput: It is not.
    """
    if not 1 <= limit <= most:
        raise InvalidInput(FieldProblem("limit", limit, f"allowed are whole numbers from 1 to {most}"))


def span(
    since: datetime | None, until: datetime | None, now: datetime, default: timedelta
) -> tuple[datetime, datetime]:
    """From when to when: `until` is `now` and `since` is `default` before it, where they are not given.

    Raises:
        InvalidInput: A time has no offset, or they are in the wrong order.
    """
    end = _aware("until", until) or now
    start = _aware("since", since) or end - default
    if start > end:
        raise InvalidInput(
            FieldProblem("since", start.isoformat(), f"allowed is at most until, which is {end.isoformat()}")
        )
    return start, end


def _aware(field: str, moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise InvalidInput(
            FieldProblem(
                field, moment.isoformat(), "allowed is a time with its offset, such as 2026-01-31T12:00:00Z"
            )
        )
    return moment.astimezone(UTC)
