"""What `recover.recoverer.Recoverer` promises, on every implementation.

To add one: write a rig (a `Rig`) for it and put its name into `RIGS`.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.hook_server import hook_server
from tests.recovery_calls import EVENT_ID, a_call
from tests.waiting import eventually

from switchover.app.clock import SystemClock
from switchover.control.callback_recovery import CallbackRecoverer
from switchover.model.recovery import RecoveryAction, RecoveryActionType, RecoveryAnswer, RecoveryCall
from switchover.model.trail import Topic
from switchover.notify.callbacks import Callbacks
from switchover.recover.command import CommandRecoverer
from switchover.recover.recoverer import MOST_DETAIL_CHARACTERS, Recoverer
from switchover.recover.webhook import WebhookRecoverer
from switchover.testing.fake_recoverer import FakeRecoverer

A_WHILE = 60.0


@dataclass(kw_only=True)
class Rig:
    """A recoverer, and whoever it calls.

    Attributes:
        with_bound: Makes the recoverer with a bound of these seconds.
        action: What is called.
        accepts: Lets the call be accepted with the words `started`.
        fails: Lets it fail with many words.
        hangs: Lets it be answered never.
        arrived: What has arrived so far: event id and attempt of each call.
        is_busy: Whether a call is still in the hands of whoever was called.
    """

    with_bound: Callable[[float], Recoverer]
    action: RecoveryAction
    accepts: Callable[[], None]
    fails: Callable[[], None]
    hangs: Callable[[], None]
    arrived: Callable[[], list[tuple[str, int]]]
    is_busy: Callable[[], bool]


async def literally(host: str) -> str:
    return host


@asynccontextmanager
async def webhook_rig(_: Path) -> AsyncIterator[Rig]:
    async with hook_server() as hook:

        def answer(response: bytes | None) -> None:
            hook.answer = response

        def arrived() -> list[tuple[str, int]]:
            data = [json.loads(body)["data"] for _, body in hook.requests]
            return [(d["eventId"], d["attempt"]) for d in data]

        def with_bound(seconds: float) -> Recoverer:
            return WebhookRecoverer(resolve=literally, clock=SystemClock(), timeout_seconds=seconds)

        yield Rig(
            with_bound=with_bound,
            action=RecoveryAction(type=RecoveryActionType.WEBHOOK, url=hook.url),
            accepts=lambda: None,
            fails=lambda: answer(b"HTTP/1.1 500 No\r\nconnection: close\r\n\r\n" + b"no \x1b[2J" * 100_000),
            hangs=lambda: answer(None),
            arrived=arrived,
            is_busy=lambda: hook.is_open > 0,
        )


COMMAND = """
import os, subprocess, sys, time
mode = open(sys.argv[1]).read()
with open(sys.argv[2], "a") as seen:
    seen.write(f"{os.environ['RECOVERY_EVENT_ID']} {os.environ['RECOVERY_ATTEMPT']}\\n")
if mode == "hangs":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open(sys.argv[3], "w") as pids:
        pids.write(f"{os.getpid()} {child.pid}")
    time.sleep(600)
