"""Addresses that users give, and which of them we refuse to contact."""

import ipaddress
import re
from dataclasses import dataclass

from switchover.model.errors import FieldProblem, InvalidInput

_HOSTNAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?\Z"
)
# AWS answers metadata on an address outside link-local too; Alibaba and Oracle use the others.
_METADATA = frozenset({"fd00:ec2::254", "100.100.100.200", "192.0.0.192"})
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data"})

ADDRESS_SHAPE = "allowed is host:port, such as 10.0.0.7:8080, [2001:db8::7]:8080 or web-1.example:8080, with a port from 1 to 65535"
HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Address:
    """A host (name, IPv4 or IPv6 without brackets) and a port from 1 to 65535."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, field: str = "address") -> Address:
    """Read `host:port`.

    Raises:
        InvalidInput: `text` has another shape, or names a host that `refusal` refuses.
    """
    host, separator, port_text = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    well_formed = (
        separator
        and port_text.isascii()
        and port_text.isdigit()
        and len(port_text) <= len(str(HIGHEST_PORT))
        and 1 <= int(port_text) <= HIGHEST_PORT
        and ((is_ip(host) and (":" in host) == bracketed) or (not bracketed and _is_hostname(host)))
    )
    if not well_formed:
        raise InvalidInput(FieldProblem(field, text, ADDRESS_SHAPE))
    reason = refusal(host)
    if reason is not None:
        raise InvalidInput(FieldProblem(field, text, f"{reason}; allowed is any other host"))
    return Address(host=host, port=int(port_text))


def refusal(host: str) -> str | None:
    """Why we never contact `host` (an IP address or a name); None when we may.

    Link-local and cloud metadata addresses answer with secrets of the machine we run on
    (server-side request forgery, OWASP SSRF prevention). The check holds for literals at the
    door and again for every address that a name resolves to.
    """
    if not is_ip(host):
        return "it names a metadata service" if host.rstrip(".").lower() in _METADATA_NAMES else None
    ip = _innermost(ipaddress.ip_address(host))
    if str(ip) in _METADATA:
        return "it is a metadata address"
    if ip.is_link_local:
        return "it is a link-local address"
    if ip.is_multicast or ip.is_unspecified:
        return "it is not the address of one host"
    return None


def _innermost(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 address leads to: mapped (RFC 4291), 6to4 (RFC 3056) or NAT64 (RFC 6052)."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def is_wildcard(host: str) -> bool:
    """Whether `host` is the literal that stands for every address of a machine."""
    return is_ip(host) and ipaddress.ip_address(host).is_unspecified


def is_ip(host: str) -> bool:
    """Whether `host` is an IPv4 or IPv6 literal without a zone."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def is_loopback(host: str) -> bool:
    """Whether only the machine itself reaches `host`, an IP literal without a zone."""
    return ipaddress.ip_address(host).is_loopback


def _is_hostname(host: str) -> bool:
    # A name of digits and dots alone is a mistyped IPv4 address; resolvers read it as one.
    return _HOSTNAME.match(host) is not None and not host.replace(".", "").isdigit()
