"""Puts together what a decision may look at: what is believed of a proxy, how far to trust that, and what bounds moves."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from switchover.control.fleet import ProxyState
from switchover.control.safety import SafetyBook
from switchover.control.selfwatch import SelfWatch
from switchover.control.storewatch import StoreWatch
from switchover.control.vantages import Vantages
from switchover.decision.quorum import is_probed
from switchover.decision.view import View


class Lookout:
    """Makes views.

    Args:
        store: Knows how the store answers.
        ourselves: Knows whether we believe what we see.
        vantages: Knows what other replicas see.
        safety: Knows what bounds moves.
    """

    def __init__(
        self, *, store: StoreWatch, ourselves: SelfWatch, vantages: Vantages, safety: SafetyBook
    ) -> None:
        self._store = store
        self._ourselves = ourselves
        self._vantages = vantages
        self._safety = safety

    def view(self, state: ProxyState, now: datetime) -> View:
        """What a decision about the proxy may look at `now`."""
        doubt, cycle = self._ourselves.doubt, state.proxy.policy.health_check_interval_seconds
        unseen, until = self._unseen(state, now)
        return replace(
            state.view(),
            safety=self._safety.safety(state.proxy, now),
            store_is_away=self._store.is_out,
            rests_until=self._store.rests_until(cycle, now),
            unseen=unseen,
            unseen_until=until,
            doubt=doubt,
            vantages=self._vantages.of(state, now),
            observers=self._vantages.observers(state),
        )

    def _unseen(self, state: ProxyState, now: datetime) -> tuple[frozenset[UUID], datetime | None]:
        cycle = state.proxy.policy.health_check_interval_seconds
        doubted, left = self._ourselves.unseen(state.instances, cycle)
        if doubted and is_probed(state.proxy.policy):
            return state.unseen | doubted, now + timedelta(seconds=left)
        until = None if state.loaded_at is None else state.loaded_at + timedelta(seconds=cycle)
        # A wall clock that was set back since must not make the wait longer.
        waits = until is not None and until - timedelta(seconds=cycle) <= now < until
        return state.unseen, until if waits and state.unseen else None
