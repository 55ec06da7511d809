import asyncio
import time
from collections import Counter

import pytest
from tests.waiting import eventually

from switchover.app.clock import SystemClock
from switchover.cli.demo.load import Load, Sample, window
from switchover.cli.demo.processes import Doing, InstanceProcess, free_ports
from switchover.cli.failures import CommandFailed


def test_a_window_counts_what_failed_what_was_late_and_who_answered() -> None:
    samples = [Sample(sent_at=n, latency_ms=float(n), instance="web-1", failure=None) for n in range(1, 101)]
    samples += [
        Sample(sent_at=0, latency_ms=500.0, instance="web-2", failure=None),
        Sample(sent_at=0, latency_ms=9.0, instance=None, failure="status 503"),
    ]
    numbers = window(samples)
    assert (numbers.requests, numbers.failed, numbers.late) == (102, 1, 1)
    assert (numbers.p99_ms, numbers.slowest_ms) == (100.0, 500.0)
    assert numbers.by_instance == Counter({"web-1": 100, "web-2": 1})


def test_a_window_without_answers_has_no_latency() -> None:
    assert (window([]).p99_ms, window([]).slowest_ms) == (None, None)


async def _running(load: Load, until: int) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.run(stop))
        await eventually(lambda: load.total >= until)
        stop.set()


async def test_an_instance_process_serves_the_load_on_kept_and_new_connections() -> None:
    (port,) = free_ports(1)
    instance = InstanceProcess("web-1", port)
    await instance.start()
    try:
        load = Load("127.0.0.1", port, 200.0, SystemClock())
        assert await load.once() is None
        await _running(load, 60)
        assert load.failed == 0
        assert set(window(load.between(0, float("inf"))).by_instance) == {"web-1"}
    finally:
        await instance.kill()
    assert instance.doing is Doing.KILLED
    await _running(load, load.total + 20)
    assert load.failed >= 20


async def test_what_a_stalled_machine_did_not_send_in_time_is_not_sent_in_a_burst() -> None:
    (port,) = free_ports(1)
    load = Load("127.0.0.1", port, 200.0, SystemClock())
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.run(stop))
        await eventually(lambda: load.total > 0)
        time.sleep(0.5)  # noqa: ASYNC251 - the stall under test
        await eventually(lambda: load.unsent >= 75)
        stop.set()


async def test_a_frozen_instance_answers_once_it_is_thawed() -> None:
    (port,) = free_ports(1)
    instance = InstanceProcess("web-1", port)
    await instance.start()
    try:
        instance.freeze()
        asking = asyncio.ensure_future(Load("127.0.0.1", port, 1.0, SystemClock()).once())
        done, _ = await asyncio.wait({asking}, timeout=0.2)
        assert done == set()
        instance.thaw()
        assert await asking is None
    finally:
        await instance.kill()


async def test_an_instance_can_come_back_on_its_port() -> None:
    (port,) = free_ports(1)
    instance = InstanceProcess("web-1", port)
    await instance.start()
    first = instance.pid
    await instance.kill()
    await instance.start()
    assert instance.pid != first
    await instance.kill()


async def test_an_instance_whose_port_is_taken_is_an_error() -> None:
    (port,) = free_ports(1)
    first, second = InstanceProcess("web-1", port), InstanceProcess("web-2", port)
    await first.start()
    try:
        with pytest.raises(CommandFailed, match="web-2 did not start"):
            await second.start()
    finally:
        await first.kill()
        await second.kill()


async def test_an_instance_ends_when_the_demo_is_gone() -> None:
    (port,) = free_ports(1)
    instance = InstanceProcess("web-1", port)
    await instance.start()
    process = instance._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 0


def test_ports_are_free_distinct_and_not_for_outgoing_connections() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert all(port < 32768 for port in ports)


async def test_an_answer_that_is_not_200_has_failed() -> None:
    async def unavailable(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(unavailable, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await Load("127.0.0.1", port, 1.0, SystemClock()).once() == "status 503"
