"""`switchover demo`: builds the stage, plays the story, sums it up, and leaves nothing behind."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import typer
import yaml
from rich.console import Console
from rich.table import Table

from switchover.app.clock import SystemClock
from switchover.cli.client import Api
from switchover.cli.demo.acts import PROXY_ID, Act, Seen, Story
from switchover.cli.demo.load import Load, window
from switchover.cli.demo.processes import InstanceProcess, ServerProcess, free_ports
from switchover.cli.demo.stage import stage_for
from switchover.cli.event_tables import events_drawn, milliseconds
from switchover.cli.failures import CommandFailed, ExitCode
from switchover.cli.options import connect
from switchover.cli.terminal import results, styled
from switchover.cli.views import proxy_view
from switchover.model.clock import Clock
from switchover.model.events import EventStatus

RATE = 200.0
_INSTANCES = 3
_READY_SECONDS = 60.0
_POLL_SECONDS = 0.1
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def demo() -> None:
    """Kill, revive and freeze the active instance under load, and watch. Takes about 40 seconds; leaves nothing behind.

    Exits with 0 only if neither the crash nor the hang cost a request and every recorded event was completed.
    """
    raise typer.Exit(asyncio.run(_run(results())))


async def _run(console: Console) -> int:
    """Play until the end, or until a signal; either way everything that was started is ended."""
    loop = asyncio.get_running_loop()
    playing = asyncio.ensure_future(_play(console, SystemClock()))
    # A second Ctrl-C must not cut short the ending of processes that the first one began.
    for number in _ENDINGS:
        loop.add_signal_handler(number, _cancel_once, playing)
    try:
        return await playing
    except asyncio.CancelledError:
        console.print("Interrupted; everything was ended.")
        return ExitCode.INTERRUPTED


def _cancel_once(playing: asyncio.Future[int]) -> None:
    if isinstance(playing, asyncio.Task) and not playing.cancelling():
        playing.cancel()


async def _play(console: Console, clock: Clock) -> int:
    home = Path(tempfile.mkdtemp(prefix="switchover-demo-"))
    try:
        async with AsyncExitStack() as endings:
            acts, seen, load = await _perform(console, clock, home, endings)
    except (asyncio.CancelledError, BrokenPipeError):
        shutil.rmtree(home, ignore_errors=True)
        raise
    except CommandFailed as failure:
        raise CommandFailed(f"{failure.message}\nWhat the server wrote is kept in {home}") from failure
    if summary(console, acts, seen, load):
        shutil.rmtree(home, ignore_errors=True)
        return ExitCode.OK
    console.print(styled(f"What the server wrote is kept in {home}"))
    return ExitCode.FAILED


async def _perform(
    console: Console, clock: Clock, home: Path, endings: AsyncExitStack
) -> tuple[Sequence[Act], Seen, Load]:
    api_port, listener_port, *ports = free_ports(2 + _INSTANCES)
    console.print(f"Starting {_INSTANCES} instances, switchover and its Envoy …")
    instances = [InstanceProcess(f"web-{n}", port) for n, port in enumerate(ports, start=1)]
    for instance in instances:
        endings.push_async_callback(instance.kill)
        await instance.start()
    proxies_file = home / "proxies.yaml"
    proxies_file.write_text(yaml.safe_dump(declaration(listener_port, instances), sort_keys=False))
    data_dir = home / "data"
    server = ServerProcess(data_dir, api_port, proxies_file, home / "up.log")
    endings.push_async_callback(server.end)
    await server.start()
    load = Load("127.0.0.1", listener_port, RATE, clock)
    api = endings.enter_context(await _ready(data_dir, server, load, clock))
    stage = endings.enter_context(stage_for(console))
    story = Story(api=api, load=load, instances=instances, server=server, stage=stage, clock=clock)
    stop = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load.run(stop))
            acts = await _played(story, stop)
    except* (CommandFailed, BrokenPipeError) as failures:
        # Of the two tasks only the story fails; the group would hide whose words these are.
        raise failures.exceptions[0] from None
    return acts, await story.look(), load


async def _played(story: Story, stop: asyncio.Event) -> Sequence[Act]:
    try:
        return await story.play()
    finally:
        stop.set()


async def _ready(data_dir: Path, server: ServerProcess, load: Load, clock: Clock) -> Api:
    """A client of the server once it serves, its proxy has an active instance and the listener answers.

    Raises:
        CommandFailed: It ended, or is not there in time.
    """
    deadline = clock.monotonic() + _READY_SECONDS
    why = "it did not begin to serve"
    while clock.monotonic() < deadline:
        server.check()
        try:
            api = connect(None, None, data_dir)
            proxy = proxy_view(await asyncio.to_thread(api.proxy, PROXY_ID))
            healthy = all(instance.health == "healthy" for instance in proxy.instances)
            if proxy.active is not None and healthy and len(proxy.instances) == _INSTANCES:
                failure = await load.once()
                if failure is None:
                    return api
                why = f"its listener does not answer: {failure}"
            api.__exit__(None, None, None)
        except CommandFailed as failure:
            why = failure.message
        await clock.sleep(_POLL_SECONDS)
    raise CommandFailed(f"switchover was not ready within {_READY_SECONDS:g} s: {why}")


def declaration(listener_port: int, instances: Sequence[InstanceProcess]) -> dict[str, list[dict[str, Any]]]:
    """The demo's proxies.yaml: the defaults, made quick enough to watch."""
    return {
        "proxies": [
            {
                "proxyId": PROXY_ID,
                "config": {
                    "healthCheckIntervalSeconds": 1,
                    "healthCheckTimeoutSeconds": 0.5,
                    "fastIntervalSeconds": 0.2,
                    "failbackHoldDownSeconds": 2,
                    "healthCheck": {"type": "http", "path": "/health"},
                    "listener": {"address": "127.0.0.1", "port": listener_port},
                    "traffic": {"requestTimeoutSeconds": 10, "tryIdleTimeoutSeconds": 0.5, "retries": 2},
                },
                "instances": [
                    {"instanceName": i.name, "address": f"127.0.0.1:{i.port}", "priority": 10 * n}
                    for n, i in enumerate(instances, start=1)
                ],
            }
        ]
    }


