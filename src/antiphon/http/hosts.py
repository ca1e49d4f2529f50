"""Which host names this server answers to: a page that rebinds its own name to this machine gets nothing."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from antiphon.core.errors import Forbidden


class Hosts:
    """Without keys, on a loopback address, only the browser's idea of who we are stands between us and pages.

    A page of `evil.example` whose name is made to lead to 127.0.0.1 is of one origin with us; its requests
    still say `Host: evil.example`.
    """

    def __init__(self, listen: str, allowed: tuple[str, ...], *, keyed: bool) -> None:
        self._allowed = frozenset(name.lower() for name in allowed)
        self._open = keyed or "*" in allowed or not _is_loopback(listen)

    def check(self, request: Mapping[str, str]) -> None:
        """Raises `Forbidden` for a request to a name that is not ours."""
        if self._open:
            return
        name = _name(request.get("host", ""))
        if name in ("", "localhost", *self._allowed) or name.endswith(".localhost") or _is_address(name):
            return
        raise Forbidden("This server does not answer to this host name; see the setting http.allowed_hosts.")


def _name(host: str) -> str:
    """The name or address of a `Host` header, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(listen: str) -> bool:
    return listen == "localhost" or (_is_address(listen) and ip_address(listen).is_loopback)
