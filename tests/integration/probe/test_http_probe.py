from dataclasses import replace

import pytest
from tests.little_servers import (
    Behaviour,
    answers,
    closed_port,
    drips,
    floods,
    little_server,
    records,
    resets,
    stays_silent,
)
from tests.probing import HTTP, SHORT_SECONDS, ask, due

from switchover.model.observation import Outcome
from switchover.model.policy import HealthCheck, StatusRange
from switchover.testing.fake_resolver import FakeResolver

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready"
WANTS_READY = replace(HTTP, body_contains="ready")


async def test_the_expected_answer_passes_and_says_whom_it_reached_and_how_fast() -> None:
    async with little_server(answers(OK)) as server:
        observation = await ask(due(server.port, HTTP))
    assert (observation.outcome, observation.code, observation.detail) == (Outcome.PASS, "ok", "status 200")
    assert observation.resolved_host == "127.0.0.1"
    assert observation.latency_ms is not None
    assert observation.latency_ms > 0
    assert observation.certificate_expires_at is None


async def test_the_request_is_as_the_check_says_and_asks_for_no_second_one() -> None:
    requests: list[bytes] = []
    check = replace(HTTP, method="OPTIONS", path="/health?deep=1", host="shop.example")
    async with little_server(records(requests, OK)) as server:
        await ask(due(server.port, check))
    (request,) = requests
    lines = request.decode().split("\r\n")
    assert lines[0] == "OPTIONS /health?deep=1 HTTP/1.1"
    assert "host: shop.example" in [line.lower() for line in lines]
    assert "connection: close" in [line.lower() for line in lines]


async def test_the_host_header_is_the_address_as_given_not_what_it_resolved_to() -> None:
    requests: list[bytes] = []
    async with little_server(records(requests, OK)) as server:
        probe = due(server.port, HTTP, host="web-1.example")
        observation = await ask(probe, resolver=FakeResolver({"web-1.example": "127.0.0.1"}))
    assert observation.resolved_host == "127.0.0.1"
    assert f"host: web-1.example:{server.port}".encode() in requests[0].lower()


async def test_the_check_may_name_another_port() -> None:
    async with little_server(answers(OK)) as server:
        observation = await ask(due(closed_port(), replace(HTTP, port=server.port)))
    assert observation.outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("response", "expected", "outcome"),
    [
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", HTTP.expected_statuses, Outcome.FAIL),
        (
            b"HTTP/1.1 302 Go\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
            HTTP.expected_statuses,
            Outcome.PASS,
        ),
        (
            b"HTTP/1.1 302 Go\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
            (StatusRange(200, 299),),
            Outcome.FAIL,
        ),
        (
            b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
            (StatusRange(200, 200), StatusRange(404, 404)),
            Outcome.PASS,
        ),
        (
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            HTTP.expected_statuses,
            Outcome.PASS,
        ),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", HTTP.expected_statuses, Outcome.PASS),
    ],
)
async def test_only_expected_statuses_pass_and_redirects_are_not_followed(
    response: bytes, expected: tuple[StatusRange, ...], outcome: Outcome
) -> None:
    async with little_server(answers(response)) as server:
        observation = await ask(due(server.port, replace(HTTP, expected_statuses=expected)))
        assert server.arrivals == 1
    assert observation.outcome is outcome
    assert observation.code == ("ok" if outcome is Outcome.PASS else "status")


async def test_a_wrong_status_names_both_sides() -> None:
    async with little_server(answers(b"HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n")) as server:
        observation = await ask(due(server.port, HTTP))
    assert observation.detail == "status 503, expected 200-399"


async def test_head_passes_without_waiting_for_a_body_that_never_comes() -> None:
    async with little_server(drips(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"")) as server:
        observation = await ask(due(server.port, replace(HTTP, method="HEAD")))
    assert observation.outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("body", "most", "code"),
    [
        (b"not yet", 65536, "body"),
        (b"we are ready", 65536, "ok"),
        (b"." * 10 + b"ready", 14, "body"),
        (b"." * 10 + b"ready", 15, "ok"),
    ],
)
async def test_the_text_must_be_in_the_first_bytes_of_the_body(body: bytes, most: int, code: str) -> None:
    response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    async with little_server(answers(response)) as server:
        observation = await ask(due(server.port, replace(WANTS_READY, max_response_bytes=most)))
    assert observation.code == code


