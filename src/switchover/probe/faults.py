"""Whose fault an error is: the one place where errors of sockets, TLS and names become findings.

An error of our own machine is INCONCLUSIVE: a replica that ran out of something must never declare the world dead.
"""

import errno
import os
import ssl

from switchover.probe.errors import AddressRefused, NameNotFound, ResolutionFailed
from switchover.probe.finding import Code, Finding

_OF_THE_INSTANCE = {
    errno.ECONNREFUSED: Code.CONNECT_REFUSED,
    errno.ECONNRESET: Code.CONNECTION_RESET,
    errno.ECONNABORTED: Code.CONNECTION_RESET,
    errno.EPIPE: Code.CONNECTION_RESET,
    errno.ENOTCONN: Code.CONNECTION_RESET,  # reset between the handshake and our first look at it
    errno.EHOSTUNREACH: Code.HOST_UNREACHABLE,
    errno.EHOSTDOWN: Code.HOST_UNREACHABLE,
    errno.ETIMEDOUT: Code.TIMEOUT,
}
_OUR_OWN = {
    errno.EMFILE: Code.NO_FILE_DESCRIPTORS,
    errno.ENFILE: Code.NO_FILE_DESCRIPTORS,
    errno.ENOBUFS: Code.NO_MEMORY,
    errno.ENOMEM: Code.NO_MEMORY,
    errno.EADDRNOTAVAIL: Code.NO_LOCAL_ADDRESS,
    errno.EADDRINUSE: Code.NO_LOCAL_ADDRESS,
    errno.EAGAIN: Code.NO_LOCAL_ADDRESS,
    errno.ENETUNREACH: Code.NETWORK_UNREACHABLE,
    errno.ENETDOWN: Code.NETWORK_UNREACHABLE,
    errno.EAFNOSUPPORT: Code.NETWORK_UNREACHABLE,
    errno.EPERM: Code.NOT_PERMITTED,
    errno.EACCES: Code.NOT_PERMITTED,
}
_CERTIFICATE_HAS_EXPIRED = 10
"""X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL's x509_vfy.h."""


class CheckUnusable(Exception):  # noqa: N818 - it names a condition, as model/errors.py does
    """The check cannot be turned into a request: the operator's fault."""


def finding_of(error: OSError | NameNotFound | ResolutionFailed | AddressRefused | CheckUnusable) -> Finding:
    """What `error` says about the instance, or about ourselves."""
    match error:
        case NameNotFound():
            return Finding.failed(Code.DNS, str(error))
        case ResolutionFailed():
            return Finding.inconclusive(Code.DNS_UNAVAILABLE, str(error))
        case AddressRefused():
            return Finding.failed(Code.ADDRESS_REFUSED, str(error))
        case CheckUnusable():
            return Finding.failed(Code.REQUEST_INVALID, str(error))
        case ssl.SSLError():
            # Before OSError, which it is: its errno counts in OpenSSL's own numbers.
            return _of_tls(error)
        case _:
            return _of_socket(error)


def own_fault_named_in(words: str) -> Code | None:
    """The fault of our own machine that `words` end on, as the operating system spells it; None without one."""
    return next((code for number, code in _OUR_OWN.items() if os.strerror(number) in words), None)


def _of_tls(error: ssl.SSLError) -> Finding:
    if isinstance(error, ssl.SSLCertVerificationError):
        expired = error.verify_code == _CERTIFICATE_HAS_EXPIRED
        code = Code.CERTIFICATE_EXPIRED if expired else Code.CERTIFICATE_INVALID
        return Finding.failed(code, f"certificate not accepted: {error.verify_message}")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Finding.failed(Code.CLOSED_EARLY, "connection closed during TLS")
    # Missing where Python code, not OpenSSL, raised the error.
    reason: str | None = getattr(error, "reason", None)
    return Finding.failed(Code.TLS, f"TLS failed: {(reason or str(error)).replace('_', ' ').lower()}")


def _of_socket(error: OSError) -> Finding:
    number = error.errno
    words = os.strerror(number).lower() if number is not None else str(error) or type(error).__name__
    if number in _OF_THE_INSTANCE:
        return Finding.failed(_OF_THE_INSTANCE[number], words)
    if number in _OUR_OWN:
        return Finding.inconclusive(_OUR_OWN[number], words)
    if isinstance(error, ConnectionError):
        # asyncio and uvloop raise these without a number when a peer goes away during the TLS handshake.
        return Finding.failed(Code.CONNECTION_RESET, words)
    return Finding.inconclusive(Code.NETWORK_ERROR, words)
