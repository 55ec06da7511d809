"""What the engine promises when there is much to do, when we are in trouble ourselves, and when it is stopped."""

import asyncio
import gc
import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs
from tests.little_servers import answers, little_server, stays_silent
from tests.probing import HTTP, SHORT_SECONDS, TCP, ask, due, engine, running, take
from tests.waiting import eventually

from switchover.app.clock import uuid7
from switchover.model.observation import Outcome
from switchover.model.policy import CheckType, HealthCheck
from switchover.probe.prober import DueProbe
from switchover.testing.fake_resolver import FakeResolver

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def test_300_instances_are_probed_never_more_than_50_at_once() -> None:
    arrived = answered = 0
    most_unanswered = 0
    may_answer = asyncio.Semaphore(0)

    async def answers_when_told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived, answered, most_unanswered
        arrived += 1
        # A probe can only begin after another was answered: no close that is noticed late blurs this count.
        most_unanswered = max(most_unanswered, arrived - answered)
        await reader.readuntil(b"\r\n\r\n")
        await may_answer.acquire()
        answered += 1
        writer.write(OK)

    prober = engine(most_concurrent=50)
    async with little_server(answers_when_told) as server, running(prober):
        probes = [due(server.port, HTTP) for _ in range(300)]
        await prober.submit(probes)
        await eventually(lambda: arrived == 50)
        for _ in range(300):
            may_answer.release()
        observations = await take(prober, 300)
    assert {o.instance_id for o in observations} == {probe.instance_id for probe in probes}
    assert {o.outcome for o in observations} == {Outcome.PASS}
    assert most_unanswered == 50


async def test_silent_instances_do_not_keep_others_waiting_while_there_is_room() -> None:
    prober = engine(most_concurrent=4)
    async with little_server(stays_silent) as silent, little_server(answers(OK)) as well, running(prober):
        await prober.submit([due(silent.port, HTTP) for _ in range(3)])
        await eventually(lambda: silent.arrivals == 3)
        await prober.submit([due(well.port, HTTP)])
        (observation,) = await prober.observations()
    assert observation.outcome is Outcome.PASS


async def test_cancelling_leaves_no_socket_open() -> None:
    prober = engine(most_concurrent=40)
    tls = HealthCheck(type=CheckType.TLS, verify=False)
    async with little_server(stays_silent) as server:
        async with running(prober):
            await prober.submit([due(server.port, check) for check in (HTTP, tls) for _ in range(20)])
            await eventually(lambda: server.still_open == 40)
        await eventually(lambda: server.still_open == 0)
        await eventually(lambda: not connections_to(server.port))
    gc.collect()  # what was left open would warn, and a warning fails a test


async def test_cancelling_leaves_no_grpc_connection_behind_its_deadline() -> None:
    prober = engine()
    async with little_server(stays_silent) as server:
        async with running(prober):
            grpc = HealthCheck(type=CheckType.GRPC)
            await prober.submit([due(server.port, grpc, seconds=3.0) for _ in range(5)])
            await eventually(lambda: server.arrivals == 10)
        await eventually(lambda: server.still_open == 0)
        await eventually(lambda: not connections_to(server.port))
        assert server.arrivals == 10


def connections_to(port: int) -> list[object]:
    return [c for c in psutil.Process().net_connections("tcp") if c.raddr[1:] == (port,)]


async def test_a_passed_deadline_leaves_no_socket_open() -> None:
    async with little_server(stays_silent) as server:
        for check in (HTTP, HealthCheck(type=CheckType.TLS), HealthCheck(type=CheckType.GRPC)):
            await ask(due(server.port, check, seconds=SHORT_SECONDS))
        await eventually(lambda: server.still_open == 0)
        await eventually(lambda: not connections_to(server.port))
    gc.collect()


