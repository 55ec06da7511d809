"""An open-loop HTTP load: requests start on schedule whatever became of the earlier ones, so a stall is seen whole."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

ANSWER_DEADLINE_SECONDS = 30.0
MOST_OPEN = 5000
MOST_BEHIND_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as the client saw it.

    Attributes:
        started: On the monotonic clock.
        seconds: Until the last byte of the answer, or the failure.
        instance: Who answered (`x-instance`); empty when nobody did.
        failure: What went wrong; None for a 200.
    """

    started: float
    seconds: float
    instance: str
    failure: str | None


@dataclass(slots=True)
class Load:
    """What a load has seen so far."""

    host: str
    port: int
    target: str = "/"
    method: str = "GET"
    requests: list[Request] = field(default_factory=list)
    """Every request that is over, in the order in which they ended."""
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        """What went wrong, in order; empty when nothing did."""
        return [request.failure for request in self.requests if request.failure is not None]

    def answered_by(self, since: float = 0.0) -> Counter[str]:
        """Who answered how many of the requests that started at `since` (monotonic) or later."""
        return Counter(r.instance for r in self.requests if r.failure is None and r.started >= since)

    def slower_than(self, seconds: float) -> int:
        """How many requests took longer."""
        return sum(request.seconds > seconds for request in self.requests)

    @property
    def slowest(self) -> float:
        """Seconds of the slowest request."""
        return max((request.seconds for request in self.requests), default=0.0)

    async def one(self, *, keep_alive: bool = False) -> Request:
        """Send one request; what became of it."""
        started, instance, failure = time.monotonic(), "", None
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_SECONDS):
                status, instance = await self._exchange(keep_alive=keep_alive)
            if status != 200:
                failure = f"status {status}"
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
            failure = f"{type(error).__name__}: {error}"
        request = Request(
            started=started, seconds=time.monotonic() - started, instance=instance, failure=failure
        )
        self.requests.append(request)
        return request

    async def _exchange(self, *, keep_alive: bool) -> tuple[int, str]:
        connection = await self._reusable() if keep_alive else None
        reader, writer = connection or await asyncio.open_connection(self.host, self.port)
        reusable = False
        try:
            close = "" if keep_alive else "connection: close\r\n"
            length = "content-length: 0\r\n" if self.method in {"POST", "PUT"} else ""
            writer.write(
                f"{self.method} {self.target} HTTP/1.1\r\nhost: load\r\n{close}{length}\r\n".encode()
            )
            status = int((await reader.readuntil(b"\r\n")).split(b" ")[1])
            headers = await _headers(reader)
            await reader.readexactly(int(headers.get("content-length", "0")))
            reusable = keep_alive and headers.get("connection", "").lower() != "close"
            return status, headers.get("x-instance", "")
        finally:
            if reusable:
                self._idle.append((reader, writer))
            else:
                await _close(writer)

    async def _reusable(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            await _close(writer)
        return None

    async def close(self) -> None:
        """Close idle connections."""
        while self._idle:
            await _close(self._idle.pop()[1])


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):  # the other side may have been quicker
        await writer.wait_closed()


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
        key, _, value = line.decode().partition(":")
        headers[key.strip().lower()] = value.strip()
    return headers


@contextlib.asynccontextmanager
async def load(
    port: int, *, rate: float, host: str = "127.0.0.1", target: str = "/", method: str = "GET"
) -> AsyncIterator[Load]:
    """Keep a load going for the length of the block; when it exits, every request that was sent has been answered."""
    running = Load(host=host, port=port, target=target, method=method)
    stopping = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_until(running, rate, stopping))
            try:
                yield running
            finally:
                stopping.set()
    finally:
        await running.close()


async def _until(running: Load, rate: float, stopping: asyncio.Event) -> None:
    begin, number = time.monotonic(), 0
    async with asyncio.TaskGroup() as group:
        while not stopping.is_set():
            assert number - len(running.requests) < MOST_OPEN, "the load is not answered at all"
            group.create_task(running.one(keep_alive=number % 2 == 0))
            number += 1
            # A machine that is too busy gets fewer requests, not a burst that would make it busier.
            behind = time.monotonic() - (begin + number / rate)
            begin += behind if behind > MOST_BEHIND_SECONDS else 0.0
            # On schedule, not after the last one: a slow answer must not slow the load.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, begin + number / rate - time.monotonic())):
                    await stopping.wait()
