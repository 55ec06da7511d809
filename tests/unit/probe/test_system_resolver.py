import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence

import pytest
from tests.waiting import eventually

from switchover.probe.errors import AddressRefused, NameNotFound, ResolutionFailed
from switchover.probe.resolve import SystemResolver, choose


@pytest.mark.parametrize(
    ("addresses", "chosen"),
    [
        (["10.0.0.9", "10.0.0.10"], "10.0.0.9"),
        (["9.0.0.1", "10.0.0.1"], "9.0.0.1"),
        (["2001:db8::1", "10.0.0.9"], "10.0.0.9"),
        (["2001:db8::2", "2001:db8::1"], "2001:db8::1"),
        (["169.254.169.254", "10.0.0.9"], "10.0.0.9"),
        (["fe80::1%eth0", "2001:db8::1"], "2001:db8::1"),
    ],
)
def test_the_lowest_allowed_address_is_chosen_and_ipv4_goes_first(addresses: list[str], chosen: str) -> None:
    assert choose("web.example", addresses) == chosen
    assert choose("web.example", addresses[::-1]) == chosen


@pytest.mark.parametrize(
    "addresses", [["169.254.0.1"], ["fe80::1%eth0"], ["::ffff:169.254.169.254"], ["0.0.0.0"]]
)
def test_a_name_that_leads_only_to_refused_addresses_is_refused(addresses: list[str]) -> None:
    with pytest.raises(AddressRefused, match="leads to"):
        choose("web.example", addresses)


def test_a_name_without_addresses_is_not_found() -> None:
    with pytest.raises(NameNotFound):
        choose("web.example", [])


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), NameNotFound),
        (socket.gaierror(socket.EAI_NODATA, "no address"), NameNotFound),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), ResolutionFailed),
        (socket.gaierror(socket.EAI_FAIL, "failed"), ResolutionFailed),
        (socket.gaierror(socket.EAI_MEMORY, "memory"), ResolutionFailed),
        (OSError(24, "Too many open files"), ResolutionFailed),
        (UnicodeError("label too long"), NameNotFound),
        (RuntimeError("a bug of ours"), RuntimeError),
    ],
)
async def test_every_code_of_getaddrinfo_has_its_meaning(error: Exception, kind: type[Exception]) -> None:
    def fails(_host: str) -> Sequence[str]:
        raise error

    resolver = SystemResolver(fails)
    with pytest.raises(kind):
        await resolver.resolve("web.example")
    resolver.close()


async def test_the_systems_own_resolver_knows_localhost() -> None:
    resolver = SystemResolver()
    assert await resolver.resolve("localhost") in {"127.0.0.1", "::1"}
    resolver.close()


async def test_a_name_that_no_dns_can_hold_is_not_found() -> None:
    resolver = SystemResolver()
    with pytest.raises(NameNotFound, match="not a name"):
        await resolver.resolve("a" * 64 + ".example")
    resolver.close()


class Gate:
    """A lookup that hangs until it is opened, and counts who is inside."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.looked_up: list[str] = []
        self.inside = 0
        self.most_inside = 0
        self._lock = threading.Lock()

    def __call__(self, host: str) -> Sequence[str]:
        with self._lock:
            self.looked_up.append(host)
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
        self.open.wait()
        with self._lock:
            self.inside -= 1
        return ["10.0.0.1"]


async def test_one_name_is_looked_up_once_however_many_ask() -> None:
    gate = Gate()
    resolver = SystemResolver(gate)
    asking = [asyncio.create_task(resolver.resolve("web.example")) for _ in range(20)]
    await eventually(lambda: gate.inside == 1)
    gate.open.set()
    assert set(await asyncio.gather(*asking)) == {"10.0.0.1"}
    assert gate.looked_up == ["web.example"]
    resolver.close()


async def test_threads_are_bounded_and_reused() -> None:
    gate = Gate()
    resolver = SystemResolver(gate, most_threads=3)
    asking = [asyncio.create_task(resolver.resolve(f"web-{n}.example")) for n in range(10)]
    await eventually(lambda: gate.inside == 3)
    gate.open.set()
    await asyncio.gather(*asking)
    assert gate.most_inside == 3
    assert len(gate.looked_up) == 10
    resolver.close()


async def test_too_many_waiting_names_are_turned_away_as_our_own_fault() -> None:
    gate = Gate()
    resolver = SystemResolver(gate, most_threads=1, most_waiting=1)
    asking = [asyncio.create_task(resolver.resolve(f"web-{n}.example")) for n in range(2)]
    await eventually(lambda: gate.inside == 1)
    with pytest.raises(ResolutionFailed, match="2 names wait"):
        await resolver.resolve("web-3.example")
    gate.open.set()
    await asyncio.gather(*asking)
    resolver.close()


async def test_who_gives_up_does_not_take_the_answer_from_others() -> None:
    gate = Gate()
    resolver = SystemResolver(gate)
    impatient = asyncio.create_task(resolver.resolve("web.example"))
    patient = asyncio.create_task(resolver.resolve("web.example"))
    await eventually(lambda: gate.inside == 1)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    gate.open.set()
    assert await patient == "10.0.0.1"
    resolver.close()


async def test_a_literal_needs_no_thread() -> None:
    def never(host: str) -> Sequence[str]:
        raise AssertionError(host)

    assert await SystemResolver(never).resolve("10.0.0.7") == "10.0.0.7"


def test_a_process_ends_although_its_resolver_hangs() -> None:
    script = """
import asyncio, threading
from switchover.probe.resolve import SystemResolver
async def main():
    inside = threading.Event()
    def hangs(host):
        inside.set()
        threading.Event().wait()
    task = asyncio.create_task(SystemResolver(hangs).resolve("web.example"))
    await asyncio.to_thread(inside.wait)
    task.cancel()
asyncio.run(main())
print("ended")
"""
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert (ended.stdout, ended.stderr) == ("ended\n", "")
