"""Ports of loopback for what a test starts."""

import contextlib
import os
import random
import socket

_LOWEST = 10_000
_SHARE, _SHARES = 1_000, 10
"""Each of the processes that run tests side by side looks in a share of its own."""


def steady_ports(count: int) -> list[int]:
    """Different ports that nobody listens on now, and that stay free while their owner is away: outgoing connections are
    given higher ones (ip_local_port_range), and another test begins to look elsewhere.
    """
    # As pytest-xdist names its workers: gw0, gw1, …
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SHARES
    start = random.randrange(_SHARE)
    found: list[int] = []
    for offset in range(_SHARE):
        port = _LOWEST + worker * _SHARE + (start + offset) % _SHARE
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"no {count} free ports from {_LOWEST + worker * _SHARE}")


def free_port() -> int:
    """One of them."""
    return steady_ports(1)[0]
