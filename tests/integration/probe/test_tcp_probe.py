import errno
import socket

import pytest
from tests.little_servers import closed_port, little_server, stays_silent
from tests.probing import TCP, ask, due

from switchover.model.observation import Outcome
from switchover.probe.connection import refuse_own_echo
from switchover.probe.errors import NameNotFound, ResolutionFailed
from switchover.testing.fake_resolver import FakeResolver


async def test_a_port_that_accepts_passes_although_it_says_nothing() -> None:
    async with little_server(stays_silent) as server:
        observation = await ask(due(server.port))
    assert (observation.outcome, observation.code) == (Outcome.PASS, "ok")


async def test_a_port_that_nobody_listens_on_fails_as_refused() -> None:
    observation = await ask(due(closed_port()))
    assert (observation.outcome, observation.code) == (Outcome.FAIL, "connect_refused")
    assert observation.detail == "connection refused"
    assert observation.latency_ms is not None


async def test_a_socket_connected_to_itself_counts_as_refused() -> None:
    with socket.socket() as itself:
        itself.bind(("127.0.0.1", 0))
        itself.connect(itself.getsockname())
        with pytest.raises(ConnectionRefusedError) as refusal:
            refuse_own_echo(itself)
    assert refusal.value.errno == errno.ECONNREFUSED


async def test_a_name_that_does_not_exist_fails_without_a_connection() -> None:
    observation = await ask(due(80, host="gone.example"), resolver=FakeResolver())
    assert (observation.outcome, observation.code) == (Outcome.FAIL, "dns")
    assert observation.resolved_host is None
    assert observation.latency_ms is None


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        (NameNotFound("gone.example has no address"), Outcome.FAIL, "dns"),
        (ResolutionFailed("the resolver answered SERVFAIL"), Outcome.INCONCLUSIVE, "dns_unavailable"),
        ("169.254.169.254", Outcome.FAIL, "address_refused"),
    ],
)
async def test_what_resolving_ends_with_decides_whose_fault_it_is(
    answer: str | Exception, outcome: Outcome, code: str
) -> None:
    observation = await ask(due(80, TCP, host="web.example"), resolver=FakeResolver({"web.example": answer}))
    assert (observation.outcome, observation.code) == (outcome, code)
    assert observation.resolved_host is None
