"""Which host names a server without keys answers to."""

from __future__ import annotations

import pytest

from antiphon.core.errors import Forbidden
from antiphon.http.hosts import Hosts

LOCAL = Hosts("127.0.0.1", ("box.lan",), keyed=False)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8000",
        "localhost:8000",
        "localhost",
        "[::1]:8000",
        "10.0.0.7",
        "api.localhost",
        "box.lan:1",
        "",
    ],
)
def test_our_own_names_are_answered(host: str) -> None:
    LOCAL.check({"host": host})


@pytest.mark.parametrize(
    "host", ["evil.example:8000", "evil.example", "localhost.evil.example", "EVIL.example"]
)
def test_a_rebound_name_gets_nothing(host: str) -> None:
    with pytest.raises(Forbidden, match="allowed_hosts"):
        LOCAL.check({"host": host})


@pytest.mark.parametrize(
    "hosts",
    [
        Hosts("127.0.0.1", (), keyed=True),
        Hosts("0.0.0.0", (), keyed=False),
        Hosts("127.0.0.1", ("*",), keyed=False),
    ],
)
def test_with_keys_or_for_everyone_any_name_will_do(hosts: Hosts) -> None:
    hosts.check({"host": "evil.example"})
