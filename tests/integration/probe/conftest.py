"""Every test of this folder runs on both event loops: asyncio's own, and the one that the product runs on."""

import asyncio
import socket
from collections.abc import Callable, Mapping

import pytest
import uvloop


def pytest_asyncio_loop_factories(
    config: pytest.Config,  # noqa: ARG001 - the hook's signature
    item: pytest.Item,  # noqa: ARG001
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def ipv6_loopback() -> str:
    """`::1`; skips where this machine has no IPv6."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return "::1"
    except OSError as error:
        pytest.skip(
            f"no IPv6 on the loopback interface ({error.strerror}); enable it with net.ipv6.conf.lo.disable_ipv6=0"
        )
