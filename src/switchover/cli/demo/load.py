"""A steady load of GET requests through a proxy's listener, and what became of each."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

import h11

from switchover.cli.demo.instance import NAME_HEADER
from switchover.model.clock import Clock

REQUEST_SECONDS = 10.0
LATE_MS = 100.0
_MOST_IN_FLIGHT = 4096
_MOST_AT_ONCE = 20
_MOST_SAMPLES = 200_000
_READ_BYTES = 65536
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One request: when it was sent (monotonic seconds), how long it took, who answered, or why it failed."""

    sent_at: float
    latency_ms: float
    instance: str | None
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of time under load.

    Attributes:
        requests: How many ended.
        failed: Of those, not answered with 200.
        late: Of those, answered after more than `LATE_MS`.
        p99_ms: 99 of 100 were answered within this; None without an answer.
        slowest_ms: The longest an answer took; None without an answer.
        by_instance: Answers by instance.
    """

    requests: int
    failed: int
    late: int
    p99_ms: float | None
    slowest_ms: float | None
    by_instance: Counter[str]


def window(samples: Sequence[Sample]) -> Window:
    """The numbers of these samples."""
    answered = sorted(s.latency_ms for s in samples if s.failure is None)
    return Window(
        requests=len(samples),
        failed=len(samples) - len(answered),
        late=sum(latency > LATE_MS for latency in answered),
        p99_ms=answered[int(len(answered) * 0.99)] if answered else None,
        slowest_ms=answered[-1] if answered else None,
        by_instance=Counter(s.instance for s in samples if s.instance is not None),
    )


@dataclass(frozen=True, slots=True)
class _Line:
    """A kept connection and its state in HTTP/1.1 (RFC 9112)."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection


class Load:
    """Sends `rate` requests a second, whatever becomes of the ones before: every other one on a new connection, the
    rest on kept ones. Nothing is tried again; a request without an answer 200 in time has failed.

    What a machine that is too busy did not let us send in time is not sent at all: a burst of it would only
    measure the machine. `unsent` counts it.
    """

    def __init__(self, host: str, port: int, rate: float, clock: Clock) -> None:
        self._host, self._port, self._rate, self._clock = host, port, rate, clock
        self._idle: deque[_Line] = deque()
        self._samples: deque[Sample] = deque(maxlen=_MOST_SAMPLES)
        self._in_flight = 0
        self.total = 0
        self.failed = 0
        self.unsent = 0

    def between(self, begin: float, end: float) -> list[Sample]:
        """The samples of requests that were sent from `begin` until before `end` (monotonic seconds) and have ended."""
        return [sample for sample in self._samples if begin <= sample.sent_at < end]

    def recent(self, seconds: float) -> list[Sample]:
        """The samples of requests that ended within the last `seconds`, newest first."""
        start = self._clock.monotonic() - seconds
        found: list[Sample] = []
        for sample in reversed(self._samples):
            if sample.sent_at + sample.latency_ms / 1000 < start:
                break
            found.append(sample)
        return found

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set, then wait for the answers that are due."""
        started = self._clock.monotonic()
        sent = 0
        try:
            async with asyncio.TaskGroup() as requests:
                while not stop.is_set():
                    due = int((self._clock.monotonic() - started) * self._rate) - sent
                    self.unsent += max(0, due - _MOST_AT_ONCE)
                    sent += max(0, due - _MOST_AT_ONCE)
                    for _ in range(min(due, _MOST_AT_ONCE)):
                        sent += 1
                        if self._in_flight < _MOST_IN_FLIGHT:
                            self._in_flight += 1
                            requests.create_task(self._request(fresh=bool(sent % 2)))
                        else:
                            self._note(self._clock.monotonic(), None, "too many requests wait for an answer")
                    await self._clock.sleep(1 / self._rate)
        finally:
            for line in self._idle:
                line.writer.close()
            self._idle.clear()

    async def once(self) -> str | None:
        """Send one request on a new connection, outside the count; why it failed, None when it did not."""
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                line = await self._line(fresh=True)
                try:
                    status, _ = await self._exchange(line, close=True)
                finally:
                    line.writer.close()
        except (OSError, h11.ProtocolError, EOFError) as error:
            return f"{type(error).__name__}: {error}"
        return None if status == _OK else f"status {status}"

    async def _request(self, *, fresh: bool) -> None:
        sent_at = self._clock.monotonic()
        line: _Line | None = None
        instance: str | None = None
        failure: str | None = None
        kept = False
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                line = await self._line(fresh=fresh)
                status, instance = await self._exchange(line, close=fresh)
            failure = None if status == _OK else f"status {status}"
            kept = not fresh and line.http.our_state is h11.DONE and line.http.their_state is h11.DONE
        except TimeoutError:
            failure = f"no answer within {REQUEST_SECONDS:g} s"
        except (OSError, h11.ProtocolError, EOFError) as error:
            failure = f"{type(error).__name__}: {error}"
        finally:
            self._in_flight -= 1
            if line is not None:
                if kept:
                    line.http.start_next_cycle()
                    self._idle.append(line)
                else:
                    line.writer.close()
        self._note(sent_at, instance, failure)

    def _note(self, sent_at: float, instance: str | None, failure: str | None) -> None:
        self.total += 1
        self.failed += failure is not None
        latency = (self._clock.monotonic() - sent_at) * 1000
        self._samples.append(
            Sample(
                sent_at=sent_at,
                latency_ms=latency,
                instance=instance if failure is None else None,
                failure=failure,
            )
        )

    async def _line(self, *, fresh: bool) -> _Line:
        while not fresh and self._idle:
            line = self._idle.pop()
            if not line.reader.at_eof():
                return line
            line.writer.close()
        reader, writer = await asyncio.open_connection(self._host, self._port)
        return _Line(reader, writer, h11.Connection(our_role=h11.CLIENT))

    async def _exchange(self, line: _Line, *, close: bool) -> tuple[int, str | None]:
        headers = [("host", f"{self._host}:{self._port}"), ("user-agent", "switchover-demo")]
        if close:
            headers.append(("connection", "close"))
        request = line.http.send(h11.Request(method="GET", target="/", headers=headers)) or b""
        line.writer.write(request + (line.http.send(h11.EndOfMessage()) or b""))
        await line.writer.drain()
        status, instance = 0, None
        while True:
            match line.http.next_event():
                case h11.NEED_DATA:
                    line.http.receive_data(await line.reader.read(_READ_BYTES))
                case h11.Response() as response:
                    status = response.status_code
                    names = [value for name, value in response.headers if name == NAME_HEADER.encode()]
                    instance = names[0].decode("ascii", "replace") if names else None
                case h11.EndOfMessage():
                    return status, instance
                case h11.ConnectionClosed():
                    raise EOFError("closed without an answer")
                case _:
                    pass
