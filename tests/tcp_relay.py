"""A TCP relay between a client and a server that can go silent, or cut a connection at a word that passes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

CHUNK = 65_536


@dataclass(slots=True, kw_only=True)
class Relay:
    """What passes between the two.

    Attributes:
        port: Where the client connects.
        speaking: While it is not set nothing passes, and nobody is told.
        cut_at: The connection is cut when the client sends this word; None cuts none.
        word_arrives: Whether the server still gets that word.
        cuts: How often a connection was cut.
    """

    port: int = 0
    speaking: asyncio.Event = field(default_factory=asyncio.Event)
    cut_at: bytes | None = None
    word_arrives: bool = True
    cuts: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def to_server(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK):
            await self.speaking.wait()
            if self.cut_at is not None and self.cut_at in chunk:
                self.cuts += 1
                if self.word_arrives:
                    writer.write(chunk)
                    await writer.drain()
                return
            writer.write(chunk)
            await writer.drain()

    async def to_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK):
            await self.speaking.wait()
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def relay_to(port: int) -> AsyncIterator[Relay]:
    """A relay to a server on loopback, until the block ends."""
    relay = Relay()
    relay.speaking.set()
    connections: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        ways = {
            asyncio.create_task(relay.to_server(reader, there_writer)),
            asyncio.create_task(relay.to_client(there_reader, writer)),
        }
        try:
            # Whoever ends one way ends both.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, there_writer):
                end.close()
                with contextlib.suppress(ConnectionError):
                    await end.wait_closed()
            connections.discard(task)

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        for task in tuple(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()
