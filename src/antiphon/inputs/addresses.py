"""Which IP addresses belong to the public internet.

IPv6 is a list of what may be reached, IPv4 of what may not: the IANA special-purpose address registries
(RFC 6890 and its updates), and addresses that clouds answer on from inside.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_IPV4_RESERVED = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; also metadata of one cloud
        "127.0.0.0/8",
        "168.63.129.16/32",  # the platform address of one cloud, reachable only from inside
        "169.254.0.0/16",  # link-local: metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # IETF protocol assignments; also metadata of one cloud
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_IPV6_GLOBAL = IPv6Network("2000::/3")
_IPV6_RESERVED = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: any IPv4 address inside
        "3fff::/20",
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_MAPPED = IPv6Network("::ffff:0:0/96")


def is_public(address: str) -> bool:
    """Whether `address` is one canonical IP address of the public internet.

    Zone ids, decimal, octal, hexadecimal and shortened forms are not canonical.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return _public_v4(parsed)
    return parsed.scope_id is None and _public_v6(parsed)


def _public_v4(address: IPv4Address) -> bool:
    return not any(address in network for network in _IPV4_RESERVED)


def _public_v6(address: IPv6Address) -> bool:
    if address in _NAT64 or address in _MAPPED:
        return _public_v4(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _IPV6_GLOBAL and not any(address in network for network in _IPV6_RESERVED)
