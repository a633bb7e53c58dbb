"""Which addresses a webhook may go to: public ones only, however they are written."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_PROTOCOL: Final = IPv4Network("192.0.0.0/24")
"""IETF protocol assignments; a cloud's metadata service is there too."""
_METADATA: Final = frozenset({IPv4Address("168.63.129.16"), IPv6Address("fd00:ec2::254")})
"""Clouds' metadata services outside the private and link-local ranges."""


def is_public(address: str) -> bool:
    """Whether anybody on the internet could reach it: not private, link-local, shared, reserved, nor such in disguise."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = _within(parsed) if isinstance(parsed, IPv6Address) else None
    if inner is not None:
        return is_public(str(inner))
    if parsed in _PROTOCOL:
        return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved and parsed not in _METADATA


def _within(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for: mapped, compatible, 6to4, Teredo or NAT64."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    compatible = int(address) >> 32 == 0 and int(address) > 1
    if compatible or any(address in network for network in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
