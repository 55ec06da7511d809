"""How it ends: which signal takes the Envoy along, and what becomes of a request that is in flight."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import psutil
import pytest
from tests.envoy_node import refused
from tests.load import Load
from tests.machine import Machine, run
from tests.waiting import eventually

from switchover.switch.envoy.binary import find_envoy

End = Callable[[Machine], Awaitable[None]]


async def by_ctrl_c(web: Machine) -> None:
    assert await web.end(signal.SIGINT) == 0


async def by_impatient_ctrl_c(web: Machine) -> None:
    assert web.process is not None
    web.process.send_signal(signal.SIGINT)
    assert await web.end(signal.SIGINT) == 0


async def by_down(web: Machine) -> None:
    done = await run("down", "--data-dir", str(web.data))
    assert (done.code, done.err) == (0, "")
    assert await web.ended() == 0


async def by_term(web: Machine) -> None:
    assert await web.end(signal.SIGTERM) == 0


async def by_term_and_down(web: Machine) -> None:
    await by_term(web)
    done = await run("down", "--data-dir", str(web.data))
    assert (done.code, done.out, done.err) == (0, "Ended the Envoy that was left serving.\n", "")


@pytest.mark.parametrize(
    ("end", "options"),
    [
        pytest.param(by_ctrl_c, (), id="ctrl-c"),
        pytest.param(by_impatient_ctrl_c, (), id="two ctrl-c"),
        pytest.param(by_down, (), id="down"),
        pytest.param(by_term, ("--stop-envoy-on-term",), id="term with --stop-envoy-on-term"),
        pytest.param(by_term_and_down, (), id="term and then down"),
    ],
)
async def test_a_request_in_flight_is_finished_and_nothing_is_left(
    web: Machine, end: End, options: tuple[str, ...]
) -> None:
    await web.serve(*options, traffic={"tryIdleTimeoutSeconds": 20})
    assert web.process is not None
    ours, envoy = psutil.Process(web.process.pid), psutil.Process(web.envoy_pid)
    slow = Load(host="127.0.0.1", port=web.listener, target="/?delay=1.5")

    async with asyncio.TaskGroup() as group:
        sending = group.create_task(slow.one())
        await eventually(lambda: in_flight(web))
        await end(web)

    assert (sending.result().failure, sending.result().instance) == (None, "web-1")
    assert not ours.is_running()
    assert not lives(envoy)
    await refused(web.listener)
    assert "Traceback" not in web.all_logs()


async def in_flight(web: Machine) -> bool:
    return (await web.counters(r"^http\.web\.downstream_rq_active$")).popitem()[1] == 1


def lives(process: psutil.Process) -> bool:
    # Orphaned, it may wait for whoever adopted it; a zombie does nothing any more.
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


async def test_term_leaves_the_envoy_serving(web: Machine) -> None:
    await web.serve()
    envoy = web.envoy_pid

    assert await web.end(signal.SIGTERM) == 0

    os.kill(envoy, 0)
    request = await Load(host="127.0.0.1", port=web.listener).one()
    assert (request.instance, request.failure) == ("web-1", None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("doing", ["exit 1", "exec sleep 600"], ids=["that ends", "that is silent"])
async def test_a_signal_is_heeded_while_we_wait_for_an_envoy(
    web: Machine, number: signal.Signals, doing: str
) -> None:
    broken = web.home / "envoy"
    broken.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec {find_envoy()} --version\n{doing}\n')
    broken.chmod(0o700)
    await web.begin_up("--envoy", str(broken))
    await eventually(lambda: "envoy_started" in web.all_logs())

    assert await web.end(number) == 0

    assert "API " not in web.all_logs()
    assert "Traceback" not in web.all_logs()
