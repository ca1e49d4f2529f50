"""Which addresses count as the public internet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.inputs.addresses import is_public

PUBLIC = (
    "8.8.8.8",
    "1.1.1.1",
    "93.184.216.34",
    "172.15.255.255",
    "172.32.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
)
INSIDE = (
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible, deprecated
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:7f00:1",  # SIIT
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
)
NO_ADDRESS = (
    "",
    "localhost",
    "fe80::1%eth0",
    "2606:4700:4700::1111%eth0",
    "2130706433",
    "0x7f000001",
    "0x08.8.8.8",
    "0177.0.0.1",
    "08.8.8.8",
    "127.1",
    "8.8.8",
    " 8.8.8.8",
    "8.8.8.8\n",
    "8.8.8.8:80",
    "[::1]",
    "８.8.8.8",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [*INSIDE, *NO_ADDRESS])
def test_everything_else_is_not(address: str) -> None:
    assert not is_public(address)


@given(st.integers(0, 2**32 - 1))
def test_ipv4_agrees_with_the_standard_library_and_is_stricter(number: int) -> None:
    address = IPv4Address(number)
    if not address.is_global or address.is_multicast:
        assert not is_public(str(address))


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_inside_ipv6_is_judged_as_what_it_is(number: int) -> None:
    inner = is_public(str(IPv4Address(number)))
    assert is_public(str(IPv6Address((0xFFFF << 32) | number))) == inner
    assert is_public(str(IPv6Address((0x64FF9B << 96) | number))) == inner


@given(st.integers(0, 2**128 - 1))
def test_ipv6_outside_global_unicast_is_not_public(number: int) -> None:
    address = IPv6Address(number)
    if number >> 125 != 1 and address.ipv4_mapped is None and number >> 32 != 0x64FF9B << 64:
        assert not is_public(str(address))
