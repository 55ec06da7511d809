"""Several replicas as their operator sees them: one PostgreSQL, three `switchover serve`, two Envoys, many proxies.

Every replica reaches the database through a relay of its own, and every node each replica through another, so that a
test can cut any one way. Every process is ended by its pid when the block ends, whatever became of the test.
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
from tests.backend import Backend, backend
from tests.machine import ENDING_SECONDS, POLICY, SURE_OF_ITSELF, run
from tests.ports import steady_ports
from tests.postgresql_server import PostgresqlServer
from tests.tcp_relay import Relay, relay_to
from tests.waiting import eventually

from switchover.api.auth.roles import Role
from switchover.api.auth.tokens import issue_token
from switchover.app.settings import load_settings
from switchover.app.token import token_rules
from switchover.cli.event_views import EventView, event_view
from switchover.cli.views import ProxyView, proxy_view
from switchover.model.events import EventStatus
from switchover.switch.envoy.binary import find_envoy

DYING_SERVE = Path(__file__).parent / "e2e" / "dying_serve.py"
LEASE_SECONDS = 3.0
UNHURRIED: Mapping[str, Any] = {**POLICY, "healthCheckIntervalSeconds": 3.0, "healthCheckTimeoutSeconds": 3.0}
"""Sixty instances are probed on a machine that does much else; a probe that is late must not read as a death."""
SECRET = "the secret that every replica of a test has, 32 bytes or more"
NODES: Mapping[str, str] = {"edge-1": "127.0.0.2", "edge-2": "127.0.0.3"}
"""Node id → the address of this machine that stands for its machine's."""


@dataclass(slots=True, kw_only=True)
class Serving:
    """One replica: the process, and the ways to it and from it.

    Attributes:
        name: Its name.
        port: Of its API.
        xds_port: Where it serves nodes; they come through `nodes`.
        database: Its way to the database.
        nodes: The nodes' way to it.
    """

    name: str
    port: int
    xds_port: int
    home: Path
    database: Relay
    nodes: Relay
    url: str
    process: Process | None = None
    _starts: int = 0

    async def start(self) -> None:
        """Start the process and wait until it serves."""
        self._starts += 1
        self.armed.unlink(missing_ok=True)
        settings = {
            "SWITCHOVER_DATABASE_URL": self.url,
            "SWITCHOVER_JWT_SECRET": SECRET,
            "SWITCHOVER_REPLICA_NAME": self.name,
            "SWITCHOVER_ADVERTISE_URL": f"http://127.0.0.1:{self.port}",
            "SWITCHOVER_LEASE_SECONDS": str(LEASE_SECONDS),
            "SWITCHOVER_XDS_LISTEN": f"127.0.0.1:{self.xds_port}",
            "SWITCHOVER_NODES": ",".join(f"{node}@{address}" for node, address in NODES.items()),
            "TEST_ARMED": str(self.armed),
        }
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(DYING_SERVE), "--port", str(self.port)),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **SURE_OF_ITSELF, **settings},
            )
        await eventually(self._serves)

    @property
    def log(self) -> Path:
        """What its last process printed."""
        return self.home / f"{self.name}-{self._starts}.log"

    @property
    def armed(self) -> Path:
        """What arms the traps of its process (`dying_serve.py`)."""
        return self.home / f"{self.name}.armed"

    def arm(self, point: str, proxy_id: str = "web") -> None:
        """Let it kill or stop itself at that point of the proxy's next move."""
        self.armed.write_text(f"{point} {proxy_id}", encoding="utf-8")

    @property
    def blind(self) -> Path:
        """While this exists, no probe of its process gets through (`dying_serve.py`)."""
        return self.armed.with_suffix(".blind")

    async def ended(self) -> int:
        """Wait for the end of the process; its exit code."""
        assert self.process is not None
        async with asyncio.timeout(ENDING_SECONDS):
            return await self.process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; the exit code."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return await self.ended()

    async def ask(self, method: str, path: str, body: Any = None, **params: Any) -> httpx.Response:
        """One call of this replica's API as an admin."""
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {_token()}"},
            timeout=60,
            trust_env=False,
        ) as client:
            return await client.request(method, path, json=body, params=params)

    @property
    def lives(self) -> bool:
        """Whether its process does."""
        return self.process is not None and self.process.returncode is None

    async def _serves(self) -> bool:
        assert self.process is not None
        words = self.log.read_text(errors="replace")
        assert self.process.returncode is None, f"{self.name} ended with {self.process.returncode}: {words}"
        try:
            return (await self.ask("GET", "/readyz")).is_success
        except httpx.TransportError:
            return False


