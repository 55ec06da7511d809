"""What a webhook is sent, and what it is never let do."""

import json
import ssl

import pytest
import trustme
from standardwebhooks import Webhook, WebhookVerificationError
from tests.hook_server import Hook, hook_server
from tests.little_servers import closed_port, little_server, records
from tests.recovery_calls import A_SECRET, EVENT_ID, a_call

from switchover.app.clock import SystemClock
from switchover.model.recovery import RecoveryAction, RecoveryActionType, RecoveryAnswer
from switchover.probe.resolve import SystemResolver
from switchover.recover.webhook import WebhookRecoverer
from switchover.testing.fake_resolver import FakeResolver

OTHER_SECRET = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


async def answer(
    url: str,
    resolver: FakeResolver | SystemResolver | None = None,
    secrets: tuple[str, ...] = (A_SECRET,),
    tls: ssl.SSLContext | None = None,
) -> RecoveryAnswer:
    resolver = resolver or FakeResolver()
    recoverer = WebhookRecoverer(resolve=resolver.resolve, clock=SystemClock(), timeout_seconds=30, tls=tls)
    return await recoverer.recover(
        a_call(RecoveryAction(type=RecoveryActionType.WEBHOOK, url=url), secrets=secrets)
    )


async def test_the_request_is_signed_by_standard_webhooks_and_says_what_failed() -> None:
    async with hook_server() as hook:
        assert await answer(hook.url) == RecoveryAnswer(accepted=True, detail="status 202")

    ((headers, body),) = hook.requests
    assert Webhook(A_SECRET).verify(body, headers) == json.loads(body)
    assert headers["webhook-id"] == f"{EVENT_ID}-2"
    assert json.loads(body) == {
        "type": "instance.recovery",
        "data": {
            "eventId": str(EVENT_ID),
            "attempt": 2,
            "mostAttempts": 3,
            "proxyId": "web",
            "instanceId": "01980f3c-0000-7000-8000-000000000001",
            "instanceName": "web-1; touch never",
            "instanceType": "standard",
            "address": "10.0.0.1:8080",
            "reason": "Instance unhealthy (3 failures)",
        },
    }
    with pytest.raises(WebhookVerificationError):
        Webhook(A_SECRET).verify(body + " ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER_SECRET).verify(body, headers)


async def test_while_a_secret_is_being_rotated_both_verify() -> None:
    async with hook_server() as hook:
        assert (await answer(hook.url, secrets=(OTHER_SECRET, A_SECRET))).accepted

    ((headers, body),) = hook.requests
    for secret in (A_SECRET, OTHER_SECRET):
        assert Webhook(secret).verify(body, headers)


async def test_nothing_is_sent_without_a_secret() -> None:
    async with hook_server() as hook:
        refused = await answer(hook.url, secrets=())

    assert not refused.accepted
    assert "switchover secret" in refused.detail
    assert hook.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://metadata.google.internal/",
        "http://0.0.0.0/",
    ],
)
async def test_what_is_never_contacted_is_refused(url: str) -> None:
    resolver = SystemResolver()
    try:
        refused = await answer(url, resolver)
    finally:
        resolver.close()
    assert not refused.accepted
    assert "never contacted" in refused.detail


async def test_a_name_that_leads_to_a_metadata_address_is_refused_after_it_is_resolved() -> None:
    refused = await answer("http://innocent.example/", FakeResolver({"innocent.example": "169.254.169.254"}))
    assert "never contacted" in refused.detail


async def test_the_connection_goes_to_the_address_that_was_checked_and_names_the_host() -> None:
    async with hook_server() as hook:
        port = hook.url.split(":")[2].split("/")[0]
        resolver = FakeResolver({"ops.example": "127.0.0.1"})
        assert (await answer(f"http://ops.example:{port}/x", resolver)).accepted

    assert resolver.asked == ["ops.example"]
    assert hook.requests[0][0]["host"] == f"ops.example:{port}"


async def test_a_certificate_must_be_the_names() -> None:
    authority = trustme.CA()
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("ops.example").configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    requests: list[bytes] = []
    yes = records(requests, b"HTTP/1.1 204 Yes\r\nconnection: close\r\n\r\n")
    async with little_server(yes, tls=theirs) as server:
        resolver = FakeResolver({"ops.example": "127.0.0.1", "other.example": "127.0.0.1"})
        good = await answer(f"https://ops.example:{server.port}/", resolver, tls=ours)
        bad = await answer(f"https://other.example:{server.port}/", resolver, tls=ours)
        strange = await answer(f"https://ops.example:{server.port}/", resolver)

    assert good == RecoveryAnswer(accepted=True, detail="status 204")
    assert not bad.accepted
    assert "certificate" in bad.detail.lower()
    assert not strange.accepted
    assert len(requests) == 1


async def test_a_redirect_is_not_followed() -> None:
    async with hook_server() as other, hook_server() as hook:
        hook.answer = f"HTTP/1.1 307 There\r\nlocation: {other.url}\r\ncontent-length: 0\r\n\r\n".encode()
        refused = await answer(hook.url)

    assert refused == RecoveryAnswer(accepted=False, detail="status 307")
    assert other.requests == []


async def test_of_an_answer_the_status_alone_is_told(hook: Hook) -> None:
    hook.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n" + b"secret " * 20_000
    assert await answer(hook.url) == RecoveryAnswer(accepted=True, detail="status 200")


async def test_what_is_no_http_and_who_is_not_there_are_answers(hook: Hook) -> None:
    hook.answer = b"SSH-2.0-OpenSSH\r\n"
    assert not (await answer(hook.url)).accepted
    nobody = await answer(f"http://127.0.0.1:{closed_port()}/")
    assert not nobody.accepted
    assert not (await answer("http://nowhere.example/")).accepted
