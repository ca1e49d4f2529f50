"""Who calls: keys, tenants, and what of a request's headers is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

from starlette.types import Scope

from antiphon.config import ApiKey
from antiphon.core.errors import Auth
from antiphon.http.faults import HeadersTooLarge
from antiphon.ports import Caller, Tenant

_RECORDED = (
    "user-agent",
    "x-client-request-id",
    "originator",
    "openai-organization",
    "openai-project",
    "openai-beta",
)
"""Request headers that may be recorded with a response: they hold no secrets."""

_MOST_HEADERS = 256
_PLAIN = re.compile(r"[\x21-\x7e]{1,128}")


def headers_of(scope: Scope, max_bytes: int) -> dict[str, str]:
    """Lower-case headers; the first of each name counts. Raises `HeadersTooLarge`."""
    pairs: Sequence[tuple[bytes, bytes]] = scope["headers"]
    size = len(scope.get("raw_path", b"")) + len(scope.get("query_string", b""))
    size += sum(len(name) + len(value) + 4 for name, value in pairs)
    if size > max_bytes or len(pairs) > _MOST_HEADERS:
        raise HeadersTooLarge(
            f"The request headers exceed what this server takes: {max_bytes} bytes, {_MOST_HEADERS} lines.",
            headers={"connection": "close"},
        )
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(pairs)}


class Guard:
    """Knows the configured keys, by their digests alone. No keys: everyone is tenant `default`."""

    def __init__(self, keys: Sequence[ApiKey]) -> None:
        self._tenants: list[tuple[bytes, Tenant]] = [(_digest(key.key), key.tenant) for key in keys]

    @property
    def has_keys(self) -> bool:
        return bool(self._tenants)

    def caller(self, headers: Mapping[str, str], request_id: str) -> Caller:
        """Raises `Auth`."""
        tenant = self._tenant(_presented(headers)) if self.has_keys else "default"
        return Caller(tenant, request_id, {name: headers[name] for name in _RECORDED if name in headers})

    def _tenant(self, key: str | None) -> Tenant:
        if not key:
            raise Auth(
                "No API key was provided. Send it in the Authorization header as 'Bearer YOUR_KEY', "
                "or in the api-key header.",
                headers={"www-authenticate": "Bearer"},
            )
        digest = hashlib.sha256(key.encode("latin-1")).hexdigest().encode()
        found: Tenant | None = None
        for known, tenant in self._tenants:  # all of them, in constant time each
            if hmac.compare_digest(known, digest):
                found = tenant
        if found is None:
            raise Auth(f"Incorrect API key provided: {masked(key)}.", headers={"www-authenticate": "Bearer"})
        return found


def _digest(configured: str) -> bytes:
    """The SHA-256 of a configured key in hex, which may be given as `sha256:<hex>` already."""
    if configured.startswith("sha256:"):
        return configured.removeprefix("sha256:").lower().encode()
    return hashlib.sha256(configured.encode()).hexdigest().encode()


def _presented(headers: Mapping[str, str]) -> str | None:
    """The key of a request: `Authorization: Bearer`, or Azure's `api-key` (CLIENTS.md §4.13)."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return key.strip()
    return headers.get("api-key", "").strip() or None


def masked(key: str) -> str:
    """Enough of a wrong key for its owner to recognise it, and no more."""
    return f"{key[:3]}…{key[-4:]}" if len(key) >= 16 and key.isascii() and key.isprintable() else "…"


def echo(value: str | None) -> str | None:
    """A request header's value that may stand in a reply; None where it may not."""
    return value if value is not None and _PLAIN.fullmatch(value) else None
