"""One of several replicas: shares the proxies with the others, follows what they do with theirs, hears their nodes."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog

from switchover.control.alarm import Alarm
from switchover.control.collector import Collector
from switchover.control.dispatcher import Dispatcher
from switchover.control.epochs import NewerEpochs
from switchover.control.fleet import MOVE_WINDOW, Fleet, state_of
from switchover.control.following import Following, batches
from switchover.control.housekeeping import Housekeeping
from switchover.control.nodes import NodeWatch
from switchover.control.ownership import Ownership
from switchover.control.rendezvous import preferred_owner
from switchover.control.safety import SafetyBook
from switchover.control.selfwatch import SelfWatch
from switchover.control.switching import Switching
from switchover.control.traffic import TrafficWatch
from switchover.control.vantages import Vantages
from switchover.model.clock import Clock
from switchover.model.errors import OwnedElsewhere, StoreUnavailable
from switchover.model.lease import Fence, Holding, Lease, Replica
from switchover.record.exchange import Exchange
from switchover.record.membership import Membership
from switchover.record.store import Store

_log = structlog.get_logger(__name__)

RENEWALS_PER_SESSION = 5
POLL_SECONDS = 5.0
RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """The last look at what others have stored: whose asking it answered, and what kept it from answering."""

    upto: int
    error: StoreUnavailable | None = None


class Replication:
    """Owns the tasks that only several replicas need."""

    def __init__(
        self,
        *,
        replica: Replica,
        session_seconds: float,
        fleet: Fleet,
        store: Store,
        safety: SafetyBook,
        membership: Membership,
        exchange: Exchange,
        ownership: Ownership,
        switching: Switching,
        epochs: NewerEpochs,
        nodes: NodeWatch,
        collector: Collector,
        dispatcher: Dispatcher,
        housekeeping: Housekeeping,
        traffic: TrafficWatch,
        vantages: Vantages,
        ourselves: SelfWatch,
        clock: Clock,
    ) -> None:
        self._replica = replica
        self._session_seconds = session_seconds
        self._fleet = fleet
        self._store = store
        self._safety = safety
        self._membership = membership
        self._exchange = exchange
        self._ownership = ownership
        self._switching = switching
        self._epochs = epochs
        self._nodes = nodes
        self._collector = collector
        self._dispatcher = dispatcher
        self._housekeeping = housekeeping
        self._traffic = traffic
        self._vantages = vantages
        self._ourselves = ourselves
        self._clock = clock
        self._following = Following(
            fleet=fleet,
            store=store,
            ownership=ownership,
            switching=switching,
            collector=collector,
            clock=clock,
        )
        self._bell = Alarm(clock)
        self._share_at = float("-inf")
        self._since: datetime | None = None
        self._leases_known = False
        self._sent_away = False
        self._has_left = False
        self._sharing = asyncio.Lock()
        self._catching_up = asyncio.Lock()
        self._asked = 0
        self._looked = _Look(upto=0)

    async def run(self) -> None:
        """Renew, share, follow and listen until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._exchange.listen(), name="exchange")
            tasks.create_task(self._renew_often(), name="renewals")
            tasks.create_task(self._heed_notes(), name="notes")
            tasks.create_task(self._look_often(), name="looks")
            tasks.create_task(self._vantages.run(), name="vantages")

    async def leave(self) -> None:
        """Hand everything of ours to the others and end our session; what cannot be told ends with the session.

        From then on we follow the others, until cancelled. A second time nothing happens.
        """
        if self._has_left:
            return
        self._has_left = True
        try:
            async with self._sharing:
                await self._renew()
                await self._give_everything()
        except StoreUnavailable as error:
            _log.error("could not hand over", error=str(error), fault="ours")
        finally:
            self._ownership.ended()
            self._bell.ring()

    async def _give_everything(self) -> None:
        others = self._ownership.others()
        ours = [holding for holding in await self._membership.holdings() if self._is_ours(holding)]
        heirs = {h.proxy_id: preferred_owner(h.proxy_id, others) for h in ours}
        await self._hand_over({proxy_id: heir for proxy_id, heir in heirs.items() if heir is not None})
        await self._membership.leave(self._replica.replica_id)

    async def read_back(self, proxy_id: str) -> None:
        """Load one proxy of another replica as it is stored, counters included; ours is left alone.

        Raises:
            StoreUnavailable: The store did not answer; we know what we knew.
        """
        await self._following.follow((proxy_id,))

    async def catch_up(self) -> None:
        """Load what others have stored since we last looked.

        Raises:
            StoreUnavailable: The store did not answer; we know what we knew.
        """
        self._asked += 1
        mine = self._asked
        async with self._catching_up:
            # One look serves everybody who asked before it began.
            if self._looked.upto < mine:
                self._looked = await self._look(self._asked)
            if self._looked.error is not None:
                raise StoreUnavailable(str(self._looked.error))

    async def _look(self, upto: int) -> "_Look":
        try:
            if not self._leases_known or not self._ownership.is_valid:
                # What we held may be another's, who knows better; we would pass over it.
                held = self._held()
                await self._release_lost(held, await self._membership.holdings())
            await self._safety.refresh()
            changes = await self._exchange.changes(self._since)
            await self._following.follow(
                p for p, number in changes.numbers.items() if self._following.is_behind(p, number)
            )
        except StoreUnavailable as error:
            return _Look(upto=upto, error=error)
        self._since = changes.until
        return _Look(upto=upto)

    async def claim(self, proxy_id: str) -> Fence:
        """Make a proxy ours that we have just created; its lock is held.

        Raises:
            OwnedElsewhere: Another replica was faster.
            StoreUnavailable: The store did not answer; whoever should own it takes it later.
        """
        leases = await self._membership.claim(self._replica.replica_id, (proxy_id,))
        if leases:
            return leases[0].fence
        # Not even we could take it: perhaps because we did, when it was shared out a moment ago.
        for holding in await self._membership.holdings():
            if holding.proxy_id == proxy_id and holding.fence is not None and self._is_ours(holding):
                return holding.fence
        raise OwnedElsewhere(proxy_id, self._ownership.owner_url(proxy_id))

    async def _renew_often(self) -> None:
        pause, failures = self._session_seconds / RENEWALS_PER_SESSION, 0
        while not self._has_left:
            try:
                await self._keep_session()
            except StoreUnavailable as error:
                if failures == 0:
                    _log.error("could not renew our session", error=str(error), fault="ours")
                failures += 1
                self._ownership.not_renewed()
                self._send_nodes_away()
                await self._clock.sleep(min(RETRY_SECONDS, pause))
                continue
            if failures:
                _log.info("session renewed again", failures=failures)
            failures = 0
            await self._bell.wait(pause)
        await self._follow_owners(pause)

    async def _keep_session(self) -> None:
        async with self._sharing:
            # A session that was given back must not begin anew: the others would hand us proxies.
            if not self._has_left and (await self._renew() or self._clock.monotonic() >= self._share_at):
                await self._share()

    async def _follow_owners(self, pause: float) -> None:
        """Know whom to send requests to, once we own nothing any more."""
        while True:
            await self._bell.wait(pause)
            with contextlib.suppress(StoreUnavailable):
                self._ownership.shares(await self._membership.holdings())

    async def _renew(self) -> bool:
        asked_at = self._clock.monotonic()
        members = await self._membership.renew(self._replica, self._session_seconds, self._ourselves.told)
        lapsed = not self._ownership.is_valid
        if lapsed:
            self._leases_known = False
        self._sent_away = False
        return self._ownership.renewed(asked_at, members) or lapsed

    def _send_nodes_away(self) -> None:
        """Once in each loss of the store that outlasts our session: another replica may hear the store."""
        if not self._ownership.is_valid and not self._sent_away:
            self._sent_away = True
            self._nodes.send_away()

    async def _share(self) -> None:
        """Take what should be ours, give what should be others'."""
        # Before the look: a note that comes while we look makes us look again.
        self._share_at = self._clock.monotonic() + self._session_seconds
        held = self._held()
        holdings = await self._membership.holdings()
        shares = self._ownership.shares(holdings)
        await self._release_lost(held, holdings)
        self._leases_known = True
        given = [
            Lease(proxy_id=holding.proxy_id, fence=holding.fence)
            for holding in holdings
            if holding.fence is not None and self._is_ours(holding) and not self._is_adopted(holding)
        ]
        await self._adopt(given)
        for claims in batches(shares.claims):
            await self._adopt(await self._membership.claim(self._replica.replica_id, claims))
        await self._hand_over(shares.heirs)
        self._collector.refresh_observed()
        await self._heed_vantages()

    async def _adopt(self, leases: Sequence[Lease]) -> None:
        for batch in batches(leases):
            fences = {lease.proxy_id: lease.fence for lease in batch}
            now = self._clock.now()
            # Loaded after the lease was taken: nobody else can store anything about these any more.
            for stored in await self._store.load(now - MOVE_WINDOW, fences):
                proxy_id = stored.proxy.proxy_id
                async with self._fleet.lock(proxy_id):
                    if self._holds_by(proxy_id, fences[proxy_id]):
                        # It was created here meanwhile, and may have been changed since it was loaded.
                        continue
                    state = replace(state_of(stored, now), fence=fences[proxy_id])
                    self._fleet.put(state)
                    self._fleet.settle(proxy_id)
                    await self._switching.begin(state)
                self._collector.refresh(proxy_id)
                self._dispatcher.take(proxy_id)
        if leases:
            _log.info("proxies taken over", proxies=len(leases), first=leases[0].proxy_id)

    def _held(self) -> Mapping[str, Fence]:
        return {state.proxy.proxy_id: state.fence for state in self._fleet if state.fence is not None}

    async def _release_lost(self, held: Mapping[str, Fence], holdings: Iterable[Holding]) -> None:
        """Let go of what we held before we asked for the holdings, and what is another's by them, or deleted."""
        stand = {holding.proxy_id: holding.fence for holding in holdings}
        for proxy_id, fence in held.items():
            if stand.get(proxy_id) != fence and self._holds_by(proxy_id, fence):
                _log.warning("lease lost", proxy_id=proxy_id, fault="ours")
                await self._release(proxy_id)
        # What was deleted has no holding. While we held it nobody could tell us.
        await self._following.follow(proxy_id for proxy_id in held if proxy_id not in stand)

    def _holds_by(self, proxy_id: str, fence: Fence) -> bool:
        return proxy_id in self._fleet and self._fleet.state(proxy_id).fence == fence

    async def _hand_over(self, heirs: Mapping[str, UUID]) -> None:
        for batch in batches(tuple(heirs)):
            await self._housekeeping.flush()
            for proxy_id in batch:
                await self._release(proxy_id)
            given = {proxy_id: heirs[proxy_id] for proxy_id in batch}
            await self._membership.hand_over(self._replica.replica_id, given)
            self._ownership.gave(given)
        if heirs:
            _log.info("proxies handed over", proxies=len(heirs))

    async def _release(self, proxy_id: str) -> None:
        async with self._fleet.lock(proxy_id):
            if proxy_id not in self._fleet:
                return
            self._fleet.put(replace(self._fleet.state(proxy_id), fence=None, change_number=0))
        self._collector.refresh(proxy_id)

    async def _heed_notes(self) -> None:
        while True:
            notes = await self._exchange.notes()
            for account in notes.traffic:
                await self._traffic.take_in(account)
            if notes.members or notes.missed:
                self._share_at = float("-inf")
                self._bell.ring()
            try:
                if notes.missed:
                    await self.catch_up()
                    await self._heed_receipts()
                    await self._heed_vantages()
                else:
                    if notes.scopes:
                        await self._safety.refresh()
                    await self._following.follow(sorted(notes.proxies))
                    await self._heed_receipts(sorted(notes.receipts))
                    await self._heed_vantages(notes.vantages)
            except StoreUnavailable as error:
                _log.error("could not follow the other replicas", error=str(error), fault="ours")
                await self._clock.sleep(RETRY_SECONDS)

    async def _look_often(self) -> None:
        while True:
            try:
                await self.catch_up()
                self._switching.pass_on()
                await self._heed_receipts()
                await self._heed_vantages()
            except StoreUnavailable as error:
                _log.error("could not look at what changed", error=str(error), fault="ours")
            await self._clock.sleep(POLL_SECONDS)

    async def _heed_receipts(self, proxy_ids: Iterable[str] | None = None) -> None:
        if proxy_ids is None:
            proxy_ids = self._switching.awaiting()
        for proxy_id in proxy_ids:
            if proxy_id in self._fleet:
                epoch = self._fleet.state(proxy_id).proxy.epoch
                for receipt in await self._exchange.receipts(proxy_id, epoch):
                    self._epochs.take_in(receipt)
                    await self._switching.take_in(receipt)

    async def _heed_vantages(self, proxy_ids: Iterable[str] | None = None) -> None:
        for proxy_id in await self._vantages.heed(proxy_ids):
            self._dispatcher.take(proxy_id)

    def _is_ours(self, holding: Holding) -> bool:
        return holding.fence is not None and holding.fence.replica_id == self._replica.replica_id

    def _is_adopted(self, holding: Holding) -> bool:
        return holding.fence is not None and self._holds_by(holding.proxy_id, holding.fence)
