"""A process that we started, now or in an earlier life, and may signal without ever hitting another one.

Linux only: a pidfd (pidfd_open(2)) names a process for as long as it is open, and the start time in /proc tells whether
a number still means the process that it once meant.
"""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from switchover.model.errors import OwnError

_START_TIME_FIELD = 22  # proc_pid_stat(5)
_FIRST_FIELD_AFTER_NAME = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """Which process, for good.

    Attributes:
        pid: Its number, which the kernel gives to another one later.
        start_ticks: When it started, in clock ticks since boot.
        boot_id: Which boot that was.
        purpose: A digest of what it was started with.
    """

    pid: int
    start_ticks: int
    boot_id: str
    purpose: str

    def write(self, path: Path) -> None:
        """Store it, whole or not at all."""
        text = json.dumps(
            {
                "pid": self.pid,
                "startTicks": self.start_ticks,
                "bootId": self.boot_id,
                "purpose": self.purpose,
            }
        )
        partial = path.with_suffix(".partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> "ProcessIdentity | None":
        """The stored one; None when there is none, or it makes no sense."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                pid=int(document["pid"]),
                start_ticks=int(document["startTicks"]),
                boot_id=str(document["bootId"]),
                purpose=str(document["purpose"]),
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return None  # a torn write of a machine that lost power: that process is gone too


class RunningProcess:
    """A process that was alive when this was made. Use within a running event loop; `close` it."""

    def __init__(self, identity: ProcessIdentity, pidfd: int) -> None:
        self.identity = identity
        self.exited = asyncio.Event()
        """Set once it has ended."""
        self._pidfd = pidfd
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(pidfd, self._ended)

    @classmethod
    def start(cls, command: Sequence[str | Path], *, log: Path, purpose: str) -> "RunningProcess":
        """Start `command` in a session of its own, so that no signal for us reaches it; it outlives us.

        Its environment is empty: nothing of ours, secrets least of all, is its business.

        Raises:
            OwnError: It cannot be started.
        """
        arguments = [str(argument) for argument in command]
        try:
            pid = os.posix_spawn(
                arguments[0],
                arguments,
                {},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                ],
                setsid=True,
                setsigmask=[],
                setsigdef=[signal.SIGPIPE],  # Python ignores it, and children would inherit that
            )
        except OSError as error:
            raise OwnError(f"cannot start {arguments[0]}: {error}") from error
        # Our child stays a zombie until we wait for it, so the number cannot mean another process yet.
        pidfd = os.pidfd_open(pid)
        ticks = _start_ticks(pid)
        return cls(
            ProcessIdentity(pid=pid, start_ticks=ticks or 0, boot_id=_boot_id(), purpose=purpose), pidfd
        )

    @classmethod
    def find(cls, identity: ProcessIdentity | None) -> "RunningProcess | None":
        """The process with this identity, if it lives."""
        if identity is None or identity.boot_id != _boot_id():
            return None
        try:
            pidfd = os.pidfd_open(identity.pid)
        except ProcessLookupError:
            return None
        # Looked at after opening: from here on the pidfd and the number mean the same process.
        if _start_ticks(identity.pid) != identity.start_ticks:
            os.close(pidfd)
            return None
        return cls(identity, pidfd)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; a process that has ended is left alone."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)

    def close(self) -> None:
        """Stop watching; the process goes on."""
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def _ended(self) -> None:
        self._loop.remove_reader(self._pidfd)
        with contextlib.suppress(ChildProcessError):  # an adopted one is not our child
            os.waitpid(self.identity.pid, os.WNOHANG)
        self.exited.set()


def _start_ticks(pid: int) -> int | None:
    """When the process started; None when it is gone or only waits to be reaped."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, second field, may hold blanks and parentheses.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[_START_TIME_FIELD - _FIRST_FIELD_AFTER_NAME])


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
