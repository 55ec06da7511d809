import asyncio
import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from tests.little_servers import LittleServer, answers, little_server, stays_silent
from tests.probing import HTTP, SHORT_SECONDS, ask, due

from switchover.model.observation import Observation, Outcome
from switchover.model.policy import CheckType, HealthCheck, Scheme
from switchover.testing.fake_resolver import FakeResolver

TLS = HealthCheck(type=CheckType.TLS)
HTTPS = replace(HTTP, scheme=Scheme.HTTPS)
UNVERIFIED = replace(TLS, verify=False)
FAR = datetime.now(UTC) + timedelta(days=400)
NEAR = datetime.now(UTC) + timedelta(days=3, hours=12)
PAST = datetime(2020, 5, 4, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate authority that the engine trusts, and servers with certificates of it."""

    authority: trustme.CA
    trust: ssl.SSLContext

    def context(self, name: str = "127.0.0.1", ends: datetime = FAR) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name, not_after=ends).configure_cert(context)
        return context

    async def ask(self, server: LittleServer, check: HealthCheck, host: str = "127.0.0.1") -> Observation:
        probe = due(server.port, check, host=host)
        return await ask(probe, trust=self.trust, resolver=FakeResolver({"web.example": "127.0.0.1"}))


@pytest.fixture(scope="module")
def authority() -> Authority:
    own = trustme.CA()
    trust = ssl.create_default_context()
    own.configure_trust(trust)
    return Authority(authority=own, trust=trust)


async def test_a_valid_certificate_passes_and_its_end_is_told(authority: Authority) -> None:
    async with little_server(stays_silent, tls=authority.context()) as server:
        observation = await authority.ask(server, TLS)
    assert (observation.outcome, observation.code) == (Outcome.PASS, "ok")
    assert observation.certificate_expires_at == FAR.replace(microsecond=0)


@pytest.mark.parametrize("check", [TLS, UNVERIFIED])
async def test_a_certificate_that_ends_soon_passes_and_says_so(
    authority: Authority, check: HealthCheck
) -> None:
    async with little_server(stays_silent, tls=authority.context(ends=NEAR)) as server:
        observation = await authority.ask(server, check)
        untroubled = await authority.ask(server, replace(check, expiry_warning_days=3))
    assert (observation.outcome, observation.code) == (Outcome.PASS, "certificate_expires_soon")
    assert observation.detail.endswith(f"certificate ends {NEAR:%Y-%m-%d %H:%M} UTC, in 3 days")
    assert observation.certificate_expires_at == NEAR.replace(microsecond=0)
    assert untroubled.code == "ok"


async def test_an_expired_certificate_fails_when_verified_and_is_told_when_not(authority: Authority) -> None:
    async with little_server(stays_silent, tls=authority.context(ends=PAST)) as server:
        verified = await authority.ask(server, TLS)
        unverified = await authority.ask(server, UNVERIFIED)
    assert (verified.outcome, verified.code) == (Outcome.FAIL, "certificate_expired")
    assert (unverified.outcome, unverified.code) == (Outcome.PASS, "certificate_expired")
    assert unverified.certificate_expires_at == PAST


async def test_a_certificate_of_a_stranger_fails_unless_verification_is_off(authority: Authority) -> None:
    stranger = replace(authority, authority=trustme.CA())
    async with little_server(stays_silent, tls=stranger.context()) as server:
        verified = await authority.ask(server, TLS)
        unverified = await authority.ask(server, UNVERIFIED)
    assert (verified.outcome, verified.code) == (Outcome.FAIL, "certificate_invalid")
    assert (unverified.outcome, unverified.code) == (Outcome.PASS, "ok")
    assert unverified.certificate_expires_at == FAR.replace(microsecond=0)


async def test_the_system_trusts_no_certificate_of_ours(authority: Authority) -> None:
    async with little_server(stays_silent, tls=authority.context()) as server:
        observation = await ask(due(server.port, TLS))
    assert observation.code == "certificate_invalid"


async def test_the_name_in_the_certificate_must_match(authority: Authority) -> None:
    async with little_server(stays_silent, tls=authority.context("other.example")) as server:
        wrong = await authority.ask(server, TLS)
        named = await authority.ask(server, replace(TLS, server_name="other.example"))
    assert (wrong.outcome, wrong.code) == (Outcome.FAIL, "certificate_invalid")
    assert named.outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("server_name", "sent"),
    [(None, "web.example"), ("shop.example", "shop.example"), ("web.example.", "web.example")],
)
async def test_sni_is_the_server_name_or_the_instances_host(
    authority: Authority, server_name: str | None, sent: str
) -> None:
    names: list[str | None] = []
    context = authority.context("web.example")
    context.sni_callback = lambda _connection, name, _context: names.append(name)
    async with little_server(stays_silent, tls=context) as server:
        await authority.ask(server, replace(TLS, server_name=server_name), host="web.example")
    assert names == [sent]


@pytest.mark.parametrize("name", ["a" * 64 + ".example", ".example", "a..b", "."])
async def test_a_name_that_tls_cannot_send_fails_as_the_operators_fault(
    authority: Authority, name: str
) -> None:
    async with little_server(stays_silent, tls=authority.context()) as server:
        observation = await authority.ask(server, replace(TLS, server_name=name))
        assert server.arrivals == 0
    assert (observation.outcome, observation.code) == (Outcome.FAIL, "request_invalid")


async def test_a_server_without_tls_fails(authority: Authority) -> None:
    async with little_server(answers(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        silent = await ask(due(server.port, TLS, seconds=SHORT_SECONDS), trust=authority.trust)

    async def greets(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")

    async with little_server(greets) as server:
        talking = await authority.ask(server, TLS)
    assert (silent.outcome, silent.code) == (Outcome.FAIL, "timeout")
    assert (talking.outcome, talking.code) == (Outcome.FAIL, "tls")
    assert talking.detail == "TLS failed: wrong version number"


async def test_a_server_that_hangs_up_during_the_handshake_fails(authority: Authority) -> None:
    async def hangs_up(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with little_server(hangs_up) as server:
        observation = await authority.ask(server, TLS)
    assert observation.outcome is Outcome.FAIL
    assert observation.code in {"connection_reset", "closed_early"}


async def test_https_judges_the_answer_and_notices_the_certificate(authority: Authority) -> None:
    ok = answers(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready")
    async with little_server(ok, tls=authority.context(ends=NEAR)) as server:
        passed = await authority.ask(server, replace(HTTPS, body_contains="ready"))
        failed = await authority.ask(server, replace(HTTPS, body_contains="absent"))
    assert (passed.outcome, passed.code) == (Outcome.PASS, "certificate_expires_soon")
    assert passed.detail.startswith("status 200, text found; certificate ends ")
    assert (failed.outcome, failed.code) == (Outcome.FAIL, "body")
    assert failed.certificate_expires_at == passed.certificate_expires_at


async def test_https_with_a_certificate_of_a_stranger_fails_before_anything_is_sent(
    authority: Authority,
) -> None:
    requests: list[bytes] = []

    async def listens(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.read(1))

    stranger = replace(authority, authority=trustme.CA())
    async with little_server(listens, tls=stranger.context()) as server:
        observation = await authority.ask(server, HTTPS)
    assert observation.code == "certificate_invalid"
    assert b"".join(requests) == b""
