import errno
import ssl

import pytest

from switchover.model.observation import Outcome
from switchover.probe.errors import AddressRefused, NameNotFound, ResolutionFailed
from switchover.probe.faults import CheckUnusable, finding_of, own_fault_named_in


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ECONNREFUSED, "connect_refused"),
        (errno.ECONNRESET, "connection_reset"),
        (errno.EPIPE, "connection_reset"),
        (errno.ECONNABORTED, "connection_reset"),
        (errno.ENOTCONN, "connection_reset"),
        (errno.EHOSTUNREACH, "host_unreachable"),
        (errno.ETIMEDOUT, "timeout"),
    ],
)
def test_what_the_instance_does_fails(number: int, code: str) -> None:
    finding = finding_of(OSError(number, "as said"))
    assert (finding.outcome, finding.code) == (Outcome.FAIL, code)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EMFILE, "no_file_descriptors"),
        (errno.ENFILE, "no_file_descriptors"),
        (errno.ENOBUFS, "no_memory"),
        (errno.ENOMEM, "no_memory"),
        (errno.EADDRNOTAVAIL, "no_local_address"),
        (errno.ENETUNREACH, "network_unreachable"),
        (errno.ENETDOWN, "network_unreachable"),
        (errno.EAFNOSUPPORT, "network_unreachable"),
        (errno.EPERM, "not_permitted"),
        (errno.EACCES, "not_permitted"),
        (errno.EIO, "network_error"),
    ],
)
def test_what_we_lack_is_inconclusive(number: int, code: str) -> None:
    finding = finding_of(OSError(number, "as said"))
    assert (finding.outcome, finding.code) == (Outcome.INCONCLUSIVE, code)


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (NameNotFound("gone"), Outcome.FAIL, "dns"),
        (ResolutionFailed("SERVFAIL"), Outcome.INCONCLUSIVE, "dns_unavailable"),
        (AddressRefused("metadata"), Outcome.FAIL, "address_refused"),
        (CheckUnusable("a path with spaces"), Outcome.FAIL, "request_invalid"),
        (ConnectionAbortedError("no number"), Outcome.FAIL, "connection_reset"),
        (OSError("no number"), Outcome.INCONCLUSIVE, "network_error"),
        (ssl.SSLEOFError(8, "EOF occurred"), Outcome.FAIL, "closed_early"),
    ],
)
def test_every_other_error_knows_whose_fault_it_is(
    error: OSError | NameNotFound | ResolutionFailed | AddressRefused | CheckUnusable,
    outcome: Outcome,
    code: str,
) -> None:
    finding = finding_of(error)
    assert (finding.outcome, finding.code) == (outcome, code)


def test_openssls_own_numbers_are_not_taken_for_the_systems() -> None:
    # 1 is SSL_ERROR_SSL for OpenSSL and EPERM for the operating system.
    finding = finding_of(ssl.SSLError(errno.EPERM, "[SSL: WRONG_VERSION_NUMBER] wrong version number"))
    assert (finding.outcome, finding.code) == (Outcome.FAIL, "tls")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("failed to connect: socket: Too many open files\n\x00", "no_file_descriptors"),
        ("failed to connect: Network is unreachable", "network_unreachable"),
        ("failed to connect: Connection refused", None),
        ("", None),
    ],
)
def test_our_own_lack_is_read_out_of_words_where_there_is_no_number(words: str, code: str | None) -> None:
    assert own_fault_named_in(words) == code
