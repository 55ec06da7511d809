"""What bounds automation, as this process knows it: pauses, safety rules and gates of every scope.

What is known here makes decisions early and explains them. The store asks again in the transaction of each move, so
what is not known yet does no harm.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import structlog

from switchover.control.fleet import Fleet
from switchover.decision.rules import Safety, counts, limits, safety_of
from switchover.model.proxy import Proxy
from switchover.model.rules import Pause, Scope, ScopeKind, ScopeStanding
from switchover.record.store import Store

_log = structlog.get_logger(__name__)


class SafetyBook:
    """Every scope in which something is set.

    Args:
        fleet: Whose moves are counted.
        store: Where the scopes are.
        again: Called with each proxy whose blocked move may be free, because something was changed.
    """

    def __init__(self, *, fleet: Fleet, store: Store, again: Callable[[str], None]) -> None:
        self._fleet = fleet
        self._store = store
        self._again = again
        self._standings: Mapping[Scope, ScopeStanding] = {}
        self._learned: dict[Scope, datetime] = {}
        self._counted: tuple[datetime, Mapping[Scope, datetime]] | None = None
        self._lock = asyncio.Lock()

    def standing(self, scope: Scope) -> ScopeStanding:
        """What is set in a scope."""
        return self._standings.get(scope, ScopeStanding(scope=scope))

    def safety(self, proxy: Proxy, now: datetime) -> Safety:
        """What bounds the moves of a proxy `now`."""
        safety = safety_of(proxy.proxy_id, proxy.owner_id, proxy.policy.rules, self._standings)
        wide = {scope for scope, _ in limits(safety) if scope.kind is not ScopeKind.PROXY}
        if not wide and not self._learned:
            return safety
        counted = self._count(now) if wide else {}
        scopes = [standing.scope for standing in safety.standings]
        latest = {
            scope: max(found)
            for scope in scopes
            if (found := [known[scope] for known in (counted, self._learned) if scope in known])
        }
        return safety.with_latest(latest)

    def pauses(self, proxy: Proxy, now: datetime) -> tuple[tuple[Scope, Pause], ...]:
        """Every pause that stops automation for a proxy `now`, the widest first; none while it runs."""
        return self.safety(proxy, now).pauses(now)

    def learn(self, latest: Mapping[Scope, datetime]) -> None:
        """Take note of what the store has counted."""
        self._learned |= latest

    async def refresh(self) -> None:
        """Load every scope.

        Raises:
            StoreUnavailable: The store did not answer; we know what we knew.
        """
        async with self._lock:
            await self._load()

    async def change(self, scope: Scope, store: Callable[[], Awaitable[None]]) -> ScopeStanding:
        """What is set in `scope` once `store` has changed it, known here when this returns."""
        async with self._lock:
            await store()
            await self._load()
        return self.standing(scope)

    async def _load(self) -> None:
        self._take({standing.scope: standing for standing in await self._store.standings()})

    def _take(self, standings: Mapping[Scope, ScopeStanding]) -> None:
        if standings == self._standings:
            return
        changed = sorted(
            str(scope)
            for scope in standings.keys() | self._standings.keys()
            if standings.get(scope) != self._standings.get(scope)
        )
        _log.info("what bounds automation has changed", scopes=changed[:10], changed=len(changed))
        self._standings, self._counted = standings, None
        # A limit that was changed counts other moves.
        self._learned = {}
        for state in self._fleet:
            if state.blocked is not None:
                self._again(state.proxy.proxy_id)

    def _count(self, now: datetime) -> Mapping[Scope, datetime]:
        """What `Safety.latest` says of the fleet and of users, as far as memory goes; looked up once a second."""
        if self._counted is not None and abs((now - self._counted[0]).total_seconds()) < 1:
            return self._counted[1]
        found: dict[Scope, datetime] = {}
        for scope, standing in self._standings.items():
            limit = standing.rules.move_limit
            if limit is None:
                continue
            times = sorted(
                move.committed_at
                for state in self._fleet
                if scope.kind is ScopeKind.FLEET or state.proxy.owner_id == scope.name
                for move in state.moves
                if counts(move.trigger, move.event_type)
            )
            if len(times) >= limit.moves:
                found[scope] = times[-limit.moves]
        self._counted = (now, found)
        return found