def summary(console: Console, acts: Sequence[Act], seen: Seen, load: Load) -> bool:
    """Print what each act cost and what was recorded; whether all of it is as it should be."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("ACT", "REQUESTS", "FAILED", "LATE", "P99", "SLOWEST", "MOVE"):
        table.add_column(column)
    for act in acts:
        numbers = window(load.between(act.begun_at, act.ended_at))
        moved = "—" if act.event is None else f"{act.event.event_type.value} {act.event.status.value}"
        table.add_row(
            styled(act.title),
            str(numbers.requests),
            styled(numbers.failed, "bold red" if numbers.failed else "green"),
            str(numbers.late),
            milliseconds(numbers.p99_ms),
            milliseconds(numbers.slowest_ms),
            styled(act.missed or moved, "bold red" if act.missed else ""),
        )
    console.print()
    console.print(table)
    console.print()
    console.print(events_drawn(console, seen.proxy, seen.events))
    console.print()
    if load.unsent:
        console.print(
            styled(f"This machine was too busy for {load.unsent} more requests; they were not sent.", "dim")
        )
    incomplete = [event for event in seen.events if event.status is not EventStatus.COMPLETED]
    missed = [act.missed for act in acts if act.missed is not None]
    problems = [*missed]
    problems += [f"{load.failed} of {load.total} requests failed"] if load.failed else []
    problems += [f"{len(incomplete)} events were not completed"] if incomplete else []
    if problems:
        console.print(styled(f"Not as it should be: {'; '.join(problems)}.", "bold red"))
    else:
        console.print(
            styled(
                f"A crash and a hang, {load.total} requests, none failed; every event was completed.",
                "bold green",
            )
        )
    return not problems
