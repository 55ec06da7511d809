"""One little HTTP instance, run as a process of its own: `python -m switchover.cli.demo.instance NAME PORT`.

It answers every request with its name, in a header and in the body, and ends when its standard input closes: then the
demo that started it is gone.
"""

import asyncio
import os
import sys

NAME_HEADER = "x-instance"
_LARGEST_HEAD_BYTES = 64 * 1024


async def serve(name: str, port: int) -> None:
    """Listen on the loopback `port` until standard input closes."""
    writers: set[asyncio.StreamWriter] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = f"{name}\n".encode()
        head = f"HTTP/1.1 200 OK\r\n{NAME_HEADER}: {name}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        writers.add(writer)
        try:
            while True:
                # The demo and Envoy send requests without a body, so a head is all there is to read.
                await reader.readuntil(b"\r\n\r\n")
                writer.write(head + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, limit=_LARGEST_HEAD_BYTES)
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(sys.stdin.fileno(), 1024) else gone.set())
    async with server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await gone.wait()
        loop.remove_reader(sys.stdin.fileno())
        for writer in tuple(writers):
            writer.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
