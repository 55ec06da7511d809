"""How switchover behaves with 1,000 proxies of 3 instances each, next to 1 proxy, on this machine.

    python bench/scale.py [--proxies 1000] [--rest-seconds 30] [--failovers 5]

Prints for both sizes: time from start to the first whole answer of every proxy (with an empty store, then with what is
stored), memory of switchover and of its Envoy, processor time at rest with 30 s intervals, and the time of one failover
among them; then the ratios. Everything runs on loopback and is ended by pid.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import psutil
import yaml

SWITCHOVER = Path(sys.executable).with_name("switchover")
INSTANCES = 3
FIRST_LISTENER_PORT = 20_000
INSTANCE_PORT = 19_999
DEADLINE_SECONDS = 600.0


class Fleet:
    """Every instance as a listening socket of this process, each on a loopback address of its own."""

    def __init__(self, proxies: int) -> None:
        self.proxies = proxies
        self._servers: dict[str, asyncio.Server] = {}
        self._connections: dict[str, set[asyncio.StreamWriter]] = {}

    def host(self, proxy: int, instance: int) -> str:
        number = proxy * INSTANCES + instance
        return f"127.10.{number // 250}.{number % 250 + 1}"

    async def start(self, proxy: int, instance: int) -> None:
        host = self.host(proxy, instance)
        name = f"{proxy}-{instance}".encode()
        connections = self._connections.setdefault(host, set())

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.add(writer)
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    await reader.readuntil(b"\r\n\r\n")
                    writer.write(b"HTTP/1.1 200 OK\r\nx-instance: %b\r\ncontent-length: 0\r\n\r\n" % name)
                    await writer.drain()
            connections.discard(writer)
            writer.close()

        self._servers[host] = await asyncio.start_server(answer, host, INSTANCE_PORT)

    async def start_all(self) -> None:
        for proxy in range(self.proxies):
            for instance in range(INSTANCES):
                await self.start(proxy, instance)

    async def kill(self, proxy: int, instance: int) -> None:
        host = self.host(proxy, instance)
        self._servers.pop(host).close()
        for writer in self._connections.pop(host):
            writer.transport.abort()

    async def close(self) -> None:
        for server in self._servers.values():
            server.close()

    def declaration(self) -> str:
        return yaml.safe_dump(
            {
                "proxies": [
                    {
                        "proxyId": f"p{proxy}",
                        "config": {
                            "healthCheckIntervalSeconds": 30,
                            "healthCheck": {"type": "http", "path": "/health"},
                            "listener": {"address": "127.0.0.1", "port": FIRST_LISTENER_PORT + proxy},
                        },
                        "instances": [
                            {
                                "instanceName": f"i{instance}",
                                "address": f"{self.host(proxy, instance)}:{INSTANCE_PORT}",
                                "priority": 10 * (instance + 1),
                            }
                            for instance in range(INSTANCES)
                        ],
                    }
                    for proxy in range(self.proxies)
                ]
            }
        )


@dataclass
class Figures:
    proxies: int
    first_start_seconds: float = 0.0
    restart_seconds: float = 0.0
    memory_mb: float = 0.0
    envoy_memory_mb: float = 0.0
    rest_cpu_percent: float = 0.0
    envoy_rest_cpu_percent: float = 0.0
    decided_to_applied_ms: list[float] = field(default_factory=list)
    killed_to_applied_ms: list[float] = field(default_factory=list)


class Server:
    """One `switchover up` and what it answers."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self._token = ""

    async def start(self, *arguments: str) -> None:
        await asyncio.to_thread(self._start, *arguments)

    def _start(self, *arguments: str) -> None:
        data = self._directory / "data"
        with (self._directory / "up.log").open("ab") as log:
            self._process = subprocess.Popen(
                [SWITCHOVER, "up", "--data-dir", data, "--port", "0", *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        line = self._process.stdout.readline() if self._process.stdout is not None else b""
        if not line:
            raise RuntimeError((self._directory / "up.log").read_text()[-2000:])
        self.url = line.decode().split()[1]
        made = subprocess.run(
            [SWITCHOVER, "token", "create", "--user", "bench", "--role", "admin", "--data-dir", data],
            check=True,
            capture_output=True,
            text=True,
        )
        self._token = made.stdout.strip()

    async def stop(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            await asyncio.to_thread(self._process.wait, 60)
            if self._process.stdout is not None:
                self._process.stdout.close()

    def process(self) -> psutil.Process:
        if self._process is None:
            raise RuntimeError("it was not started")
        return psutil.Process(self._process.pid)

    def envoy(self) -> psutil.Process:
        needle = str(self._directory / "data" / "envoy")
        found = [
            p
            for p in psutil.process_iter(["cmdline"])
            if any(needle in part for part in p.info["cmdline"] or ())
        ]
        return found[0]

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"authorization": f"Bearer {self._token}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60) as client:
            yield client


async def until_all_serve(fleet: Fleet) -> None:
    """Wait until every listener answers from an instance; the last proxies of the file come up last."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    waiting = list(reversed(range(fleet.proxies)))
    async with httpx.AsyncClient(timeout=5) as client:
        while waiting:
            try:
                answer = await client.get(f"http://127.0.0.1:{FIRST_LISTENER_PORT + waiting[-1]}/")
                if answer.status_code == 200:
                    waiting.pop()
                    continue
            except httpx.TransportError:
                pass
            if time.monotonic() > deadline:
                raise TimeoutError(f"proxy {waiting[-1]} does not serve")
            await asyncio.sleep(0.02)


async def cpu_percent(process: psutil.Process, seconds: float) -> float:
    before = process.cpu_times()
    await asyncio.sleep(seconds)
    after = process.cpu_times()
    return 100 * (after.user + after.system - before.user - before.system) / seconds


async def fail_over(server: Server, fleet: Fleet, proxy: int, figures: Figures) -> None:
    """Kill the active of one proxy and wait for the completed event; requests go on, as they would."""
    await fleet.kill(proxy, 0)
    killed = time.time()
    deadline = time.monotonic() + DEADLINE_SECONDS
    async with server.client() as api, httpx.AsyncClient(timeout=5) as client:
        while True:
            answer = await client.get(f"http://127.0.0.1:{FIRST_LISTENER_PORT + proxy}/")
            answer.raise_for_status()
            events = (await api.get(f"/proxy/p{proxy}/failover/events", params={"limit": 1})).json()["data"]
            if events[0]["eventType"] == "failover" and events[0]["status"] == "completed":
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"no failover of proxy {proxy}: {events}")
            await asyncio.sleep(0.05)
    figures.decided_to_applied_ms.append(events[0]["durationMs"])
    figures.killed_to_applied_ms.append(1000 * (_epoch_seconds(events[0]["stages"]["appliedAt"]) - killed))


def _epoch_seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def measure(proxies: int, rest_seconds: float, failovers: int) -> Figures:
    figures = Figures(proxies)
    directory = Path(tempfile.mkdtemp(prefix="switchover-bench-"))
    fleet, server = Fleet(proxies), Server(directory)
    await fleet.start_all()
    try:
        (directory / "proxies.yaml").write_text(fleet.declaration())
        began = time.monotonic()
        await server.start("-f", str(directory / "proxies.yaml"))
        await until_all_serve(fleet)
        figures.first_start_seconds = time.monotonic() - began
        await server.stop(signal.SIGINT)
        began = time.monotonic()
        await server.start()
        await until_all_serve(fleet)
        figures.restart_seconds = time.monotonic() - began
        await asyncio.sleep(5)
        own, envoy = server.process(), server.envoy()
        figures.rest_cpu_percent, figures.envoy_rest_cpu_percent = await asyncio.gather(
            cpu_percent(own, rest_seconds), cpu_percent(envoy, rest_seconds)
        )
        figures.memory_mb = own.memory_info().rss / 1e6
        figures.envoy_memory_mb = envoy.memory_info().rss / 1e6
        for number in range(failovers):
            proxy = number * max(1, proxies // failovers) % proxies
            await fail_over(server, fleet, proxy, figures)
            await fleet.start(proxy, 0)
            if proxies == 1:
                await _settle_back(server)
    finally:
        await server.stop(signal.SIGINT)
        await fleet.close()
        shutil.rmtree(directory, ignore_errors=True)
    return figures


async def _settle_back(server: Server) -> None:
    """With one proxy the next failover needs its preferred instance back in charge."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    async with server.client() as api:
        while time.monotonic() < deadline:
            events = (await api.get("/proxy/p0/failover/events", params={"limit": 1})).json()["data"]
            if events[0]["eventType"] == "failback" and events[0]["status"] == "completed":
                return
            await asyncio.sleep(0.5)
    raise TimeoutError("no failback")


def report(figures: list[Figures]) -> None:
    def row(words: str, *cells: float) -> None:
        ratio = f"{cells[1] / cells[0]:8.1f}x" if len(cells) == 2 and cells[0] else ""
        print(f"{words:<46}" + "".join(f"{cell:>12.2f}" for cell in cells) + ratio)

    print(
        f"{os.cpu_count()} processors, {figures[0].proxies} and {figures[-1].proxies} proxies, 3 instances each"
    )
    print(f"{'':<46}" + "".join(f"{f.proxies:>12}" for f in figures) + "    ratio")
    row("first start, store empty: all serve (s)", *(f.first_start_seconds for f in figures))
    row("start with what is stored: all serve (s)", *(f.restart_seconds for f in figures))
    row("switchover memory, resident (MB)", *(f.memory_mb for f in figures))
    row("Envoy memory, resident (MB)", *(f.envoy_memory_mb for f in figures))
    row("switchover at rest (% of one processor)", *(f.rest_cpu_percent for f in figures))
    row("Envoy at rest (% of one processor)", *(f.envoy_rest_cpu_percent for f in figures))
    row(
        "failover: decided to applied (ms, median)",
        *(statistics.median(f.decided_to_applied_ms) for f in figures),
    )
    row("failover: decided to applied (ms, worst)", *(max(f.decided_to_applied_ms) for f in figures))
    row(
        "failover: killed to applied (ms, median)",
        *(statistics.median(f.killed_to_applied_ms) for f in figures),
    )


async def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--proxies", type=int, default=1000)
    parser.add_argument("--rest-seconds", type=float, default=30.0)
    parser.add_argument("--failovers", type=int, default=5)
    options = parser.parse_args()
    report(
        [
            await measure(1, options.rest_seconds, 1),
            await measure(options.proxies, options.rest_seconds, options.failovers),
        ]
    )


if __name__ == "__main__":
    asyncio.run(main())
