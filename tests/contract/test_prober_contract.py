"""What `probe.prober.Prober` promises, on every implementation.

To add one: write a rig (a `Rig`) for it and put its name into `RIGS`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import pytest
from tests.little_servers import closed_port, little_server
from tests.probing import HTTP, TCP, due, engine, running, take
from tests.waiting import eventually

from switchover.app.clock import SystemClock, uuid7
from switchover.model.observation import Outcome
from switchover.model.policy import CheckType, HealthCheck
from switchover.probe.prober import DueProbe, Prober
from switchover.testing.fake_prober import FAILS, FakeProber

MOST_ACCEPTED = 4


class Rig(Protocol):
    """A prober that accepts `MOST_ACCEPTED` probes, and instances of each kind."""

    @property
    def prober(self) -> Prober:
        """The prober; nobody runs it yet."""

    def passing(self) -> DueProbe:
        """A probe of a new instance that is well."""

    def failing(self) -> DueProbe:
        """A probe of a new instance that is dead."""

    def held(self) -> DueProbe:
        """A probe of a new instance that answers, well, after `let_go`."""

    def let_go(self) -> None:
        """Let every held instance answer."""


class FakeRig:
    """The fake."""

    def __init__(self) -> None:
        self.prober = FakeProber(SystemClock(), most_accepted=MOST_ACCEPTED)
        self._held: list[DueProbe] = []

    def passing(self) -> DueProbe:
        return due(80)

    def failing(self) -> DueProbe:
        probe = due(80)
        self.prober.script(probe.instance_id, FAILS)
        return probe

    def held(self) -> DueProbe:
        probe = due(80)
        self.prober.hold(probe.instance_id)
        self._held.append(probe)
        return probe

    def let_go(self) -> None:
        for probe in self._held:
            self.prober.release(probe.instance_id)


class EngineRig:
    """The real engine, and a real server that answers HTTP when it is let."""

    def __init__(self, port: int, gate: asyncio.Event) -> None:
        self.prober = engine(most_accepted=MOST_ACCEPTED)
        self._port = port
        self._gate = gate

    def passing(self) -> DueProbe:
        return due(self._port, TCP)

    def failing(self) -> DueProbe:
        return due(closed_port(), TCP)

    def held(self) -> DueProbe:
        return due(self._port, HTTP)

    def let_go(self) -> None:
        self._gate.set()


@asynccontextmanager
async def fake_rig() -> AsyncIterator[Rig]:
    yield FakeRig()


@asynccontextmanager
async def engine_rig() -> AsyncIterator[Rig]:
    gate = asyncio.Event()

    async def answers_when_let(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await gate.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with little_server(answers_when_let) as server:
        yield EngineRig(server.port, gate)


RIGS: dict[str, Callable[[], AbstractAsyncContextManager[Rig]]] = {"fake": fake_rig, "engine": engine_rig}


@pytest.fixture(params=RIGS)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with RIGS[request.param]() as made, running(made.prober):
        yield made


async def test_every_accepted_probe_leaves_exactly_one_observation(rig: Rig) -> None:
    probes = [make() for _ in range(20) for make in (rig.passing, rig.failing)]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(rig.prober.submit(probes))
        observations = await take(rig.prober, len(probes))
    assert sorted(o.instance_id for o in observations) == [probe.instance_id for probe in probes]
    outcomes = {o.instance_id: o.outcome for o in observations}
    assert [outcomes[probe.instance_id] for probe in probes] == [Outcome.PASS, Outcome.FAIL] * 20


async def test_an_observation_says_when_whom_how_fast_and_why(rig: Rig) -> None:
    await rig.prober.submit([rig.passing(), rig.failing()])
    observations = {o.outcome: o for o in await take(rig.prober, 2)}
    for observation in observations.values():
        assert observation.started_at.utcoffset() is not None
        assert observation.started_at <= observation.ended_at
        assert observation.latency_ms is not None
        assert observation.latency_ms >= 0
        assert observation.resolved_host == "127.0.0.1"
        assert observation.detail.isprintable()
    assert observations[Outcome.PASS].code == "ok"
    assert observations[Outcome.FAIL].code == "connect_refused"


async def test_a_due_heartbeat_is_a_missed_one_and_asks_nobody(rig: Rig) -> None:
    heartbeat = DueProbe(
        instance_id=uuid7(), address=None, check=HealthCheck(type=CheckType.HEARTBEAT), timeout_seconds=1.0
    )
    await rig.prober.submit([heartbeat])
    (observation,) = await rig.prober.observations()
    assert (observation.outcome, observation.code) == (Outcome.FAIL, "heartbeat_missed")
    assert observation.latency_ms is None
    assert observation.resolved_host is None


async def test_a_second_probe_of_an_instance_under_way_is_ignored(rig: Rig) -> None:
    first, last = rig.held(), rig.passing()
    await rig.prober.submit([first, first])
    await rig.prober.submit([first])
    rig.let_go()
    assert [o.instance_id for o in await rig.prober.observations()] == [first.instance_id]
    await rig.prober.submit([last])
    assert [o.instance_id for o in await rig.prober.observations()] == [last.instance_id]


async def test_an_instance_is_probed_again_once_its_observation_is_taken(rig: Rig) -> None:
    probe = rig.passing()
    for _ in range(3):
        await rig.prober.submit([probe])
        (observation,) = await rig.prober.observations()
        assert observation.instance_id == probe.instance_id


async def test_submitting_waits_at_the_bound_until_an_observation_is_taken(rig: Rig) -> None:
    probes = [rig.held() for _ in range(MOST_ACCEPTED + 1)]
    async with asyncio.TaskGroup() as tasks:
        submitting = tasks.create_task(rig.prober.submit(probes))
        rig.let_go()
        # A probe that ended still counts: what nobody takes must not pile up.
        for _ in range(100):
            await asyncio.sleep(0.001)
        assert not submitting.done()
        observations = await take(rig.prober, len(probes))
    assert {o.instance_id for o in observations} == {probe.instance_id for probe in probes}


async def test_who_gives_up_submitting_leaves_what_was_accepted(rig: Rig) -> None:
    probes = [rig.held() for _ in range(MOST_ACCEPTED + 2)]
    submitting = asyncio.create_task(rig.prober.submit(probes))
    await asyncio.sleep(0)
    submitting.cancel()
    await asyncio.gather(submitting, return_exceptions=True)
    rig.let_go()
    observations = await take(rig.prober, MOST_ACCEPTED)
    assert {o.instance_id for o in observations} == {probe.instance_id for probe in probes[:MOST_ACCEPTED]}
    await rig.prober.submit(probes[MOST_ACCEPTED:])
    assert len(await take(rig.prober, 2)) == 2


async def test_waiting_for_observations_loses_none_when_it_is_cancelled(rig: Rig) -> None:
    waiting = asyncio.ensure_future(rig.prober.observations())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    probe = rig.passing()
    await rig.prober.submit([probe])
    assert [o.instance_id for o in await rig.prober.observations()] == [probe.instance_id]


async def test_one_silent_instance_holds_nobody_up(rig: Rig) -> None:
    silent, well = rig.held(), rig.passing()
    await rig.prober.submit([silent, well])
    assert [o.instance_id for o in await rig.prober.observations()] == [well.instance_id]
    rig.let_go()
    assert [o.instance_id for o in await rig.prober.observations()] == [silent.instance_id]


async def test_submitting_nothing_is_nothing(rig: Rig) -> None:
    await rig.prober.submit([])
    probe = rig.passing()
    await rig.prober.submit([probe])
    assert len(await rig.prober.observations()) == 1


@pytest.mark.parametrize("make", RIGS.values(), ids=RIGS)
async def test_run_ends_when_it_is_cancelled_with_probes_under_way(
    make: Callable[[], AbstractAsyncContextManager[Rig]],
) -> None:
    async with make() as rig:
        running_task = asyncio.create_task(rig.prober.run())
        well = rig.passing()
        await rig.prober.submit([rig.held(), well])
        await rig.prober.observations()
        running_task.cancel()
        await eventually(running_task.done)
        assert running_task.cancelled()
