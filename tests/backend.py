"""A tiny HTTP/1.1 backend, as a process of its own, and what starts and ends it.

    python tests/backend.py PORT NAME [DELAY]     PORT 0 takes a free one; the first line printed is the port

Each answer waits DELAY seconds (default 0).

Every answer bears its name in the header `x-instance` and in the body. `?delay=SECONDS` answers later, `?status=503`
answers with that status, `?bytes=N&pause=SECONDS` sends N bytes one by one with a pause before each. `/health` is like
any other path, but that after SIGUSR1 every other path is answered with 500. Of a request it takes the body by Content-Length or chunks. A request to upgrade to a WebSocket is granted,
and from then on every byte is sent back.
"""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

START_DEADLINE_SECONDS = 30.0
_SICK = asyncio.Event()


async def serve(port: int, name: str, delay: float = 0.0) -> None:
    """Listen on loopback until cancelled."""

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _SICK.set)

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A client that goes away in the middle is no event for a backend.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await _answer_one(reader, writer, name, delay):
                pass
        writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


async def _answer_one(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str, delay: float
) -> bool:
    """Answer one request; whether the connection stays open."""
    request_line = await reader.readline()
    if not request_line:
        return False
    method, target, _ = request_line.decode().split(" ", 2)
    headers = await _headers(reader)
    if headers.get("upgrade", "").lower() == "websocket":
        await _echo(reader, writer, name)
        return False
    await _body(reader, headers)
    query = {key: values[-1] for key, values in parse_qs(urlsplit(target).query).items()}
    await asyncio.sleep(float(query.get("delay", delay)))
    stays = headers.get("connection", "").lower() != "close"
    body = b"x" * int(query["bytes"]) if "bytes" in query else f"{name}\n".encode()
    head = (
        f"HTTP/1.1 {_status(target, query)} Answered\r\nx-instance: {name}\r\n"
        f"content-length: {len(body)}\r\nconnection: {'keep-alive' if stays else 'close'}\r\n\r\n"
    )
    writer.write(head.encode())
    if method != "HEAD":
        await _write_body(writer, body, float(query.get("pause", "0")))
    await writer.drain()
    return stays


def _status(target: str, query: Mapping[str, str]) -> str:
    return "500" if _SICK.is_set() and target != "/health" else query.get("status", "200")


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> None:
    head = f"HTTP/1.1 101 Upgraded\r\nx-instance: {name}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    writer.write(head.encode())
    while chunk := await reader.read(4096):
        writer.write(chunk)
        await writer.drain()


async def _write_body(writer: asyncio.StreamWriter, body: bytes, pause: float) -> None:
    if not pause:
        writer.write(body)
        return
    for position in range(len(body)):
        await writer.drain()
        await asyncio.sleep(pause)
        writer.write(body[position : position + 1])


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := await reader.readline()) not in {b"\r\n", b""}:
        key, _, value = line.decode().partition(":")
        headers[key.strip().lower()] = value.strip()
    return headers


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> None:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int((await reader.readline()).split(b";")[0], 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    else:
        await reader.readexactly(int(headers.get("content-length", "0")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A running backend process."""

    name: str
    port: int
    process: Process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def lives(self) -> bool:
        """Whether the process does, frozen or not."""
        return self.process.returncode is None

    def kill(self) -> None:
        """SIGKILL: as when the machine loses it."""
        os.kill(self.pid, signal.SIGKILL)

    def sicken(self) -> None:
        """From now on answer 500 to everything but `/health`."""
        os.kill(self.pid, signal.SIGUSR1)

    def freeze(self) -> None:
        """SIGSTOP: the kernel goes on accepting, nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)


@contextlib.asynccontextmanager
async def backend(name: str, port: int = 0, delay: float = 0.0) -> AsyncIterator[Backend]:
    """Start a backend process and end it afterwards, whatever became of it; it listens when this enters."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__)), str(port), name, str(delay), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_DEADLINE_SECONDS):
            line = await process.stdout.readline()
        assert line.strip(), f"backend {name} did not start on port {port}"
        yield Backend(name=name, port=int(line), process=process)
    finally:
        with contextlib.suppress(ProcessLookupError):  # the test may have killed it
            process.kill()
        await process.wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1]), sys.argv[2], float((*sys.argv, "0")[3])))
