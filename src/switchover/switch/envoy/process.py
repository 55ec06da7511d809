"""The embedded Envoy as a process: started, adopted, restarted, left serving, or drained and ended."""

import asyncio
import hashlib
import os
import signal
from pathlib import Path

import structlog

from switchover.model.backoff import Backoff
from switchover.model.clock import Clock
from switchover.switch.envoy.admin import AdminClient, AdminUnreachable
from switchover.switch.envoy.bootstrap import embedded_bootstrap
from switchover.switch.envoy.paths import EnvoyPaths, envoy_paths, make_private, runtime_directory
from switchover.switch.envoy.running import ProcessIdentity, RunningProcess

_log = structlog.get_logger(__name__)

DRAIN_SECONDS = 1
"""How long a listener that is taken away goes on accepting; process-wide in Envoy, 600 s by default."""

RESTART_BACKOFF = Backoff(first_seconds=0.1, most_seconds=10.0)
MOST_LOG_BYTES = 10 * 1024 * 1024
_STEADY_SECONDS = 10.0
_ADMIN_DEADLINE_SECONDS = 20.0
_TERM_DEADLINE_SECONDS = 5.0
_REPLACE_DEADLINE_SECONDS = 10.0
_POLL_SECONDS = 0.05
_LOG_TAIL_BYTES = 1000