async def test_text_that_arrives_in_pieces_is_found() -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % letter for letter in b"ready") + b"0\r\n\r\n"
    async with little_server(
        answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    ) as server:
        observation = await ask(due(server.port, WANTS_READY))
    assert observation.outcome is Outcome.PASS


async def test_reading_stops_as_soon_as_the_text_was_found() -> None:
    async with little_server(drips(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\nready", b".")) as server:
        observation = await ask(due(server.port, WANTS_READY))
    assert observation.outcome is Outcome.PASS


async def test_an_endless_body_is_read_to_the_bound_and_no_further() -> None:
    async with little_server(floods(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 4096)) as server:
        assert (await ask(due(server.port, HTTP))).outcome is Outcome.PASS
        observation = await ask(due(server.port, WANTS_READY))
    assert (observation.code, observation.detail) == (
        "body",
        "status 200, but the text is not in the first 65536 bytes",
    )


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(stays_silent, id="accepts and says nothing"),
        pytest.param(drips(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"."), id="headers byte by byte"),
        pytest.param(
            drips(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"."), id="body byte by byte"
        ),
    ],
)
async def test_the_deadline_covers_everything_to_the_last_byte(behaviour: Behaviour) -> None:
    async with little_server(behaviour) as server:
        observation = await ask(due(server.port, HTTP, seconds=SHORT_SECONDS))
    assert (observation.outcome, observation.code) == (Outcome.FAIL, "timeout")
    assert observation.resolved_host == "127.0.0.1"


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        pytest.param(answers(b"\x00\x01\x1b[2J nonsense\r\n\r\n"), "malformed_http", id="garbage"),
        pytest.param(
            answers(b"HTTP/1.1 200 OK\r\nA: " + b"a" * 200_000), "headers_too_large", id="one huge header"
        ),
        pytest.param(
            floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 99), "headers_too_large", id="endless 1xx"
        ),
        pytest.param(
            answers(b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n"), "malformed_http", id="unasked upgrade"
        ),
        pytest.param(
            answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), "closed_early", id="half a body"
        ),
        pytest.param(answers(b"HTTP/1.1 200 OK\r\nConte"), "closed_early", id="half a header"),
        pytest.param(answers(b""), "closed_early", id="no answer at all"),
        pytest.param(resets, "connection_reset", id="reset"),
    ],
)
async def test_a_broken_answer_fails_with_its_own_code(behaviour: Behaviour, code: str) -> None:
    async with little_server(behaviour) as server:
        observation = await ask(due(server.port, HTTP))
    assert (observation.outcome, observation.code) == (Outcome.FAIL, code)
    assert observation.detail.isprintable()


@pytest.mark.parametrize(
    "check", [replace(HTTP, path="/a b"), replace(HTTP, path="/ü"), replace(HTTP, host="a\r\nX-Forged: 1")]
)
async def test_a_request_that_cannot_be_sent_fails_as_the_operators_fault(check: HealthCheck) -> None:
    async with little_server(answers(OK)) as server:
        observation = await ask(due(server.port, check))
        assert server.arrivals == 0
    assert (observation.outcome, observation.code) == (Outcome.FAIL, "request_invalid")


async def test_ipv6_is_reached_and_its_host_header_has_brackets(ipv6_loopback: str) -> None:
    requests: list[bytes] = []
    async with little_server(records(requests, OK), host=ipv6_loopback) as server:
        observation = await ask(due(server.port, HTTP, host=ipv6_loopback))
    assert observation.outcome is Outcome.PASS
    assert f"host: [::1]:{server.port}".encode() in requests[0].lower()
