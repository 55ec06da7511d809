"""Three replicas over one PostgreSQL: take-over after SIGKILL, hand-over on SIGTERM, and what the database has to write.

    python bench/replicas.py [--runs 20] [--lease-seconds 10] [--instances 1 100 1000 10000] [--rest-seconds 30]

Take-over and hand-over are the time from the signal until every proxy of that replica has another owner whose session
is valid, by the database. Writes are counted at rest with 30 s intervals: transactions that wrote anything (the
database's own numbers of transactions), rows, and, next to them, probes. Everything runs on loopback and is ended by pid.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.ports import steady_ports
from tests.postgresql_server import PostgresqlServer, postgresql_server

from switchover.app.clock import uuid7
from switchover.model.address import Address
from switchover.model.instance import Instance
from switchover.model.proxy import Proxy
from switchover.record.sql.store import open_store

SECRET = "the secret that every replica of a measurement has, 32 bytes or more"
REPLICAS = 3
PER_PROXY = 4
OWNED_PROXIES = 60
AT_ONCE = 16
POLL_SECONDS = 0.01
DEADLINE_SECONDS = 300.0
INTERVAL_SECONDS = 30.0

Condition = Callable[[], Awaitable[bool]]


@dataclass(slots=True)
class Replica:
    """One `switchover serve`."""

    name: str
    port: int
    process: Process

    async def end(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        await asyncio.wait_for(self.process.wait(), DEADLINE_SECONDS)


class Bench:
    """A database and the replicas over it."""

    def __init__(self, server: PostgresqlServer, database: str, lease_seconds: float, home: Path) -> None:
        self.server, self.database, self.lease_seconds, self.home = server, database, lease_seconds, home
        self.replicas: dict[str, Replica] = {}

    async def start(self, name: str) -> None:
        (port,) = steady_ports(1)
        settings = {
            "SWITCHOVER_DATABASE_URL": self.server.url(self.database),
            "SWITCHOVER_JWT_SECRET": SECRET,
            "SWITCHOVER_REPLICA_NAME": name,
            "SWITCHOVER_ADVERTISE_URL": f"http://127.0.0.1:{port}",
            "SWITCHOVER_LEASE_SECONDS": str(self.lease_seconds),
            "SWITCHOVER_LOG_LEVEL": "warning",
        }
        with (self.home / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "switchover.cli", "serve", "--port", str(port)),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **settings},
            )
        self.replicas[name] = Replica(name, port, process)
        async with httpx.AsyncClient(trust_env=False) as client:
            await self.until(lambda: _ready(client, port))

    async def until(self, condition: Condition) -> float:
        """Wait for it; how long that took."""
        began = time.monotonic()
        while not await condition():
            if time.monotonic() > began + DEADLINE_SECONDS:
                raise TimeoutError("\n".join(log.read_text()[-2000:] for log in self.home.glob("*.log")))
            await asyncio.sleep(POLL_SECONDS)
        return time.monotonic() - began

    async def owned_by(self, admin: "asyncpg.Connection[asyncpg.Record]") -> dict[str, str]:
        """Proxy → the name of its valid owner."""
        rows = await admin.fetch(
            "SELECT l.proxy_id, r.name FROM leases l JOIN replicas r USING (replica_id)"
            " WHERE r.expires_at > clock_timestamp()"
        )
        return {row["proxy_id"]: row["name"] for row in rows}

    async def close(self) -> None:
        for replica in self.replicas.values():
            await replica.end(signal.SIGKILL)


async def _ready(client: httpx.AsyncClient, port: int) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return (await client.get(f"http://127.0.0.1:{port}/readyz")).is_success
    return False


async def fill(url: str, instances: int, port: int) -> int:
    """Register that many instances, all at one address, straight in the store; how many proxies that makes."""
    store, now = await open_store(url), datetime.now(UTC)
    room = asyncio.Semaphore(AT_ONCE)
    proxies = max(1, instances // PER_PROXY)

    async def one(number: int) -> None:
        async with room:
            proxy = Proxy(proxy_id=f"p{number:05}", owner_id="ann", created_at=now, updated_at=now)
            await store.create_proxy(proxy)
            for index in range(instances // proxies):
                await store.add_instance(
                    Instance(
                        instance_id=uuid7(),
                        proxy_id=proxy.proxy_id,
                        name=f"i{index}",
                        address=Address("127.0.0.1", port),
                        created_at=now,
                    )
                )

    async with asyncio.TaskGroup() as tasks:
        for number in range(proxies):
            tasks.create_task(one(number))
    await store.close()
    return proxies


@asynccontextmanager
async def bench(server: PostgresqlServer, instances: int, lease_seconds: float) -> AsyncIterator[Bench]:
    """Three replicas that own what is registered."""
    answering = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, backlog=1024)
    with tempfile.TemporaryDirectory(prefix="switchover-bench-") as home:
        async with server.database() as database:
            port = answering.sockets[0].getsockname()[1]
            proxies = await fill(server.url(database), instances, port)
            running = Bench(server, database, lease_seconds, Path(home))
            try:
                for number in range(REPLICAS):
                    await running.start(f"r{number + 1}")
                async with server.admin(database) as admin:

                    async def shared() -> bool:
                        owners = await running.owned_by(admin)
                        return len(owners) == proxies and (
                            len(set(owners.values())) == REPLICAS or proxies < OWNED_PROXIES
                        )

                    await running.until(shared)
                yield running
            finally:
                await running.close()
                answering.close()


async def changes_of_hands(running: Bench, number: signal.Signals, runs: int) -> list[float]:
    """Seconds from the signal to the last proxy that changed hands, one replica after the other."""
    seconds = []
    async with running.server.admin(running.database) as admin:
        for run in range(runs):
            name = f"r{run % REPLICAS + 1}"
            owners = await running.owned_by(admin)
            owned = {proxy for proxy, owner in owners.items() if owner == name}

            async def replaced(owned: set[str] = owned, name: str = name) -> bool:
                now = await running.owned_by(admin)
                return all(now.get(proxy, name) != name for proxy in owned)

            ending = asyncio.create_task(running.replicas[name].end(number))
            seconds.append(await running.until(replaced))
            await ending
            await running.start(name)

            async def has_its_share(name: str = name, proxies: int = len(owners)) -> bool:
                now = await running.owned_by(admin)
                return len(now) == proxies and name in now.values()

            await running.until(has_its_share)
    return seconds


async def writes_at_rest(
    server: PostgresqlServer, instances: int, lease_seconds: float, rest: float
) -> Sequence[float]:
    """Per second: transactions that wrote, rows that were written; and probes."""
    async with bench(server, instances, lease_seconds) as running, server.admin(running.database) as admin:

        async def probed() -> bool:
            unseen = await admin.fetchval(
                "SELECT count(*) FROM proxy_instances WHERE last_health_check IS NULL"
            )
            return not unseen

        await running.until(probed)
        await asyncio.sleep(INTERVAL_SECONDS)
        before, began = await counters(admin), time.monotonic()
        await asyncio.sleep(rest)
        after, seconds = await counters(admin), time.monotonic() - began
    return [(b - a) / seconds for a, b in zip(before, after, strict=True)] + [instances / INTERVAL_SECONDS]


async def counters(admin: "asyncpg.Connection[asyncpg.Record]") -> tuple[int, int]:
    """Transactions that ever got a number (those that write do), and rows ever written, in this database's server."""
    await admin.execute("SELECT pg_stat_clear_snapshot()")
    numbers = await admin.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
    rows = await admin.fetchval(
        "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables"
    )
    return int(numbers), int(rows or 0)