class EnvoySupervisor:
    """Keeps one Envoy running in `directory`; the caller holds the lock that makes it the only supervisor.

    Args:
        binary: The Envoy (see `binary.find_envoy`).
        directory: Where its files are.
        node_id: Its name.
        clock: For waiting.
        runtime: Where sockets go when `directory` has too long a path; see `paths.runtime_directory`.
        backoff: How long to wait before starting again an Envoy that died.
        concurrency: Its worker threads.
    """

    def __init__(
        self,
        *,
        binary: Path,
        directory: Path,
        node_id: str,
        clock: Clock,
        runtime: Path | None = None,
        backoff: Backoff = RESTART_BACKOFF,
        concurrency: int = 1,
    ) -> None:
        self._binary = binary
        self._node_id = node_id
        self._clock = clock
        self._backoff = backoff
        self._paths = envoy_paths(directory.absolute(), runtime or runtime_directory())
        self._admin = AdminClient(self._paths.admin_socket)
        self._leaving = asyncio.Event()
        self._pid: int | None = None
        self._flags = (
            *("-c", str(self._paths.bootstrap)),
            *("--concurrency", str(concurrency)),
            # Without it a second Envoy on the machine does not start, or leaves a segment in /dev/shm each time.
            "--disable-hot-restart",
            *("--drain-time-s", str(DRAIN_SECONDS), "--drain-strategy", "immediate"),
            *("-l", "warning", "--log-format", "%Y-%m-%dT%T.%e %l %n %v"),
        )
        self.started = asyncio.Event()
        """Set while an Envoy runs whose admin interface has answered."""

    @property
    def paths(self) -> EnvoyPaths:
        """Where its files are; `paths.xds_socket` is where it expects the xDS server."""
        return self._paths

    @property
    def pid(self) -> int | None:
        """The process that runs now; None while there is none."""
        return self._pid

    async def run(self) -> None:
        """Adopt the Envoy that runs, or start one, and start it again whenever it ends, until `leave`.

        Owned by the caller's TaskGroup. However it ends, Envoy goes on serving.

        Raises:
            OwnError: Its directories cannot be made, or the binary cannot be started.
        """
        make_private(self._paths.directory)
        make_private(self._paths.sockets)
        process = await self._adopt()
        deaths = 0
        while not self._leaving.is_set():
            process = process or self._start()
            began = self._clock.monotonic()
            self._pid = process.identity.pid
            try:
                await self._watch(process)
            finally:
                self.started.clear()
                self._pid = None
                process.close()
            process = None
            if self._leaving.is_set():
                return
            deaths = 0 if self._clock.monotonic() - began > _STEADY_SECONDS else deaths + 1
            delay = self._backoff.delay(max(deaths - 1, 0))
            _log.error("envoy_ended", node_id=self._node_id, again_in_seconds=delay, words=self._last_words())
            await self._within(delay, self._leaving)

    def leave(self) -> None:
        """Stop supervising and let Envoy serve on; `run` returns."""
        self._leaving.set()

    async def drain_and_stop(self, timeout_seconds: float) -> bool:
        """End Envoy without breaking a request that takes no longer than `timeout_seconds`; works without `run` too.

        Returns:
            Whether there was one to end.
        """
        self._leaving.set()
        process = RunningProcess.find(ProcessIdentity.read(self._paths.process_file))
        if process is None:
            return False
        await self._end(process, timeout_seconds)
        return True

    async def _adopt(self) -> RunningProcess | None:
        """The Envoy of an earlier life, if it is what we would start; else it is ended."""
        identity = ProcessIdentity.read(self._paths.process_file)
        process = RunningProcess.find(identity)
        if process is None:
            return None
        if process.identity.purpose == self._purpose() and await self._answers(process):
            _log.info("envoy_adopted", node_id=self._node_id, pid=process.identity.pid)
            return process
        _log.warning("envoy_replaced", node_id=self._node_id, pid=process.identity.pid)
        await self._end(process, _REPLACE_DEADLINE_SECONDS)
        return None

    def _start(self) -> RunningProcess:
        self._paths.bootstrap.touch(mode=0o600)
        self._paths.bootstrap.write_text(self._bootstrap(), encoding="utf-8")
        if self._paths.log.exists() and self._paths.log.stat().st_size > MOST_LOG_BYTES:
            os.truncate(self._paths.log, 0)
        process = RunningProcess.start(
            (self._binary, *self._flags), log=self._paths.log, purpose=self._purpose()
        )
        process.identity.write(self._paths.process_file)
        _log.info("envoy_started", node_id=self._node_id, pid=process.identity.pid)
        return process

    async def _watch(self, process: RunningProcess) -> None:
        """Return when the process has ended or we leave; one that never answers is ended."""
        if await self._answers(process):
            self.started.set()
        elif not (process.exited.is_set() or self._leaving.is_set()):
            process.signal(signal.SIGKILL)
        async with asyncio.TaskGroup() as group:
            exited = group.create_task(process.exited.wait())
            leaving = group.create_task(self._leaving.wait())
            await asyncio.wait({exited, leaving}, return_when=asyncio.FIRST_COMPLETED)
            exited.cancel()
            leaving.cancel()

    async def _answers(self, process: RunningProcess) -> bool:
        """Wait until our node answers on the admin socket; whether it did."""
        deadline = self._clock.monotonic() + _ADMIN_DEADLINE_SECONDS
        while self._clock.monotonic() < deadline and not self._leaving.is_set():
            try:
                return (await self._admin.server_info()).node_id == self._node_id
            except AdminUnreachable:
                if await self._within(_POLL_SECONDS, process.exited):
                    return False
        return False

    async def _end(self, process: RunningProcess, timeout_seconds: float) -> None:
        try:
            await self._drain(process, timeout_seconds)
            process.signal(signal.SIGTERM)
            if not await self._within(_TERM_DEADLINE_SECONDS, process.exited):
                process.signal(signal.SIGKILL)
                await process.exited.wait()
            self._paths.process_file.unlink(missing_ok=True)
        finally:
            process.close()

    async def _drain(self, process: RunningProcess, timeout_seconds: float) -> None:
        deadline = self._clock.monotonic() + timeout_seconds
        try:
            await self._admin.drain()
            # Listeners go on accepting for the drain time; only afterwards can the requests be counted down.
            await self._within(min(DRAIN_SECONDS, timeout_seconds), process.exited)
            while self._clock.monotonic() < deadline and await self._admin.active_requests() > 0:
                if await self._within(_POLL_SECONDS, process.exited):
                    return
        except AdminUnreachable as error:
            # One that no longer answers, or has ended, has nothing to drain.
            _log.warning("envoy_not_drained", node_id=self._node_id, words=str(error))

    async def _within(self, seconds: float, event: asyncio.Event) -> bool:
        """Wait for `event` at most that long; whether it is set."""
        async with asyncio.TaskGroup() as group:
            alarm = group.create_task(self._clock.sleep(seconds))
            waiting = group.create_task(event.wait())
            await asyncio.wait({alarm, waiting}, return_when=asyncio.FIRST_COMPLETED)
            alarm.cancel()
            waiting.cancel()
        return event.is_set()

    def _bootstrap(self) -> str:
        return embedded_bootstrap(
            node_id=self._node_id,
            xds_socket=self._paths.xds_socket,
            admin_socket=self._paths.admin_socket,
        )

    def _purpose(self) -> str:
        return hashlib.sha256("\n".join((self._bootstrap(), *self._flags)).encode()).hexdigest()

    def _last_words(self) -> str:
        try:
            text = self._paths.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")
        except FileNotFoundError:
            return ""
        return text.strip().rpartition("\n")[2]
