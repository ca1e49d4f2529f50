"""Cross-origin access for browsers, where the settings name origins (Fetch Standard, CORS protocol)."""

from __future__ import annotations

from collections.abc import Mapping

from antiphon.core.errors import Forbidden

_EXPOSED = (
    "x-request-id, openai-processing-ms, openai-version, x-antiphon-dropped-tools, retry-after, "
    "x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests, "
    "x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens"
)
_PREFLIGHT_AGE_S = 600


class Cors:
    """Which headers let a page of some origin read our replies."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._any = "*" in origins
        self._origins = frozenset(origins)

    def headers(self, request: Mapping[str, str]) -> dict[str, str]:
        """For any reply; empty where the origin is not allowed or the request names none."""
        origin = request.get("origin")
        if origin is None or not self._allows(origin):
            return {}
        return {
            "access-control-allow-origin": "*" if self._any else origin,
            "access-control-expose-headers": _EXPOSED,
            "vary": "origin",
        }

    def preflight(self, request: Mapping[str, str], methods: str) -> dict[str, str]:
        """What an OPTIONS reply adds to `headers`."""
        if not self.headers(request) or "access-control-request-method" not in request:
            return {}
        wanted = request.get("access-control-request-headers", "")
        return {
            "access-control-allow-methods": methods,
            "access-control-allow-headers": wanted if wanted.isascii() and wanted.isprintable() else "",
            "access-control-max-age": str(_PREFLIGHT_AGE_S),
        }

    def check(self, request: Mapping[str, str]) -> None:
        """Let programs, our own pages and configured origins act here. Raises `Forbidden`.

        Without keys any page in a browser could otherwise open a WebSocket to this machine, or POST to it:
        it could not read the answer, but the models would run and the items would be stored.
        """
        origin = request.get("origin")
        if origin is None or self._allows(origin) or origin.partition("://")[2] == request.get("host"):
            return
        raise Forbidden("Pages of this origin may not do this; see the setting http.cors_origins.")

    def _allows(self, origin: str) -> bool:
        return self._any or origin in self._origins
