"""The processes of the demo: the little instances and `switchover up`. Each is known and ended by its pid."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from switchover.cli.failures import CommandFailed

_START_SECONDS = 15.0
_END_SECONDS = 20.0
_LOG_TAIL_LINES = 15
# Below 32768 lie no ports that Linux gives to outgoing connections (ip_local_port_range), of which the load makes
# hundreds a second: one of them could otherwise sit on the port of an instance that is to come back.
_LOWEST_PORT, _PORTS = 20_000, 10_000


class Doing(StrEnum):
    """What an instance's process does."""

    RUNNING = "running"
    KILLED = "killed"
    FROZEN = "frozen"


class InstanceProcess:
    """One little instance on a port of the loopback; see `instance.py`."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.port = port
        self.doing = Doing.KILLED
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The process that runs now or ran last; None before the first."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start it and wait until it listens.

        Raises:
            CommandFailed: It does not.
        """
        # Its own process group keeps a Ctrl-C in the terminal for the demo, which ends it in order; in the same
        # session the kernel wakes a frozen one (SIGHUP, SIGCONT) when the demo itself is killed.
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "switchover.cli.demo.instance", self.name, str(self.port)),
            stdin=PIPE,
            stdout=PIPE,
            process_group=0,
        )
        self.doing = Doing.RUNNING
        try:
            async with asyncio.timeout(_START_SECONDS):
                line = await self._output().readline()
        except TimeoutError:
            line = b""
        if line.strip() != b"ready":
            raise CommandFailed(f"the instance {self.name} did not start on port {self.port}")

    async def kill(self) -> None:
        """SIGKILL: the crash."""
        self._send(signal.SIGKILL)
        if self._process is not None:
            await self._process.wait()
        self.doing = Doing.KILLED

    def freeze(self) -> None:
        """SIGSTOP: the hang. The kernel still accepts connections for it; nothing answers."""
        self._send(signal.SIGSTOP)
        self.doing = Doing.FROZEN

    def thaw(self) -> None:
        """SIGCONT: it goes on as if nothing had been."""
        self._send(signal.SIGCONT)
        self.doing = Doing.RUNNING

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    def _output(self) -> asyncio.StreamReader:
        if self._process is None or self._process.stdout is None:
            raise CommandFailed(f"the instance {self.name} was not started")
        return self._process.stdout


class ServerProcess:
    """`switchover up` as a user would start it, with its output in a file."""

    def __init__(self, data_dir: Path, port: int, proxies_file: Path, log: Path) -> None:
        self._data_dir, self._port, self._proxies_file, self._log = data_dir, port, proxies_file, log
        self._process: Process | None = None

    async def start(self) -> None:
        """Start it; returns at once."""
        arguments = (
            "up",
            "-f",
            str(self._proxies_file),
            "--data-dir",
            str(self._data_dir),
            "--port",
            str(self._port),
        )
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "switchover.cli", *arguments),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    def check(self) -> None:
        """See that it runs.

        Raises:
            CommandFailed: It ended; with the last lines that it wrote.
        """
        if self._process is not None and self._process.returncode is not None:
            lines = self._log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
            code = self._process.returncode
            raise CommandFailed("\n".join((f"switchover up ended with {code}; its last words:", *lines)))

    async def end(self) -> bool:
        """End it as Ctrl-C does, its Envoy with it; whether that went in order."""
        in_order = self._process is not None and await _end(self._process, signal.SIGINT) == 0
        if not in_order:
            # Whatever is left on the data directory goes the way that a user would clear it.
            clearing = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "switchover.cli", "down", "--data-dir", str(self._data_dir)),
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=DEVNULL,
            )
            await _wait(clearing)
        return in_order


async def _end(process: Process, number: signal.Signals) -> int:
    if process.returncode is None:
        process.send_signal(number)
    return await _wait(process)


async def _wait(process: Process) -> int:
    try:
        async with asyncio.timeout(_END_SECONDS):
            return await process.wait()
    except TimeoutError:
        process.kill()
        return await process.wait()


def free_ports(count: int) -> Sequence[int]:
    """Ports of the loopback on which nobody listens now, none of them one that outgoing connections are given."""
    found: list[int] = []
    # Two demos at once begin their search in different places.
    start = os.getpid() * 16 % _PORTS
    for offset in range(_PORTS):
        port = _LOWEST_PORT + (start + offset) % _PORTS
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise CommandFailed(f"no {count} free ports between {_LOWEST_PORT} and {_LOWEST_PORT + _PORTS}")
