"""Little servers that answer, stall, lie and hang up, on a loopback port of their own."""

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

DRIP_SECONDS = 0.05


@dataclass(slots=True, kw_only=True)
class LittleServer:
    """What a server saw: its port, how many connections came, and how many of them are still open."""

    port: int
    arrivals: int = 0
    still_open: int = 0


@asynccontextmanager
async def little_server(
    behaviour: Behaviour, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[LittleServer]:
    """Serve `behaviour` until the block ends; every connection is cut then."""
    seen = LittleServer(port=0)
    visits: set[asyncio.Task[None]] = set()

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.arrivals += 1
        seen.still_open += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await behaviour(reader, writer)
                await writer.drain()
        finally:
            seen.still_open -= 1
            writer.close()

    def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(visit(reader, writer))
        visits.add(task)
        task.add_done_callback(visits.discard)

    server = await asyncio.start_server(on_connection, host, 0, ssl=tls, backlog=512)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in tuple(visits):
            task.cancel()
        await asyncio.gather(*visits, return_exceptions=True)


def closed_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def answers(response: bytes) -> Behaviour:
    """Read a request, send `response`, close."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)

    return behave


def records(requests: list[bytes], response: bytes) -> Behaviour:
    """Note the request, then send `response` and close."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(response)

    return behave


def drips(beginning: bytes, drop: bytes) -> Behaviour:
    """Send `beginning` at once, then `drop` again and again for ever, so that there is never silence."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(beginning)
        while not reader.at_eof():
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(DRIP_SECONDS)

    return behave


def floods(beginning: bytes, piece: bytes) -> Behaviour:
    """Send `beginning`, then `piece` for ever, as fast as the peer reads."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(beginning)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    return behave


async def stays_silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Accept, read, never answer."""
    while await reader.read(65536):
        pass


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read a request, then reset the connection."""
    await reader.readuntil(b"\r\n\r\n")
    reset(writer)


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with RST instead of FIN."""
    # SO_LINGER of 0 s belongs to the connection, so a copy of its descriptor can set it on either event loop.
    with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as copy:
        copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
