"""The system's resolver, in threads of its own, and never an address that we must not contact."""

import asyncio
import ipaddress
import queue
import socket
import threading
from collections.abc import Callable, Sequence

from switchover.model.address import is_ip, refusal
from switchover.probe.errors import AddressRefused, NameNotFound, ResolutionFailed
from switchover.probe.prober import Resolver

_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY})
"""NXDOMAIN, and a name that has no address. Every other code of getaddrinfo (RFC 3493, section 6.1) says that the
resolver could not tell: EAI_AGAIN is a timeout or SERVFAIL, the rest is our own machine."""


def look_up(host: str) -> Sequence[str]:
    """Every address of `host`, by the C library's rules (hosts file, DNS); blocks.

    Raises:
        OSError: `socket.gaierror` with getaddrinfo's code, or what the operating system lacks.
        UnicodeError: The name cannot be written in DNS.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for _, _, _, _, address in found]


class SystemResolver(Resolver):
    """Resolves names with getaddrinfo, on at most `most_threads` daemon threads.

    getaddrinfo cannot be cancelled, and a resolver that hangs can hold it for half a minute. So the loop's shared
    executor is left alone, lookups of one name at the same time are one lookup (a name that hangs holds one thread),
    and neither cancelling `resolve` nor ending the process waits for a thread. Nothing is cached here.

    Args:
        lookup: Gives every address of a name, blocking; raises as `look_up` does.
        most_threads: How many names are looked up at once, 1 or more.
        most_waiting: How many more names may wait for a thread, 1 or more.
    """

    def __init__(
        self,
        lookup: Callable[[str], Sequence[str]] = look_up,
        *,
        most_threads: int = 16,
        most_waiting: int = 10_000,
    ) -> None:
        self._lookup = lookup
        self._most_threads = most_threads
        self._most_under_way = most_threads + most_waiting
        self._under_way: dict[str, asyncio.Future[str]] = {}
        self._work: queue.SimpleQueue[_Lookup | None] = queue.SimpleQueue()
        self._threads = 0

    async def resolve(self, host: str) -> str:
        """See `Resolver.resolve`. IPv4 goes before IPv6.

        Raises:
            NameNotFound: The name does not exist, has no address, or cannot be written in DNS.
            ResolutionFailed: The resolver could not tell, or too many names wait for it.
            AddressRefused: Every address is one we never contact, or the name itself is.
        """
        reason = refusal(host)
        if reason is not None:
            raise AddressRefused(f"{host} is never contacted: {reason}")
        if is_ip(host):
            return host
        answer = self._under_way.get(host)
        if answer is None:
            answer = self._start(host)
        # Shielded: whoever gives up first must not take the answer from the others.
        return await asyncio.shield(answer)

    def close(self) -> None:
        """Let idle threads end; one inside a lookup ends after it, and nobody waits for it."""
        for _ in range(self._threads):
            self._work.put(None)
        self._threads = 0

    def _start(self, host: str) -> asyncio.Future[str]:
        if len(self._under_way) >= self._most_under_way:
            raise ResolutionFailed(
                f"{host} was not looked up: {len(self._under_way)} names wait for the resolver"
            )
        loop = asyncio.get_running_loop()
        if self._threads < min(self._most_threads, len(self._under_way) + 1):
            self._start_thread()
        answer: asyncio.Future[str] = loop.create_future()
        answer.add_done_callback(lambda done: self._end(host, done))
        self._under_way[host] = answer
        self._work.put(_Lookup(host, self._lookup, loop, answer))
        return answer

    def _start_thread(self) -> None:
        name = f"resolver {self._threads}"
        thread = threading.Thread(target=_serve, args=(self._work,), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            if self._threads == 0:
                raise ResolutionFailed("no thread is left to look up names") from error
            return  # those that run will do
        self._threads += 1

    def _end(self, host: str, answer: asyncio.Future[str]) -> None:
        del self._under_way[host]
        if not answer.cancelled():
            answer.exception()  # seen: those who asked may all have given up


class _Lookup:
    """One name being looked up: made on the loop, done on a thread, answered on the loop."""

    def __init__(
        self,
        host: str,
        lookup: Callable[[str], Sequence[str]],
        loop: asyncio.AbstractEventLoop,
        answer: asyncio.Future[str],
    ) -> None:
        self._host = host
        self._lookup = lookup
        self._loop = loop
        self._answer = answer

    def make(self) -> None:
        """Look up, choose, and hand the answer to the loop; raises nothing."""
        try:
            found: str | Exception = choose(self._host, self._lookup(self._host))
        except (NameNotFound, AddressRefused) as error:
            found = error
        except socket.gaierror as error:
            kind = NameNotFound if error.errno in _NO_SUCH_NAME else ResolutionFailed
            found = kind(f"{self._host}: {error.strerror}")
        except OSError as error:
            # Such as no file descriptor left for a question to the name server.
            found = ResolutionFailed(f"{self._host}: {error.strerror}")
        except UnicodeError:
            found = NameNotFound(f"{self._host} is not a name that DNS can hold")
        except Exception as error:  # noqa: BLE001 - it travels to whoever asked, with its own traceback
            found = error
        try:
            self._loop.call_soon_threadsafe(self._tell, found)
        except RuntimeError:
            return  # the loop is closed: the process is ending, and nobody waits

    def _tell(self, found: str | Exception) -> None:
        if self._answer.done():
            return
        if isinstance(found, str):
            self._answer.set_result(found)
        else:
            self._answer.set_exception(found)


def choose(host: str, addresses: Sequence[str]) -> str:
    """The lowest address that may be contacted, IPv4 before IPv6.

    Raises:
        NameNotFound: There is no address at all.
        AddressRefused: There is none that may be contacted.
    """
    # A zone ("%eth0") would hide a link-local address from the check.
    found = {ipaddress.ip_address(address.partition("%")[0]) for address in addresses}
    if not found:
        raise NameNotFound(f"{host} has no address")
    allowed = [address for address in found if refusal(str(address)) is None]
    if not allowed:
        lowest = str(min(found, key=_order))
        raise AddressRefused(f"{host} leads to {lowest}, which is never contacted: {refusal(lowest)}")
    return str(min(allowed, key=_order))


def _order(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> tuple[int, int]:
    return (address.version, int(address))


def _serve(work: "queue.SimpleQueue[_Lookup | None]") -> None:
    while (lookup := work.get()) is not None:
        lookup.make()