@dataclass(slots=True, kw_only=True)
class Company:
    """Everything that runs."""

    home: Path
    server: PostgresqlServer
    database: str
    replicas: Sequence[Serving]
    backends: dict[str, Backend] = field(default_factory=dict)
    listeners: dict[str, int] = field(default_factory=dict)
    _ports: dict[str, int] = field(default_factory=dict)
    _envoys: dict[str, Process] = field(default_factory=dict)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start_backends(self, *names: str) -> None:
        """Start little servers, or start them again on their ports."""
        for name in names:
            if name not in self._ports:
                (self._ports[name],) = steady_ports(1)
            self.backends[name] = await self._stack.enter_async_context(backend(name, self._ports[name]))

    async def start_envoys(self) -> None:
        """Start both Envoys with the bootstrap that the command prints."""
        for node in NODES:
            xds = [word for r in self.replicas for word in ("--xds", f"127.0.0.1:{r.nodes.port}")]
            printed = await run("node", "bootstrap", "--node-id", node, *xds)
            assert printed.code == 0, printed.err
            bootstrap = self.home / f"{node}.json"
            bootstrap.write_text(printed.out, encoding="utf-8")
            with (self.home / f"{node}.log").open("wb") as log:
                self._envoys[node] = await asyncio.create_subprocess_exec(
                    *(str(find_envoy(None)), "-c", str(bootstrap), "--disable-hot-restart"),
                    *("--concurrency", "1", "-l", "warning"),
                    stdin=DEVNULL,
                    stdout=log,
                    stderr=log,
                )

    async def create(self, proxy_id: str, *instances: str, **config: Any) -> None:
        """Create a proxy with instances on these backends, the first preferred, at whichever replica lives."""
        (port,) = steady_ports(1)
        while port in self.listeners.values():
            (port,) = steady_ports(1)
        self.listeners[proxy_id] = port
        policy = {**UNHURRIED, "listener": {"address": "0.0.0.0", "port": port}, **config}
        await self.data_of("POST", "/proxy/failover/config", {"proxyId": proxy_id, "config": policy})
        for number, name in enumerate(instances, start=1):
            data = {
                "instanceName": name,
                "address": f"127.0.0.1:{self._ports[name]}",
                "priority": 10 * number,
            }
            await self.data_of("POST", "/proxy/instances", {"proxyId": proxy_id, "instanceData": data})

    async def data_of(
        self, method: str, path: str, body: Any = None, *, at: Serving | None = None, **params: Any
    ) -> Any:
        """The data of a call that must succeed, at `at` or at whichever replica lives; what is busy is asked again."""
        answer: httpx.Response | None = None

        async def answered() -> bool:
            nonlocal answer
            replica = at or next(r for r in self.replicas if r.lives)
            answer = await replica.ask(method, path, body, **params)
            return answer.status_code not in {429, 503}

        await eventually(answered)
        assert answer is not None
        assert answer.is_success, answer.text
        return answer.json()["data"]

    async def proxy(self, proxy_id: str = "web", *, at: Serving | None = None) -> ProxyView:
        """The proxy as a replica tells of it."""
        return proxy_view(await self.data_of("GET", f"/proxy/{proxy_id}", at=at))

    async def events(self, proxy_id: str = "web", *, at: Serving | None = None) -> list[EventView]:
        """Its events, newest first."""
        found = await self.data_of("GET", f"/proxy/{proxy_id}/failover/events", at=at, limit=500)
        return [event_view(document) for document in found]

    async def settled(self, active: str, proxy_id: str = "web", *, at: Serving | None = None) -> EventView:
        """Wait until `active` is active, no move is open and the newest was completed; that one."""
        seen: object = None

        async def so() -> EventView | None:
            nonlocal seen
            view, events = await self.proxy(proxy_id, at=at), await self.events(proxy_id, at=at)
            seen = (view, events)
            done = view.open_event is None and events and events[0].status is EventStatus.COMPLETED
            return events[0] if done and view.name_of(view.active_id) == active else None

        try:
            event = await eventually(so)
        except AssertionError as error:
            error.add_note(f"wanted: {active} active in {proxy_id}; seen: {seen}")
            raise
        assert event is not None
        return event

    async def owner(self, proxy_id: str = "web") -> Serving:
        """Who has a valid lease on the proxy, by the database."""
        found: Serving | None = None

        async def so() -> bool:
            nonlocal found
            names = await self.query(
                "SELECT r.name FROM leases l JOIN replicas r USING (replica_id)"
                " WHERE l.proxy_id = $1 AND r.expires_at > clock_timestamp()",
                proxy_id,
            )
            found = next((r for r in self.replicas if names and r.name == names[0]["name"]), None)
            return found is not None

        await eventually(so)
        assert found is not None
        return found

    async def query(self, sql: str, *arguments: Any) -> list["asyncpg.Record"]:
        """What the database has, past every replica."""
        async with self.server.admin(self.database) as admin:
            return list(await admin.fetch(sql, *arguments))

    async def assert_one_truth(self) -> None:
        """What must hold whatever happened, once it is quiet: the invariants of DESIGN, by the database itself."""

        async def quiet() -> bool:
            rows = await self.query("SELECT 1 FROM proxy_failover_events WHERE completed_at IS NULL")
            return not rows

        await eventually(quiet)
        twice = await self.query(
            "SELECT proxy_id, epoch FROM proxy_failover_events WHERE event_type <> 'recovery'"
            " GROUP BY proxy_id, epoch HAVING count(*) > 1"
        )
        assert twice == [], "two moves of one epoch"
        gaps = await self.query(
            "SELECT p.proxy_id, p.epoch, count(e.*) FROM proxies p LEFT JOIN proxy_failover_events e"
            " ON e.proxy_id = p.proxy_id AND e.event_type <> 'recovery' WHERE p.deleted_at IS NULL"
            " GROUP BY p.proxy_id, p.epoch HAVING count(e.*) <> p.epoch"
        )
        assert gaps == [], "an epoch without its event"
        wrong = await self.query(
            "SELECT p.proxy_id FROM proxies p JOIN proxy_failover_events e"
            " ON e.proxy_id = p.proxy_id AND e.epoch = p.epoch AND e.event_type <> 'recovery'"
            " WHERE p.active_instance_id IS DISTINCT FROM e.target_instance_id AND p.deleted_at IS NULL"
        )
        assert wrong == [], "an active that is not the newest event's target"
        untold = await self.query(
            "SELECT e.event_id FROM proxy_failover_events e WHERE e.event_type <> 'recovery' AND NOT EXISTS"
            " (SELECT 1 FROM outbox_messages m WHERE m.topic = 'move.committed'"
            " AND m.payload->>'id' = e.event_id::text)"
        )
        assert untold == [], "a move without its message"
        await eventually(self._nodes_agree)

    async def _nodes_agree(self) -> bool:
        rows = await self.query(
            "SELECT p.proxy_id FROM proxies p JOIN proxy_failover_configurations c USING (proxy_id)"
            " CROSS JOIN unnest($1::text[]) AS n(node_id) LEFT JOIN node_receipts r ON r.proxy_id = p.proxy_id"
            " AND r.node_id = n.node_id AND r.phase = 'make' AND r.kind = 'applied' AND r.epoch = p.epoch"
            " WHERE p.deleted_at IS NULL AND c.listener_port IS NOT NULL AND r.proxy_id IS NULL",
            list(NODES),
        )
        return not rows

    def logs(self) -> str:
        """What everybody has printed."""
        found = sorted(self.home.glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-20_000:]}" for log in found)

    async def close(self) -> None:
        """End everything that was started."""
        processes = [r.process for r in self.replicas if r.process is not None] + list(self._envoys.values())
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        await self._stack.aclose()
        print(self.logs())


