"""Which addresses the guard takes for public, and how it reads the operator's networks."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from transcriber.audio.networks import InvalidNetworkError, is_allowed, parse_networks

PUBLIC = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2001:4860:4860::8888", "2a00:1450::1"]

NOT_PUBLIC = {
    "this host": "0.0.0.0",  # noqa: S104
    "this network": "0.1.2.3",
    "loopback": "127.0.0.1",
    "all of loopback": "127.255.255.254",
    "private, 10": "10.0.0.1",
    "private, 172": "172.31.255.255",
    "private, 192": "192.168.1.1",
    "carrier's NAT": "100.64.0.1",
    "link-local, where clouds keep credentials": "169.254.169.254",
    "protocol assignments": "192.0.0.1",
    "protocol assignments that is_global holds for": "192.0.0.9",
    "a cloud's metadata": "192.0.0.192",
    "6to4 relay": "192.88.99.1",
    "a cloud's platform": "168.63.129.16",
    "documentation": "192.0.2.1",
    "benchmarks": "198.18.0.1",
    "multicast": "224.0.0.1",
    "multicast that is_global holds for": "239.1.1.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 this host": "::",
    "IPv6 loopback": "::1",
    "IPv6 unique local": "fd00::1",
    "IPv6 link-local": "fe80::1",
    "IPv6 link-local with a zone": "fe80::1%lo",
    "IPv6 site-local": "fec0::1",
    "IPv6 multicast": "ff02::1",
    "IPv6 documentation": "2001:db8::1",
    "IPv6 documentation, the newer block": "3fff::1",
    "IPv4-mapped private": "::ffff:10.0.0.1",
    "IPv4-mapped public, which no host needs": "::ffff:8.8.8.8",
    "IPv4-compatible": "::127.0.0.1",
    "IPv4-translated": "::ffff:0:127.0.0.1",
    "NAT64": "64:ff9b::7f00:1",
    "NAT64 of a local network": "64:ff9b:1::7f00:1",
    "6to4": "2002:7f00:1::1",
    "Teredo": "2001:0:7f00:1::1",
    "discard only": "100::1",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(ip_address(address), ())


@pytest.mark.parametrize("address", NOT_PUBLIC.values(), ids=NOT_PUBLIC.keys())
def test_other_addresses_are_allowed_only_when_their_network_is_named(address: str) -> None:
    parsed = ip_address(address)
    assert not is_allowed(parsed, ())
    assert not is_allowed(parsed, parse_networks(["203.0.113.0/24", "2001:db8:ffff::/48"]))
    assert is_allowed(parsed, parse_networks([address.partition("%")[0]]))


def test_a_named_network_opens_no_disguise_of_its_addresses() -> None:
    allowed = parse_networks(["127.0.0.0/8"])
    assert is_allowed(ip_address("127.0.0.1"), allowed)
    assert not is_allowed(ip_address("::ffff:127.0.0.1"), allowed)
    assert not is_allowed(ip_address("64:ff9b::7f00:1"), allowed)


def test_networks_are_read_in_cidr_notation() -> None:
    networks = parse_networks(["10.1.0.0/16", " fd00::/8 ", "127.0.0.1"])
    assert [str(network) for network in networks] == ["10.1.0.0/16", "fd00::/8", "127.0.0.1/32"]
    assert parse_networks([]) == ()


@pytest.mark.parametrize("text", ["", "office", "10.0.0.0/33", "10.0.0.1/8", "1.2.3", "*", "a\nb"])
def test_a_network_that_cannot_be_read_is_named_in_one_line(text: str) -> None:
    with pytest.raises(InvalidNetworkError) as caught:
        parse_networks(["127.0.0.1", text])
    assert repr(text) in str(caught.value)
    assert "\n" not in str(caught.value)
