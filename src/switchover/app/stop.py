"""`switchover down`: end what runs on a data directory, the Envoy included."""

import os
import signal
from pathlib import Path

from switchover.app.build import supervisor_of
from switchover.app.clock import SystemClock
from switchover.app.datadir import DataDir
from switchover.app.settings import load_settings
from switchover.model.errors import OwnError

_POLL_SECONDS = 0.05


class StopTimedOut(OwnError):  # noqa: N818 - it names a condition
    """What was to end has not ended in time."""


async def stop_running(data_dir: DataDir, timeout_seconds: float) -> str:
    """End the process that holds the directory and its Envoy; what was ended, in words.

    Args:
        data_dir: The directory.
        timeout_seconds: How long each of the two may take, above 0.

    Raises:
        StopTimedOut: One of them has not ended in time.
    """
    clock = SystemClock()
    ended: list[str] = []
    # Who holds the lock is the process: a pid from a file could be anybody's by now.
    pid = data_dir.pid()
    if pid is not None:
        os.kill(pid, signal.SIGINT)
        deadline = clock.monotonic() + timeout_seconds
        while data_dir.pid() == pid:
            if clock.monotonic() > deadline:
                raise StopTimedOut(f"process {pid} has not ended within {timeout_seconds:g} s")
            await clock.sleep(_POLL_SECONDS)
        ended.append(f"switchover (process {pid})")
    settings = load_settings(data_dir=data_dir.path)
    # Nothing is started here, so it does not matter whether the binary is still there.
    supervisor = supervisor_of(settings, data_dir, clock, settings.envoy_binary or Path("envoy"))
    if pid is not None:
        ended.append("its Envoy")
    elif await supervisor.drain_and_stop(timeout_seconds):
        ended.append("the Envoy that was left serving")
    if not ended:
        return f"Nothing runs on {data_dir.path}."
    return f"Ended {' and '.join(ended)}."