async def measure(server: PostgresqlServer, given: argparse.Namespace) -> None:
    if given.runs:
        async with bench(server, OWNED_PROXIES * PER_PROXY, given.lease_seconds) as running:
            print(f"{REPLICAS} replicas, {OWNED_PROXIES} proxies, leases of {given.lease_seconds:g} s")
            for words, number in (("take-over", signal.SIGKILL), ("hand-over", signal.SIGTERM)):
                seconds = await changes_of_hands(running, number, given.runs)
                print(
                    f"{words} after {number.name}: median {statistics.median(seconds):.2f} s, "
                    f"worst of {len(seconds)} {max(seconds):.2f} s",
                    flush=True,
                )
    print("instances  transactions that write /s  rows written /s  probes /s")
    for instances in given.instances:
        transactions, rows, probes = await writes_at_rest(
            server, instances, given.lease_seconds, given.rest_seconds
        )
        print(f"{instances:>9}  {transactions:>26.1f}  {rows:>15.1f}  {probes:>9.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--lease-seconds", type=float, default=10.0)
    parser.add_argument("--instances", type=int, nargs="*", default=[1, 100, 1000, 10_000])
    parser.add_argument("--rest-seconds", type=float, default=30.0)
    given = parser.parse_args()
    with postgresql_server() as server:
        asyncio.run(measure(server, given))


if __name__ == "__main__":
    main()
