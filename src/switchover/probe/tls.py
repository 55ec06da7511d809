"""TLS: the handshake succeeds, and the certificate's end is noticed."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from cryptography import x509

from switchover.model.observation import Outcome
from switchover.probe.attempt import Attempt
from switchover.probe.connection import stream
from switchover.probe.finding import Code, Finding


async def probe_tls(attempt: Attempt) -> Finding:
    """Connect, make the handshake, close.

    Raises:
        OSError: As the operating system or OpenSSL says it.
        CheckUnusable: The server name cannot be sent.
    """
    async with stream(attempt, tls=True) as (_, writer):
        version = writer.get_extra_info("ssl_object").version()
        return with_certificate(Finding.passed(f"{version} handshake done"), certificate_end(writer), attempt)


def certificate_end(writer: asyncio.StreamWriter) -> datetime | None:
    """When the peer's certificate ends (UTC); None when it sent none that can be read."""
    # Python's own parsed form is empty when certificates are not verified; the encoded one never is.
    encoded = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    if encoded is None:
        return None
    try:
        return x509.load_der_x509_certificate(encoded).not_valid_after_utc
    except ValueError:
        return None


def with_certificate(finding: Finding, end: datetime | None, attempt: Attempt) -> Finding:
    """`finding` with the certificate's end; a pass says so when it is near or past."""
    finding = replace(finding, certificate_expires_at=end)
    if end is None or finding.outcome is not Outcome.PASS:
        return finding
    left = end - attempt.now
    if left <= timedelta(0):
        return replace(
            finding,
            code=Code.CERTIFICATE_EXPIRED,
            detail=f"{finding.detail}; certificate ended {end:%Y-%m-%d %H:%M} UTC",
        )
    if left < timedelta(days=attempt.check.expiry_warning_days):
        return replace(
            finding,
            code=Code.CERTIFICATE_EXPIRES_SOON,
            detail=f"{finding.detail}; certificate ends {end:%Y-%m-%d %H:%M} UTC, in {left.days} days",
        )
    return finding