print("started" if mode == "accepts" else "no \\x1b[2J" * 100_000)
sys.exit(0 if mode == "accepts" else 3)
"""


@asynccontextmanager
async def command_rig(path: Path) -> AsyncIterator[Rig]:
    script, mode, seen, pids = (path / name for name in ("command.py", "mode", "seen", "pids"))
    script.write_text(COMMAND)
    argv = [sys.executable, str(script), str(mode), str(seen), str(pids)]

    def arrived() -> list[tuple[str, int]]:
        lines = seen.read_text().splitlines() if seen.exists() else []
        return [(event_id, int(attempt)) for event_id, attempt in (line.split() for line in lines)]

    def is_busy() -> bool:
        text = pids.read_text() if pids.exists() else ""
        return any(psutil.pid_exists(int(pid)) and _lives(int(pid)) for pid in text.split())

    yield Rig(
        with_bound=lambda seconds: CommandRecoverer({"restart": argv}, timeout_seconds=seconds),
        action=RecoveryAction(type=RecoveryActionType.COMMAND, command="restart"),
        accepts=lambda: _write(mode, "accepts"),
        fails=lambda: _write(mode, "fails"),
        hangs=lambda: _write(mode, "hangs"),
        arrived=arrived,
        is_busy=is_busy,
    )


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@asynccontextmanager
async def callback_rig(_: Path) -> AsyncIterator[Rig]:
    callbacks, seen, busy = Callbacks(), [], []

    def let(behave: Callable[[], Awaitable[None]]) -> None:
        async def callback(payload: Mapping[str, Any]) -> None:
            seen.append((payload["eventId"], payload["attempt"]))
            busy.append(True)
            try:
                await behave()
            finally:
                busy.pop()

        callbacks.set(Topic.INSTANCE_UNHEALTHY, callback)

    async def accept() -> None:
        pass

    async def fail() -> None:
        raise RuntimeError("no \x1b[2J" * 100_000)

    async def hang() -> None:
        await asyncio.get_running_loop().create_future()

    yield Rig(
        with_bound=lambda seconds: CallbackRecoverer(callbacks, timeout_seconds=seconds),
        action=RecoveryAction(type=RecoveryActionType.CALLBACK),
        accepts=lambda: let(accept),
        fails=lambda: let(fail),
        hangs=lambda: let(hang),
        arrived=lambda: seen,
        is_busy=lambda: bool(busy),
    )


@asynccontextmanager
async def fake_rig(_: Path) -> AsyncIterator[Rig]:
    fake = FakeRecoverer()

    def with_bound(seconds: float) -> Recoverer:
        fake.timeout_seconds = seconds
        return fake

    yield Rig(
        with_bound=with_bound,
        action=RecoveryAction(type=RecoveryActionType.WEBHOOK, url="https://ops.example/"),
        accepts=lambda: fake.script(RecoveryAnswer(accepted=True, detail="started")),
        fails=lambda: fake.script(RecoveryAnswer(accepted=False, detail="status 503")),
        hangs=fake.hold,
        arrived=lambda: [(str(call.event_id), call.attempt) for call in fake.calls],
        is_busy=lambda: False,
    )


RIGS: Mapping[str, Callable[[Path], AbstractAsyncContextManager[Rig]]] = {
    "webhook": webhook_rig,
    "command": command_rig,
    "callback": callback_rig,
    "fake": fake_rig,
}


@pytest.fixture(params=sorted(RIGS))
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with RIGS[request.param](tmp_path) as made:
        yield made


def call_of(rig: Rig) -> RecoveryCall:
    return a_call(rig.action)


async def test_a_call_arrives_with_its_key_and_is_accepted(rig: Rig) -> None:
    rig.accepts()

    answer = await rig.with_bound(A_WHILE).recover(call_of(rig))

    assert answer.accepted
    assert answer.detail
    assert rig.arrived() == [(str(EVENT_ID), 2)]


async def test_a_failure_is_an_answer_of_bounded_plain_words(rig: Rig) -> None:
    rig.fails()

    answer = await rig.with_bound(A_WHILE).recover(call_of(rig))

    assert not answer.accepted
    assert 0 < len(answer.detail) <= MOST_DETAIL_CHARACTERS
    assert answer.detail.isprintable()
    assert len(rig.arrived()) == 1


async def test_who_never_answers_is_given_up_and_left_alone(rig: Rig) -> None:
    rig.hangs()
    answer = await rig.with_bound(1.0).recover(call_of(rig))

    assert not answer.accepted
    assert "1 s" in answer.detail
    await eventually(lambda: not rig.is_busy())


async def test_a_cancelled_call_leaves_nothing_running(rig: Rig) -> None:
    rig.hangs()
    calling = asyncio.ensure_future(rig.with_bound(A_WHILE).recover(call_of(rig)))
    await eventually(lambda: bool(rig.arrived()))

    calling.cancel()

    assert isinstance((await asyncio.gather(calling, return_exceptions=True))[0], asyncio.CancelledError)
    await eventually(lambda: not rig.is_busy())
