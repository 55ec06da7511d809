"""A connection of one probe's own, to an address that was checked. Nothing is left open behind it."""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from switchover.probe.attempt import Attempt
from switchover.probe.faults import CheckUnusable

_BUFFER_BYTES = 16384
"""StreamReader pauses the peer at twice this much."""


async def connect(attempt: Attempt) -> socket.socket:
    """A connected, non-blocking socket; the caller closes it.

    Raises:
        OSError: As the operating system says it.
    """
    family = socket.AF_INET6 if ":" in attempt.ip else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (attempt.ip, attempt.port))
        refuse_own_echo(connection)
    except BaseException:
        connection.close()
        raise
    return connection


@asynccontextmanager
async def stream(
    attempt: Attempt, *, tls: bool
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Reader and writer of a new connection, after the TLS handshake if there is one; cut when the block ends.

    Raises:
        OSError: As the operating system or OpenSSL says it.
        CheckUnusable: The server name cannot be sent in a handshake.
    """
    secured = _handshake(attempt) if tls else {}
    connection = await connect(attempt)
    # From here on the transport owns the socket, also when the handshake fails or is cancelled.
    reader, writer = await asyncio.open_connection(sock=connection, limit=_BUFFER_BYTES, **secured)
    try:
        yield reader, writer
    finally:
        # Not `close`: it would wait for the peer, to send what it does not read or to end TLS politely.
        writer.transport.abort()


def _handshake(attempt: Attempt) -> dict[str, Any]:
    """What the loop needs to know for a handshake.

    Raises:
        CheckUnusable: The server name cannot be sent.
    """
    context = attempt.trust.context(verify=attempt.check.verify)
    try:
        # Tried before there is a connection: uvloop logs a bad name as an error and lets go of the socket unclosed.
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=attempt.server_name)
    except ValueError as error:
        raise CheckUnusable(f"server name {attempt.server_name!r} cannot be sent in TLS") from error
    return {
        "ssl": context,
        "server_hostname": attempt.server_name,
        # The engine keeps the deadline; the handshake's own limit must never be the first to pass.
        "ssl_handshake_timeout": attempt.timeout_seconds + 60.0,
    }


def refuse_own_echo(connection: socket.socket) -> None:
    """Refuse a connection that TCP's simultaneous open made with itself.

    A port of the ephemeral range that nobody listens on can be chosen as our source port: a dead instance on this
    machine would look alive.

    Raises:
        ConnectionRefusedError: The socket is its own peer.
    """
    if connection.getsockname()[:2] == connection.getpeername()[:2]:
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
