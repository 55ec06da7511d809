"""`switchover serve` that kills or stops itself at a named point of a move, once somebody has armed it.

    TEST_ARMED=FILE python tests/e2e/dying_serve.py [options of `serve`]

While FILE does not exist nothing happens. What it holds is `POINT PROXY`; it is removed as the trap springs. While
FILE.blind exists no probe of this process gets through.
"""

import errno
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

from switchover.cli.main import run
from switchover.probe import connection
from switchover.probe.attempt import Attempt
from switchover.record.sql.store import SqlStore
from switchover.switch.envoy.driver import EnvoyDriver


class Point(StrEnum):
    """Where between intent and outcome it happens."""

    BEFORE_COMMIT = "before-commit"
    STOP_BEFORE_COMMIT = "stop-before-commit"
    AFTER_COMMIT = "after-commit"
    BEFORE_APPLY = "before-apply"
    BEFORE_CLOSE = "before-close"
    AFTER_CLOSE = "after-close"


ARMED = Path(os.environ["TEST_ARMED"])


def spring(point: Point, proxy_id: str) -> None:
    """End or stop, if this is the point and the proxy that somebody armed."""
    if ARMED.exists() and ARMED.read_text().split() == [point.value, proxy_id]:
        ARMED.unlink()
        os.kill(os.getpid(), signal.SIGSTOP if point is Point.STOP_BEFORE_COMMIT else signal.SIGKILL)


def around(owner: type[Any], name: str, before: tuple[Point, ...], after: tuple[Point, ...]) -> None:
    """Set the traps around a method of `owner` whose first argument names a proxy, and in a pass a move."""
    original: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def wrapped(self: Any, subject: Any, *arguments: Any, **named: Any) -> Any:
        moves = getattr(subject, "move", True) is not None
        for point in before if moves else ():
            spring(point, subject.proxy_id)
        result = await original(self, subject, *arguments, **named)
        for point in after if moves else ():
            spring(point, subject.proxy_id)
        return result

    setattr(owner, name, wrapped)


async def connect_unless_blind(attempt: Attempt) -> socket.socket:
    """As the network would have it."""
    if ARMED.with_suffix(".blind").exists():
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    return await _connect(attempt)


_connect = connection.connect


if __name__ == "__main__":
    connection.connect = connect_unless_blind
    around(SqlStore, "commit_pass", (Point.BEFORE_COMMIT, Point.STOP_BEFORE_COMMIT), (Point.AFTER_COMMIT,))
    around(EnvoyDriver, "apply", (Point.BEFORE_APPLY,), ())
    around(SqlStore, "close_event", (Point.BEFORE_CLOSE,), (Point.AFTER_CLOSE,))
    sys.exit(run(["serve", *sys.argv[1:]]))
