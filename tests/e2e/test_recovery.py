"""Instances that die for real, and what is called to bring them back."""

import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook
from tests.hook_server import Hook, hook_server
from tests.machine import Machine, run
from tests.waiting import eventually

from switchover.model.events import EventStatus, EventType

BACKEND = Path(__file__).parents[1] / "backend.py"
RESTART = """#!/bin/sh
echo "$RECOVERY_INSTANCE_NAME attempt $RECOVERY_ATTEMPT" >> {home}/restarted
{python} {backend} "$RECOVERY_INSTANCE_PORT" "$RECOVERY_INSTANCE_NAME" 0 >/dev/null 2>&1 &
echo $! >> {home}/pids
echo "restarted $RECOVERY_INSTANCE_NAME"
"""


@pytest.fixture
async def restarting(web: Machine) -> AsyncIterator[str]:
    """A configuration file with the command `restart`; what it started is ended."""
    script, config = web.home / "restart.sh", web.home / "switchover.toml"
    script.write_text(RESTART.format(home=web.home, python=sys.executable, backend=BACKEND))
    script.chmod(0o700)
    config.write_text(f'[recovery_commands]\nrestart = ["{script}"]\n')
    yield str(config)
    pids = web.home / "pids"
    for pid in pids.read_text().split() if pids.exists() else ():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


async def recovery(web: Machine) -> Any:
    """The newest recovery event as the API tells it; None without one."""
    events = await web.data_of("GET", "/proxy/web/failover/events", limit=500)
    return next((event for event in events if event["eventType"] == "recovery"), None)


async def test_a_killed_instance_is_restarted_by_the_command_of_the_configuration_file(
    web: Machine, restarting: str
) -> None:
    await web.serve("--config", restarting, recoveryAction={"type": "command", "command": "restart"})
    instance_id = await web.id_of("web-1")
    web.instances["web-1"].kill()

    async def is_over() -> Any:
        found = await recovery(web)
        return found if found is not None and found["status"] == "completed" else None

    event = await eventually(is_over)
    assert (event["targetInstanceId"], event["sourceInstanceId"]) == (instance_id, None)
    attempts = event["evidence"]["attempts"]
    assert [(a["accepted"], a["detail"]) for a in attempts] == [(True, "exit status 0")]
    assert "restarted web-1" in web.log.read_text()
    assert (web.home / "restarted").read_text() == "web-1 attempt 1\n"
    moves = [e for e in await web.events() if e.event_type is not EventType.RECOVERY]
    assert moves[-2].event_type is EventType.FAILOVER
    await eventually_back(web)


async def eventually_back(web: Machine) -> None:
    async def is_back() -> bool:
        view = await web.proxy()
        return view.name_of(view.active_id) == "web-1" and view.open_event is None

    await eventually(is_back)


async def test_the_next_process_goes_on_with_the_attempts_of_one_that_was_killed(web: Machine) -> None:
    async with hook_server() as hook:
        hook.answer = b"HTTP/1.1 503 Not now\r\ncontent-length: 0\r\n\r\n"
        await web.serve(
            recoveryAction={"type": "webhook", "url": hook.url},
            recoveryBackoffSeconds=2,
            maxRecoveryAttempts=50,
        )
        secret = (await web.data_of("POST", "/proxy/web/recovery/secret", {}))["secret"]
        web.instances["web-3"].kill()
        await eventually(lambda: len(hook.requests) == 1)
        await eventually(lambda: first_is_on_record(web))
        await web.kill()
        await web.up()
        await eventually(lambda: len(hook.requests) == 2)
        shown = await run("status", "web", "--data-dir", str(web.data))
        assert re.search(r"recovering \(attempt \d+ of 50, next in \d+ s\)|under way", shown.out), shown
        await web.instances.start("web-3")

        async def is_over() -> bool:
            status: str = (await recovery(web))["status"]
            return status == EventStatus.COMPLETED

        await eventually(is_over)
        assert [sent(hook, number, secret)["attempt"] for number in range(2)] == [1, 2]
        assert len({sent(hook, number, secret)["eventId"] for number in range(2)}) == 1
        assert secret not in web.all_logs()


async def first_is_on_record(web: Machine) -> bool:
    found = await recovery(web)
    attempts = [] if found is None else found["evidence"]["attempts"]
    return bool(attempts) and attempts[0]["nextAt"] is not None


def sent(hook: Hook, number: int, secret: str) -> Any:
    """What a request said, its signature verified."""
    headers, body = hook.requests[number]
    Webhook(secret).verify(body, headers)
    return json.loads(body)["data"]
