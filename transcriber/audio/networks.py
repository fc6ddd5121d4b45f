"""Which networks downloads may reach: public ones, and those that the operator names."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TYPE_CHECKING

from transcriber.core.errors import TranscriberError

if TYPE_CHECKING:
    from collections.abc import Iterable

Address = IPv4Address | IPv6Address
Networks = tuple[IPv4Network | IPv6Network, ...]

# All public IPv6 addresses are in this block. Addresses that embed an IPv4 address are outside of
# it (mapped, NAT64) or refused below (6to4), so that they cannot hide a private IPv4 address.
PUBLIC_IPV6 = IPv6Network("2000::/3")

# Python takes these for public, or for public in part, and no recording is there.
NOT_PUBLIC: Networks = (
    IPv4Network("168.63.129.16/32"),  # a cloud's platform, which answers its machines only
    IPv4Network("192.0.0.0/24"),  # protocol assignments; a cloud's metadata is at .192
    IPv4Network("192.88.99.0/24"),  # 6to4 relays, withdrawn by RFC 7526
    IPv6Network("3fff::/20"),  # documentation, RFC 9637
)


class InvalidNetworkError(TranscriberError):
    """The network cannot be read: write it like 10.1.0.0/16, fd00::/8 or 127.0.0.1."""


def parse_networks(texts: Iterable[str]) -> Networks:
    """Read the networks that the operator allows, written in CIDR notation."""
    networks = []
    for text in texts:
        try:
            networks.append(ip_network(text.strip()))
        except ValueError as error:
            raise InvalidNetworkError(
                f"--allow-network {text!r} is not a network: write it like 10.1.0.0/16, "
                "fd00::/8 or 127.0.0.1"
            ) from error
    return tuple(networks)


def is_allowed(address: Address, allowed: Networks) -> bool:
    """Tell whether an address is public or in a network that the operator named."""
    if any(address in network for network in allowed):
        return True
    if isinstance(address, IPv6Address) and (address not in PUBLIC_IPV6 or address.sixtofour):
        return False
    if any(address in network for network in NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast
