"""What `probe.prober.Resolver` promises, on every implementation."""

import asyncio
import socket
from collections.abc import Iterator, Sequence

import pytest

from switchover.probe.errors import AddressRefused, NameNotFound, ResolutionFailed
from switchover.probe.prober import Resolver
from switchover.probe.resolve import SystemResolver
from switchover.testing.fake_resolver import FakeResolver


def look_up(host: str) -> Sequence[str]:
    match host:
        case "web.example":
            return ["10.0.0.7"]
        case "trap.example":
            return ["169.254.169.254"]
        case "troubled.example":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        case _:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


FAKE_ANSWERS: dict[str, str | Exception] = {
    "web.example": "10.0.0.7",
    "trap.example": "169.254.169.254",
    "troubled.example": ResolutionFailed("troubled.example: the resolver does not answer"),
}


@pytest.fixture(params=["fake", "system"])
def resolver(request: pytest.FixtureRequest) -> Iterator[Resolver]:
    if request.param == "fake":
        yield FakeResolver(FAKE_ANSWERS)
        return
    system = SystemResolver(look_up)
    yield system
    system.close()


async def test_a_name_becomes_its_address(resolver: Resolver) -> None:
    assert await resolver.resolve("web.example") == "10.0.0.7"


@pytest.mark.parametrize("literal", ["127.0.0.1", "10.1.2.3", "::1", "2001:db8::7"])
async def test_a_literal_is_answered_as_it_is(resolver: Resolver, literal: str) -> None:
    assert await resolver.resolve(literal) == literal


async def test_a_name_that_does_not_exist_is_not_found(resolver: Resolver) -> None:
    with pytest.raises(NameNotFound, match="gone"):
        await resolver.resolve("gone.example")


async def test_a_resolver_in_trouble_knows_nothing(resolver: Resolver) -> None:
    with pytest.raises(ResolutionFailed, match="troubled"):
        await resolver.resolve("troubled.example")


@pytest.mark.parametrize(
    "host",
    [
        "trap.example",
        "169.254.169.254",
        "fe80::1",
        "::ffff:169.254.169.254",
        "fd00:ec2::254",
        "metadata.google.internal",
    ],
)
async def test_an_address_that_we_never_contact_is_refused(resolver: Resolver, host: str) -> None:
    with pytest.raises(AddressRefused, match="never contacted"):
        await resolver.resolve(host)


async def test_many_may_ask_for_one_name_at_once(resolver: Resolver) -> None:
    answers = await asyncio.gather(*(resolver.resolve("web.example") for _ in range(50)))
    assert set(answers) == {"10.0.0.7"}
