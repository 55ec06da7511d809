"""The control plane as one thing that is started and stopped: built from parts, owner of every task in this room."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from switchover.control.alarm import Alarm
from switchover.control.callback_recovery import CallbackRecoverer
from switchover.control.collector import Collector
from switchover.control.condition import Condition
from switchover.control.cycle import Cycle, PassResult
from switchover.control.desk import Desk
from switchover.control.dispatcher import Dispatcher
from switchover.control.epochs import NewerEpochs
from switchover.control.fleet import MOVE_WINDOW, Fleet, ProxyState, state_of
from switchover.control.housekeeping import Housekeeping
from switchover.control.lookout import Lookout
from switchover.control.nodes import NodeWatch
from switchover.control.ownership import Ownership
from switchover.control.parts import Company, Parts
from switchover.control.recovering import Recovering
from switchover.control.replication import Replication
from switchover.control.safety import SafetyBook
from switchover.control.selfwatch import SelfWatch
from switchover.control.service import ProxyFailoverService
from switchover.control.storewatch import StoreWatch
from switchover.control.switching import Switching
from switchover.control.timetable import Timetable
from switchover.control.traffic import TrafficWatch
from switchover.control.vantages import Vantages
from switchover.model.lease import Fence
from switchover.model.observation import Health
from switchover.model.policy import Listener
from switchover.notify.callbacks import Callbacks
from switchover.notify.relay import Relay
from switchover.record.exchange import Exchange

__all__ = ["Company", "ControlPlane", "Parts"]


class ControlPlane:
    """Use `service` while `running` is entered, or from a task beside `run`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._fleet = Fleet()
        self._ready = asyncio.Event()
        self._stop = asyncio.Event()
        self._stopped = asyncio.Event()
        self._bell = Alarm(parts.clock)
        self._callbacks = Callbacks()
        self._watch = StoreWatch(parts.clock)
        self._store = self._watch.watched(parts.store)
        self._safety = SafetyBook(fleet=self._fleet, store=self._store, again=self._again)
        exchange = None if parts.company is None else parts.company.exchange
        self._ownership = _ownership(self._fleet, parts)
        self._ourselves = SelfWatch(parts.clock, parts.doubting, self._turned)
        self._vantages = self._observer(exchange)
        self._lookout = Lookout(
            store=self._watch, ourselves=self._ourselves, vantages=self._vantages, safety=self._safety
        )
        self._switching = Switching(
            fleet=self._fleet,
            store=self._store,
            clock=parts.clock,
            ids=parts.ids,
            ownership=self._ownership,
            drivers=parts.drivers,
            exchange=exchange,
            told=self._bell.ring,
        )
        self._epochs = self._epoch_keeper(exchange)
        self._nodes = NodeWatch(
            fleet=self._fleet,
            clock=parts.clock,
            ownership=self._ownership,
            drivers=parts.drivers,
            exchange=exchange,
        )
        self._cycle = Cycle(
            fleet=self._fleet,
            store=self._store,
            lookout=self._lookout,
            safety=self._safety,
            ownership=self._ownership,
            switching=self._switching,
            clock=parts.clock,
            ids=parts.ids,
            told=self._bell.ring,
            heed=self._heed,
            reloaded=self._refresh,
        )
        self._dispatcher = Dispatcher(
            fleet=self._fleet, ownership=self._ownership, cycle=self._cycle, clock=parts.clock
        )
        self._collector = self._gatherer()
        self._traffic = TrafficWatch(
            fleet=self._fleet,
            store=self._store,
            clock=parts.clock,
            ownership=self._ownership,
            drivers=parts.drivers,
            exchange=exchange,
            dispatcher=self._dispatcher,
            collector=self._collector,
        )
        self._recovering = self._recoverer()
        self._relay = self._messenger()
        self._housekeeping = self._housekeeper()
        self._replication = None if parts.company is None else self._replicated(parts.company)
        self._desk = self._desk_of(parts)
        self._timetable = Timetable(self._desk)
        self.service = self._service()

    def _observer(self, exchange: Exchange | None) -> Vantages:
        return Vantages(
            fleet=self._fleet,
            ownership=self._ownership,
            ourselves=self._ourselves,
            exchange=exchange,
            clock=self._parts.clock,
        )

    def _gatherer(self) -> Collector:
        return Collector(
            fleet=self._fleet,
            ownership=self._ownership,
            vantages=self._vantages,
            ourselves=self._ourselves,
            prober=self._parts.prober,
            dispatcher=self._dispatcher,
            clock=self._parts.clock,
        )

    def _epoch_keeper(self, exchange: Exchange | None) -> NewerEpochs:
        return NewerEpochs(
            fleet=self._fleet,
            store=self._store,
            clock=self._parts.clock,
            ids=self._parts.ids,
            ownership=self._ownership,
            drivers=self._parts.drivers,
            exchange=exchange,
            switching=self._switching,
            catch_up=self.catch_up,
        )

    def _recoverer(self) -> Recovering:
        return Recovering(
            fleet=self._fleet,
            store=self._store,
            watch=self._watch,
            ownership=self._ownership,
            settle=self._cycle.settle,
            parts=self._parts.recovery,
            callback=CallbackRecoverer(self._callbacks),
            clock=self._parts.clock,
            ids=self._parts.ids,
            is_paused=self._is_paused,
        )

    def _is_paused(self, state: ProxyState, now: datetime) -> bool:
        return bool(self._safety.pauses(state.proxy, now))

    def _messenger(self) -> Relay:
        return Relay(
            outbox=self._store,
            sinks=(self._callbacks,),
            clock=self._parts.clock,
            bell=self._bell,
            replica_id=self._ownership.replica_id,
        )

    def _housekeeper(self) -> Housekeeping:
        return Housekeeping(
            fleet=self._fleet,
            store=self._store,
            ownership=self._ownership,
            clock=self._parts.clock,
            retention=self._parts.retention,
        )

    def _replicated(self, company: Company) -> Replication:
        return Replication(
            replica=company.replica,
            session_seconds=company.session_seconds,
            fleet=self._fleet,
            store=self._store,
            safety=self._safety,
            membership=self._watch.watched(company.membership),
            exchange=company.exchange,
            ownership=self._ownership,
            switching=self._switching,
            epochs=self._epochs,
            nodes=self._nodes,
            collector=self._collector,
            dispatcher=self._dispatcher,
            housekeeping=self._housekeeping,
            traffic=self._traffic,
            vantages=self._vantages,
            ourselves=self._ourselves,
            clock=self._parts.clock,
        )

    def _desk_of(self, parts: Parts) -> Desk:
        return Desk(
            fleet=self._fleet,
            ownership=self._ownership,
            store=self._store,
            lookout=self._lookout,
            safety=self._safety,
            cycle=self._cycle,
            dispatcher=self._dispatcher,
            collector=self._collector,
            housekeeping=self._housekeeping,
            switching=self._switching,
            nodes=self._nodes,
            resolver=parts.resolver,
            clock=parts.clock,
            ids=parts.ids,
            outbox_bell=self._bell,
            limits=parts.limits,
            recovery=parts.recovery,
            recovering=self._recovering,
            claim=self._claim,
            read_back=self.read_back,
        )

    def _service(self) -> ProxyFailoverService:
        condition = Condition(
            runs=self._ready.is_set,
            watch=self._watch,
            ownership=self._ownership,
            ourselves=self._ourselves,
        )
        return ProxyFailoverService(
            self._desk, self._callbacks, condition=condition, stop=self.stop, catch_up=self.catch_up
        )

    def listeners(self) -> Sequence[tuple[str, Listener]]:
        """Every proxy that nodes carry, with its listener, by proxy id."""
        listeners = ((state.proxy.proxy_id, state.proxy.policy.listener) for state in self._fleet)
        return sorted(
            ((i, listener) for i, listener in listeners if listener is not None), key=lambda pair: pair[0]
        )

    async def load(self) -> None:
        """Read the store and open the nodes' doors; nothing was answered to anybody before.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        now = self._parts.clock.now()
        await self._safety.refresh()
        for stored in await self._store.load(now - MOVE_WINDOW):
            self._fleet.put(state_of(stored, now))
        await self._switching.start()

    async def run(self) -> None:
        """Load, then probe, decide, switch and tell until `stop` is called or this is cancelled."""
        try:
            await self.load()
            async with asyncio.TaskGroup() as tasks:
                loops = [
                    tasks.create_task(self._switching.run(), name="switching"),
                    tasks.create_task(self._epochs.run(), name="epochs"),
                    tasks.create_task(self._nodes.run(), name="nodes"),
                    tasks.create_task(self._dispatcher.run(), name="dispatcher"),
                    tasks.create_task(self._timetable.run(), name="timetable"),
                    tasks.create_task(self._collector.run(), name="collector"),
                    tasks.create_task(self._traffic.run(), name="traffic"),
                    tasks.create_task(self._recovering.run(), name="recoveries"),
                    tasks.create_task(self._relay.run(), name="relay"),
                    tasks.create_task(self._housekeeping.run(), name="housekeeping"),
                    tasks.create_task(self._watch.run(self._housekeeping.ask), name="store watch"),
                    tasks.create_task(self._ourselves.run(), name="self watch"),
                ]
                if self._replication is not None:
                    loops.append(tasks.create_task(self._replication.run(), name="replication"))
                for state in self._fleet:
                    self._dispatcher.take(state.proxy.proxy_id)
                self._ready.set()
                await self._stop.wait()
                self._ready.clear()
                await self.hand_over()
                for loop in loops:
                    loop.cancel()
        finally:
            self._ready.clear()
            await self._housekeeping.flush()
            await self._parts.store.close()
            self._stopped.set()

    async def _claim(self, proxy_id: str) -> Fence | None:
        return None if self._replication is None else await self._replication.claim(proxy_id)

    async def catch_up(self) -> None:
        """Load what other replicas have stored; alone, there is nothing to catch up with.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        if self._replication is not None:
            await self._replication.catch_up()

    async def read_back(self, proxy_id: str) -> None:
        """Load a proxy that another replica owns as it is stored now, counters included; alone, this does nothing.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        if self._replication is not None:
            await self._replication.read_back(proxy_id)

    async def hand_over(self) -> None:
        """Give every proxy to the other replicas, which decide from now on; alone, this does nothing.

        What is asked of us is still answered, with their help.
        """
        if self._replication is not None:
            await self._replication.leave()

    async def stop(self) -> None:
        """End `run` and wait until everything is flushed and closed."""
        self._stop.set()
        await self._stopped.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ProxyFailoverService]:
        """Run beside the body of an `async with`; the service is ready inside it."""
        async with asyncio.TaskGroup() as tasks:
            run = tasks.create_task(self.run(), name="control plane")
            ready = tasks.create_task(self._ready.wait(), name="until ready")
            await asyncio.wait({run, ready}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            try:
                yield self.service
            finally:
                if not run.done():
                    await self.stop()

    def _again(self, proxy_id: str) -> None:
        self._dispatcher.take(proxy_id)

    def _turned(self) -> None:
        self._vantages.repeat()
        if self._ourselves.doubt is None:
            for state in self._fleet:
                for instance in state.instances.values():
                    if instance.health.state is Health.UNHEALTHY:
                        self._collector.hurry(instance.instance_id)

    def _refresh(self, proxy_id: str) -> None:
        self._collector.refresh(proxy_id)

    def _heed(self, result: PassResult) -> None:
        self._dispatcher.heed(result)
        self._timetable.heed(result.state)
        self._recovering.heed(result.state)


def _ownership(fleet: Fleet, parts: Parts) -> Ownership:
    company = parts.company
    if company is None:
        return Ownership(fleet=fleet, clock=parts.clock)
    return Ownership(
        fleet=fleet, clock=parts.clock, replica=company.replica, session_seconds=company.session_seconds
    )
