"""What every command and query needs: who may see what, and the pass that a change causes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from switchover.control.alarm import Alarm
from switchover.control.beliefs import NO_EVIDENCE, Evidence
from switchover.control.collector import Collector
from switchover.control.cycle import BY_POLICY, Cycle
from switchover.control.dispatcher import Dispatcher
from switchover.control.fleet import Fleet, ProxyState
from switchover.control.housekeeping import Housekeeping
from switchover.control.intent import Order
from switchover.control.lookout import Lookout
from switchover.control.nodes import NodeWatch
from switchover.control.ownership import Ownership
from switchover.control.recovering import Recovering, RecoveryParts
from switchover.control.safety import SafetyBook
from switchover.control.switching import Switching
from switchover.control.telling import audit_of
from switchover.decision.view import View
from switchover.model.actor import Actor
from switchover.model.clock import Clock, IdFactory
from switchover.model.errors import Conflict, LostLease, NotFound, OwnedElsewhere, StoreUnavailable
from switchover.model.instance import Instance
from switchover.model.lease import Fence
from switchover.model.trail import Trail
from switchover.probe.prober import Resolver
from switchover.record.store import Store

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what one owner may ask of us.

    Attributes:
        proxies_per_owner: Live proxies of one user.
        instances_per_proxy: Registered instances of one proxy.
    """

    proxies_per_owner: int = 10_000
    instances_per_proxy: int = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The parts that commands and queries work with."""

    fleet: Fleet
    ownership: Ownership
    store: Store
    lookout: Lookout
    safety: SafetyBook
    cycle: Cycle
    dispatcher: Dispatcher
    collector: Collector
    housekeeping: Housekeeping
    switching: Switching
    nodes: NodeWatch
    resolver: Resolver
    clock: Clock
    ids: IdFactory
    outbox_bell: Alarm
    limits: Limits
    recovery: RecoveryParts
    recovering: Recovering
    read_back: Callable[[str], Awaitable[None]]
    """Loads a proxy that another replica owns as it is stored now; `StoreUnavailable` when the store does not answer."""
    claim: Callable[[str], Awaitable[Fence | None]]
    """Makes a new proxy ours: its lease; None when we are alone. `OwnedElsewhere` when another replica was faster."""

    async def seen(self, proxy_id: str, actor: Actor) -> ProxyState:
        """The proxy's state for somebody who looks, fresh from its owner's record where that is another replica.

        Raises:
            NotFound: As `visible`.
        """
        self.visible(proxy_id, actor)
        if not self.ownership.holds(proxy_id):
            try:
                await self.read_back(proxy_id)
            except StoreUnavailable as error:
                # What we last knew is better than nothing; answers say since when the store is away.
                _log.debug("shown from memory", proxy_id=proxy_id, error=str(error))
        return self.visible(proxy_id, actor)

    @asynccontextmanager
    async def changing(self, proxy_id: str) -> AsyncIterator[None]:
        """Hold a proxy's lock, and know what is stored of it.

        Raises:
            StoreUnavailable: There is doubt about what is stored, and the store did not answer.
        """
        async with self.fleet.lock(proxy_id):
            await self.cycle.settle(proxy_id)
            yield

    def view(self, state: ProxyState) -> tuple[View, datetime]:
        """What a decision about the proxy may look at now, and when that is."""
        now = self.clock.now()
        return self.lookout.view(state, now), now

    def visible(self, proxy_id: str, actor: Actor) -> ProxyState:
        """The proxy's state, if this actor may see it.

        Raises:
            NotFound: There is none, or it belongs to somebody else: who may not see it is not told that it exists.
        """
        state = self.fleet.state(proxy_id)
        if not actor.owns(state.proxy.owner_id):
            raise NotFound("proxy", proxy_id)
        return state

    def ours(self, proxy_id: str, actor: Actor) -> ProxyState:
        """The proxy's state, if this actor may see it and we may change it.

        Raises:
            NotFound: As `visible`.
            OwnedElsewhere: Another replica has to do it.
        """
        state = self.visible(proxy_id, actor)
        self.ownership.check(proxy_id)
        return state

    def our_home(self, instance_id: UUID, actor: Actor) -> tuple[ProxyState, Instance]:
        """The instance and its proxy's state, if this actor may see them and we may change them.

        Raises:
            NotFound: As `home`.
            OwnedElsewhere: Another replica has to do it.
        """
        state, instance = self.home(instance_id, actor)
        self.ownership.check(state.proxy.proxy_id)
        return state, instance

    def home(self, instance_id: UUID, actor: Actor) -> tuple[ProxyState, Instance]:
        """The instance and its proxy's state, if this actor may see them.

        Raises:
            NotFound: There is none, or it belongs to somebody else.
        """
        state = self.fleet.home(instance_id)
        if not actor.owns(state.proxy.owner_id):
            raise NotFound("instance", instance_id)
        return state, state.instances[instance_id]

    def trail(
        self,
        actor: Actor,
        action: str,
        proxy_id: str,
        *,
        subject_id: UUID | None = None,
        detail: Mapping[str, Any],
    ) -> Trail:
        """The audit entry of a change by `actor`."""
        now = self.clock.now()
        entry = audit_of(self.ids, actor, action, proxy_id, now, subject_id=subject_id, detail=dict(detail))
        return Trail(audit=(entry,))

    async def pass_after(
        self,
        proxy_id: str,
        evidence: Evidence = NO_EVIDENCE,
        order: Order = BY_POLICY,
    ) -> None:
        """Run the pass that a change caused, so that its answer comes after what followed is on record.

        Raises:
            StoreUnavailable: The change is stored; what follows from it is decided as soon as the store is back.
            OwnedElsewhere, LostLease: The change was a report, and another replica has to take it.
        """
        self.collector.refresh(proxy_id)
        try:
            await self.cycle.run(proxy_id, evidence, order=order)
        except (Conflict, NotFound, OwnedElsewhere, LostLease) as error:
            if evidence.reports and isinstance(error, OwnedElsewhere | LostLease):
                # A verdict is nowhere but here, and here nobody decides any more.
                raise
            # The change itself stands; somebody else moved or removed the proxy meanwhile.
            _log.warning("the pass after a change lost a race", proxy_id=proxy_id, error=str(error))
            self.dispatcher.take(proxy_id)