@pytest.mark.parametrize(
    "check", [TCP, HTTP, HealthCheck(type=CheckType.TLS, verify=False), HealthCheck(type=CheckType.GRPC)]
)
async def test_without_file_descriptors_nothing_is_known_and_later_everything_is_well_again(
    check: HealthCheck,
) -> None:
    prober = engine()
    async with little_server(answers(OK)) as server, running(prober):
        with no_file_descriptors():
            await prober.submit([due(server.port, check) for _ in range(5)])
            starved = await take(prober, 5)
        await prober.submit([due(server.port, TCP)])
        (fed,) = await prober.observations()
    assert {(o.outcome, o.code) for o in starved} == {(Outcome.INCONCLUSIVE, "no_file_descriptors")}
    assert fed.outcome is Outcome.PASS


@contextmanager
def no_file_descriptors() -> Iterator[None]:
    """Let this process open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(link.name) for link in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    fillers: list[int] = []
    try:
        while True:
            try:
                fillers.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        yield
    finally:
        for filler in fillers:
            os.close(filler)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("stalled_seconds", [1.5, 0.6], ids=["beyond the deadline", "before the deadline"])
async def test_a_stalled_loop_blames_nobody(stalled_seconds: float) -> None:
    prober = engine()
    async with little_server(stays_silent) as server, running(prober):
        await prober.submit([due(server.port, HTTP, seconds=1.0)])
        await eventually(lambda: server.arrivals == 1, every=0.001)
        time.sleep(stalled_seconds)  # noqa: ASYNC251 - the stall under test
        (observation,) = await prober.observations()
    assert (observation.outcome, observation.code) == (Outcome.INCONCLUSIVE, "loop_stalled")
    assert observation.detail.startswith("no answer within 1 s, but we were ")
    assert observation.latency_ms is None


async def test_a_stall_does_not_spoil_an_answer_that_is_there() -> None:
    prober = engine()
    async with little_server(answers(OK)) as server, running(prober):
        await prober.submit([due(server.port, HTTP)])
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251 - the stall under test
        (observation,) = await prober.observations()
    assert observation.outcome is Outcome.PASS


async def test_a_crashed_probe_leaves_one_inconclusive_observation_and_one_line_in_the_log() -> None:
    probe = due(80, TCP, host="web.example")
    prober = engine(resolver=FakeResolver({"web.example": RuntimeError("a bug of ours")}), most_concurrent=1)
    with capture_logs() as logs:
        async with little_server(answers(OK)) as server, running(prober):
            await prober.submit([probe, due(server.port, HTTP)])
            crashed, passed = await take(prober, 2)
    assert (crashed.outcome, crashed.code) == (Outcome.INCONCLUSIVE, "crashed")
    assert "a bug of ours" not in crashed.detail
    assert passed.outcome is Outcome.PASS
    (line,) = logs
    assert (line["log_level"], line["fault"], line["instance_id"]) == (
        "error",
        "ours",
        str(probe.instance_id),
    )


async def test_a_library_that_cancels_itself_counts_as_crashed() -> None:
    class CancelsItself(FakeResolver):
        async def resolve(self, host: str) -> str:
            raise asyncio.CancelledError(host)

    with capture_logs() as logs:
        observation = await ask(due(80, TCP), resolver=CancelsItself())
    assert (observation.outcome, observation.code) == (Outcome.INCONCLUSIVE, "crashed")
    assert len(logs) == 1


async def test_a_resolver_that_hangs_past_the_deadline_is_not_the_instances_fault() -> None:
    resolver = FakeResolver({"web.example": "127.0.0.1"})
    resolver.hang()
    observation = await ask(due(80, HTTP, host="web.example", seconds=SHORT_SECONDS), resolver=resolver)
    assert (observation.outcome, observation.code) == (Outcome.INCONCLUSIVE, "dns_unavailable")
    assert observation.detail == f"no address within {SHORT_SECONDS:g} s"


@pytest.mark.parametrize("probe", [due(80, HealthCheck(type=CheckType.NONE)), replace(due(80), address=None)])
async def test_what_cannot_be_asked_is_inconclusive(probe: DueProbe) -> None:
    observation = await ask(replace(probe, instance_id=uuid7()))
    assert (observation.outcome, observation.code) == (Outcome.INCONCLUSIVE, "not_probed")
