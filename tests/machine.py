"""One machine as its operator sees it: a data directory, the `switchover up` on it, and the Envoy that it started.

Every process is ended by its pid when the block ends, whatever became of the test.
"""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml
from tests.backend import Backend, backend
from tests.ports import steady_ports
from tests.waiting import eventually

from switchover.app.datadir import DataDir
from switchover.app.settings import load_settings
from switchover.app.token import create_token
from switchover.cli.event_views import EventView, event_view
from switchover.cli.views import ProxyView, proxy_view
from switchover.model.events import EventStatus
from switchover.switch.envoy.paths import EnvoyPaths, envoy_paths, runtime_directory
from switchover.switch.envoy.running import ProcessIdentity, RunningProcess

COMMAND = (sys.executable, "-m", "switchover.cli")
ENDING_SECONDS = 60.0
POLICY: Mapping[str, Any] = {
    "healthCheckIntervalSeconds": 0.6,
    "healthCheckTimeoutSeconds": 0.6,
    "fastIntervalSeconds": 0.2,
    "failbackHoldDownSeconds": 0.5,
    "healthCheck": {"type": "http", "path": "/health"},
    # Nobody is silent for so long, however busy the machine; where an instance hangs, the test says less.
    "traffic": {"tryIdleTimeoutSeconds": 10},
    "switchTimeoutSeconds": 20,
}
"""Quick enough for a test, slow enough for a busy machine."""

