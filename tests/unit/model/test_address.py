"""Addresses that users give."""

import pytest

from switchover.model.address import Address, parse_address, refusal
from switchover.model.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("10.0.0.7:8080", "10.0.0.7", 8080),
        ("[2001:db8::7]:443", "2001:db8::7", 443),
        ("web-1.example:1", "web-1.example", 1),
        ("localhost:65535", "localhost", 65535),
    ],
)
def test_a_well_formed_address_is_read_and_written_back(text: str, host: str, port: int) -> None:
    address = parse_address(text)
    assert address == Address(host, port)
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "web",
        "web:",
        ":80",
        "web:0",
        "web:65536",
        "web:000080",
        "web:8x",
        "2001:db8::7:80",
        "[10.0.0.7]:80",
        "10.0.0:80",
        "1.2.3.400:80",
        "a b:80",
        "-a:80",
        "fe80::1%eth0:80",
        "web:٣",
        f"{'a' * 254}:80",
    ],
)
def test_anything_else_is_refused_with_field_value_and_shape(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_address(text, "instanceData.address")
    problem = caught.value.problems[0]
    assert (problem.field, problem.value) == ("instanceData.address", text)
    assert "host:port" in problem.allowed


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "0.0.0.0",
        "224.0.0.1",
        "metadata.google.internal",
        "METADATA.google.internal.",
    ],
)
def test_link_local_and_metadata_addresses_are_never_contacted_in_any_disguise(host: str) -> None:
    assert refusal(host) is not None


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "::1", "fd00::1", "web.example"])
def test_private_and_loopback_addresses_are_allowed(host: str) -> None:
    assert refusal(host) is None
