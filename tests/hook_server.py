"""A web hook that notes what it is sent and answers as a test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.little_servers import little_server


@dataclass(slots=True)
class Hook:
    """What came, and what is answered.

    Attributes:
        answer: The whole response; None answers nothing.
        requests: Headers by lower-case name, and the body, of every request.
        is_open: How many connections are open.
    """

    url: str = ""
    answer: bytes | None = b"HTTP/1.1 202 Accepted\r\ncontent-length: 7\r\n\r\nstarted"
    requests: list[tuple[dict[str, str], str]] = field(default_factory=list)
    is_open: int = 0


@asynccontextmanager
async def hook_server(host: str = "127.0.0.1") -> AsyncIterator[Hook]:
    """Serve until the block ends."""
    hook = Hook()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hook.is_open += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")[1:-2]
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            body = await reader.readexactly(int(headers["content-length"]))
            hook.requests.append((headers, body.decode()))
            if hook.answer is None:
                await reader.read()
            else:
                writer.write(hook.answer)
        finally:
            hook.is_open -= 1

    async with little_server(behave, host=host) as server:
        hook.url = f"http://{host}:{server.port}/recover?team=web"
        yield hook