SURE_OF_ITSELF: Mapping[str, str] = {"SWITCHOVER_DOUBT_LAG_SECONDS": "60"}
"""A process that the other tests leave no processor does not doubt what it sees for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Instances:
    """The instances of the proxy `web`, each on a port that stays its own while it is away."""

    ports: Mapping[str, int]
    running: dict[str, Backend] = field(default_factory=dict)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self, *names: str) -> None:
        """Start them, or start them again."""
        for name in names:
            self.running[name] = await self._stack.enter_async_context(backend(name, self.ports[name]))

    async def end(self) -> None:
        """End those that still run."""
        await self._stack.aclose()

    def __getitem__(self, name: str) -> Backend:
        return self.running[name]


@dataclass(slots=True, kw_only=True)
class Machine:
    """A data directory and what runs on it; nothing runs before `up`."""

    home: Path
    listener: int
    instances: Instances
    process: Process | None = None
    _ups: int = 0
    _token: str = ""
    _mine: list[Process] = field(default_factory=list)

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.home / "data"

    @property
    def file(self) -> Path:
        """The declarative file."""
        return self.home / "proxies.yaml"

    @property
    def envoy_paths(self) -> EnvoyPaths:
        """Where the Envoy's files are."""
        return envoy_paths(DataDir(self.data).envoy, runtime_directory())

    @property
    def envoy_pid(self) -> int:
        """The Envoy on record, which must live."""
        identity = ProcessIdentity.read(self.envoy_paths.process_file)
        assert identity is not None, "no Envoy is on record"
        assert psutil.pid_exists(identity.pid), f"the Envoy {identity.pid} does not live"
        return identity.pid

    def declare(self, instances: Mapping[str, Mapping[str, Any]] | None = None, **config: Any) -> None:
        """Write the file: the proxy `web` with three instances, web-1 preferred; `config` adds to the policy.

        Args:
            instances: What else is said of an instance, by name.
            **config: In the API's names.
        """
        listed = [
            {"instanceName": name, "address": f"127.0.0.1:{port}", "priority": 10 * number}
            | dict((instances or {}).get(name, {}))
            for number, (name, port) in enumerate(self.instances.ports.items(), start=1)
        ]
        policy = {**POLICY, "listener": {"address": "127.0.0.1", "port": self.listener}, **config}
        document = {"proxies": [{"proxyId": "web", "config": policy, "instances": listed}]}
        self.file.write_text(yaml.safe_dump(document), encoding="utf-8")

    async def up(
        self,
        *options: str,
        declared: bool = False,
        command: Sequence[str] = (*COMMAND, "up"),
    ) -> None:
        """Start `up` and wait until it says that it serves.

        Args:
            *options: Further ones.
            declared: Whether it is given the file.
            command: What is started in its place, with the same options.
        """
        await self.begin_up(*options, *(("-f", str(self.file)) if declared else ()), command=command)
        await eventually(self._serves)
        settings = load_settings(data_dir=self.data)
        self._token = create_token(DataDir(self.data), settings, "ann", ["admin"], 3600)

    async def begin_up(self, *options: str, command: Sequence[str] = (*COMMAND, "up")) -> None:
        """Start `up` and wait for nothing."""
        self._ups += 1
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(*command, "--port", "0", "--data-dir", str(self.data), *options),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **SURE_OF_ITSELF},
            )
        self._mine.append(self.process)

    @property
    def log(self) -> Path:
        """What the last `up` printed."""
        return self.home / f"up-{self._ups}.log"

    def all_logs(self) -> str:
        """What every `up` on this machine has printed."""
        logs = sorted(self.home.glob("up-*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')}" for log in logs)

    async def serve(self, *options: str, active: str = "web-1", **config: Any) -> None:
        """`up` with the file and all instances, until `active` serves and everything is healthy and settled."""
        self.declare(**config)
        await self.instances.start(*self.instances.ports)
        await self.up(*options, declared=True)
        await self.settled(active)

    async def kill(self) -> None:
        """SIGKILL ours."""
        await self.end(signal.SIGKILL)

    async def end(self, number: signal.Signals) -> int:
        """Send ours a signal and wait for its end; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Wait for the end of ours; its exit code."""
        assert self.process is not None
        async with asyncio.timeout(ENDING_SECONDS):
            return await self.process.wait()

    def kill_envoy(self) -> None:
        """SIGKILL the Envoy."""
        os.kill(self.envoy_pid, signal.SIGKILL)

    def has_envoy_besides(self, pid: int) -> bool:
        """Whether another Envoy than this one is on record and lives."""
        identity = ProcessIdentity.read(self.envoy_paths.process_file)
        return identity is not None and identity.pid != pid and psutil.pid_exists(identity.pid)

    def freeze_envoy(self) -> None:
        """SIGSTOP the Envoy: a node that is silent."""
        os.kill(self.envoy_pid, signal.SIGSTOP)

    def thaw_envoy(self) -> None:
        """SIGCONT."""
        os.kill(self.envoy_pid, signal.SIGCONT)

    async def ask(self, method: str, path: str, body: Any = None, **params: Any) -> httpx.Response:
        """One call of the API as an admin."""
        url = DataDir(self.data).endpoint()
        assert url is not None, "ours does not run"
        headers = {"Authorization": f"Bearer {self._token}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
            return await client.request(method, path, json=body, params=params)

    async def data_of(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """The same; it must succeed."""
        answer = await self.ask(method, path, body, **params)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    async def proxy(self, proxy_id: str = "web") -> ProxyView:
        """The proxy as the API tells of it now."""
        return proxy_view(await self.data_of("GET", f"/proxy/{proxy_id}"))

    async def events(self, proxy_id: str = "web") -> list[EventView]:
        """Its events, newest first."""
        found = await self.data_of("GET", f"/proxy/{proxy_id}/failover/events", limit=500)
        return [event_view(document) for document in found]

    async def id_of(self, name: str, proxy_id: str = "web") -> str:
        """The id of an instance."""
        instance = (await self.proxy(proxy_id)).instance(name)
        assert instance is not None
        return instance.instance_id

    async def settled(self, active: str, *, healthy: Sequence[str] | None = None) -> EventView:
        """Wait until `active` is active, these instances (all) are healthy and no move is open; the newest event."""
        wanted = set(self.instances.ports if healthy is None else healthy)
        seen: tuple[ProxyView, list[EventView]] | None = None

        async def so() -> EventView | None:
            nonlocal seen
            view, events = seen = (await self.proxy(), await self.events())
            well = {i.name for i in view.instances if i.health == "healthy"}
            done = view.open_event is None and events and events[0].status is EventStatus.COMPLETED
            return events[0] if done and view.name_of(view.active_id) == active and wanted <= well else None

        try:
            event = await eventually(so)
        except AssertionError as error:
            error.add_note(f"wanted: {active} active, {wanted} healthy; seen: {seen}")
            raise
        assert event is not None
        return event

    async def counters(self, pattern: str) -> dict[str, int]:
        """Envoy's counters and gauges whose names match the regular expression."""
        transport = httpx.AsyncHTTPTransport(uds=str(self.envoy_paths.admin_socket))
        async with httpx.AsyncClient(transport=transport, base_url="http://envoy", timeout=60) as client:
            response = await client.get("/stats", params={"filter": pattern})
        pairs = (line.rpartition(": ") for line in response.raise_for_status().text.splitlines())
        return {name: int(value) for name, _, value in pairs}

    async def close(self) -> None:
        """End everything that was started."""
        for process in self._mine:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        envoy = RunningProcess.find(ProcessIdentity.read(self.envoy_paths.process_file))
        if envoy is not None:
            envoy.signal(signal.SIGKILL)
            await asyncio.wait_for(envoy.exited.wait(), ENDING_SECONDS)
            envoy.close()
        await self.instances.end()
        print(self.all_logs())

    def _serves(self) -> bool:
        assert self.process is not None
        words = self.log.read_text(errors="replace")
        assert self.process.returncode is None, f"up ended with {self.process.returncode}: {words}"
        # The last line of what it announces.
        return "\nToken " in words


@asynccontextmanager
async def machine() -> AsyncIterator[Machine]:
    """A machine of its own."""
    names = ("web-1", "web-2", "web-3")
    listener, *ports = steady_ports(len(names) + 1)
    # Not pytest's own directory: its path may be too long for a socket.
    with tempfile.TemporaryDirectory(prefix="switchover-e2e-") as home:
        running = Machine(
            home=Path(home), listener=listener, instances=Instances(dict(zip(names, ports, strict=True)))
        )
        try:
            yield running
        finally:
            await running.close()


async def run(*arguments: str, env: Mapping[str, str] | None = None) -> Done:
    """One `switchover` command, to its end."""
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, *arguments),
        stdin=DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(env or {})},
    )
    try:
        async with asyncio.timeout(ENDING_SECONDS):
            out, err = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    assert process.returncode is not None
    return Done(code=process.returncode, out=out.decode(), err=err.decode())
