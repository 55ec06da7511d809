"""HTTP/1.1 (RFC 9112) on a connection of its own: status and body are as expected. Redirects are not followed."""

import asyncio

import h11

from switchover.model.policy import Scheme
from switchover.probe.attempt import Attempt
from switchover.probe.connection import stream
from switchover.probe.faults import CheckUnusable
from switchover.probe.finding import Code, Finding
from switchover.probe.tls import certificate_end, with_certificate

MOST_HEADER_BYTES = 32768
"""Of the headers of one response."""
MOST_BYTES_BEFORE_RESPONSE = 2 * MOST_HEADER_BYTES
"""Of everything up to the end of the final response's headers: interim (1xx) responses could go on for ever."""
_READ_BYTES = 16384


async def probe_http(attempt: Attempt) -> Finding:
    """Send one request and judge the answer.

    An unexpected status fails at once, and text that was found passes at once. Without wanted text the body is read
    to its end or to `max_response_bytes`, so that an answer that starts well and then hangs fails by the deadline.
    The text is looked for in the bytes as sent, encoded as UTF-8; compression is declined.

    Raises:
        OSError: As the operating system or OpenSSL says it.
        CheckUnusable: The check has a path, Host or server name that cannot be sent.
    """
    machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEADER_BYTES)
    request = _request(machine, attempt)
    tls = attempt.check.scheme is Scheme.HTTPS
    async with stream(attempt, tls=tls) as (reader, writer):
        end = certificate_end(writer) if tls else None
        writer.write(request)
        answer = _Answer(machine, reader)
        try:
            finding = await _judge(answer, attempt)
        except h11.RemoteProtocolError as error:
            finding = answer.finding_of(error)
    return with_certificate(finding, end, attempt)


def _request(machine: h11.Connection, attempt: Attempt) -> bytes:
    check = attempt.check
    headers = [
        ("Host", check.host or str(attempt.address)),
        ("User-Agent", "switchover-probe"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
    ]
    try:
        head = machine.send(h11.Request(method=check.method, target=check.path, headers=headers))
        end = machine.send(h11.EndOfMessage())
    except (h11.LocalProtocolError, UnicodeEncodeError) as error:
        raise CheckUnusable(f"method, path or host cannot be sent: {error}") from error
    return (head or b"") + (end or b"")


class _Answer:
    """The answer, event by event."""

    def __init__(self, machine: h11.Connection, reader: asyncio.StreamReader) -> None:
        self._machine = machine
        self._reader = reader
        self._begun = False
        self._ended = False
        self._bytes_read = 0

    async def next_event(self) -> h11.Event:
        """The answer's next event.

        Raises:
            h11.RemoteProtocolError: The peer does not speak HTTP/1.1, ended too early or sent too much.
        """
        while not isinstance(event := self._machine.next_event(), h11.Event):
            if event is h11.PAUSED:
                raise h11.RemoteProtocolError("nothing can follow")
            if not self._begun and self._bytes_read > MOST_BYTES_BEFORE_RESPONSE:
                raise h11.RemoteProtocolError("no end of interim responses", error_status_hint=431)
            received = await self._reader.read(_READ_BYTES)
            self._bytes_read += len(received)
            self._ended = self._ended or not received
            self._machine.receive_data(received)
        self._begun = self._begun or isinstance(event, h11.Response)
        return event

    def finding_of(self, error: h11.RemoteProtocolError) -> Finding:
        """The failure that a broken answer is."""
        if error.error_status_hint == 431:  # noqa: PLR2004 - "Request Header Fields Too Large", RFC 6585
            return Finding.failed(Code.HEADERS_TOO_LARGE, f"more than {MOST_HEADER_BYTES} bytes of headers")
        if self._ended:
            what = "the body was whole" if self._begun else "a response came"
            return Finding.failed(Code.CLOSED_EARLY, f"connection closed before {what}")
        return Finding.failed(Code.MALFORMED_HTTP, f"not HTTP/1.1: {error}")


async def _judge(answer: _Answer, attempt: Attempt) -> Finding:
    check = attempt.check
    event = await answer.next_event()
    while isinstance(event, h11.InformationalResponse):
        event = await answer.next_event()
    if not isinstance(event, h11.Response):
        raise h11.RemoteProtocolError("no response")
    status = event.status_code
    if not any(status in expected for expected in check.expected_statuses):
        expected_words = ", ".join(map(str, check.expected_statuses))
        return Finding.failed(Code.STATUS, f"status {status}, expected {expected_words}")
    wanted = (check.body_contains or "").encode()
    body = bytearray()
    while len(body) < check.max_response_bytes and isinstance(event := await answer.next_event(), h11.Data):
        # The text may lie across two pieces.
        search_from = max(0, len(body) - len(wanted) + 1)
        body += event.data[: check.max_response_bytes - len(body)]
        if wanted and body.find(wanted, search_from) >= 0:
            return Finding.passed(f"status {status}, text found")
    if wanted:
        return Finding.failed(
            Code.BODY, f"status {status}, but the text is not in the first {len(body)} bytes"
        )
    return Finding.passed(f"status {status}")