@asynccontextmanager
async def company(server: PostgresqlServer, *, replicas: int = 3) -> AsyncIterator[Company]:
    """A company of its own, of which nothing runs yet but the database."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(server.database())
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="switchover-company-")))
        ports = steady_ports(2 * replicas)
        serving: list[Serving] = []
        for number in range(replicas):
            to_database = await stack.enter_async_context(relay_to(server.port))
            nodes = await stack.enter_async_context(relay_to(ports[2 * number + 1]))
            parts = urlsplit(server.url(database))
            netloc = parts.netloc.rpartition(":")[0] + f":{to_database.port}"
            serving.append(
                Serving(
                    name=f"r{number + 1}",
                    port=ports[2 * number],
                    xds_port=ports[2 * number + 1],
                    home=home,
                    database=to_database,
                    nodes=nodes,
                    url=parts._replace(netloc=netloc).geturl(),
                )
            )
        running = Company(home=home, server=server, database=database, replicas=serving)
        try:
            yield running
        finally:
            await running.close()


def _token() -> str:
    settings = load_settings(jwt_secret=SECRET)
    return issue_token(
        SECRET.encode(),
        "ann",
        [Role.ADMIN],
        now=datetime.now(UTC),
        ttl_seconds=3600,
        rules=token_rules(settings),
    )
