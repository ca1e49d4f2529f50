"""HTTP to one Chat Completions server: one session, bounded waits, failures in our words.

No message holds the engine's URL or key.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import cast

import aiohttp
import msgspec
from yarl import URL

from antiphon.config import EngineSettings
from antiphon.core.chat.dialect import Dialect
from antiphon.core.chat.faults import answer_failure
from antiphon.core.deltas import JSON
from antiphon.core.errors import EngineFailure

QUERY_TIMEOUT_S = 30.0
"""A whole small exchange: listing models, counting tokens."""
MAX_RETRY_AFTER_S = 5.0
"""The longest `Retry-After` that is waited for here; a longer one is the client's to wait."""
ERROR_BODY_BYTES = 64 * 1024
SECRET_LENGTH = 4
"""Shorter settings are words that a message may hold by chance."""
RETRIED_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Address:
    """`api` is what `chat/completions` hangs below; `root` is where a server's own routes are."""

    api: URL
    root: URL

    @staticmethod
    def of(url: str) -> Address:
        """A URL without a path means its `/v1`. Raises `ValueError` for what is no HTTP URL."""
        base = URL(url)
        if base.scheme not in ("http", "https") or not base.host:
            raise ValueError("The URL of an engine must begin with http:// or https://.")
        path = base.path.rstrip("/") or "/v1"
        return Address(_with_path(base, path), _with_path(base, path.removesuffix("/v1")))


Refusal = Callable[[int, bytes, Dialect, "float | None"], EngineFailure]
"""What an answer other than 200 means: its status, body and `Retry-After` in seconds."""


class EngineHttp:
    """The connections to one server. `now` is Unix time, for `Retry-After` dates."""

    def __init__(
        self, settings: EngineSettings, now: Callable[[], float], refusal: Refusal = answer_failure
    ) -> None:
        self._meaning = refusal
        self.address = Address.of(settings.url or "")
        self._settings = settings
        self._now = now
        self._session: aiohttp.ClientSession | None = None
        place = self.address.api.authority
        known = (settings.url, settings.key, *settings.headers.values(), place if "." in place else None)
        self._secrets = sorted((s for s in known if s and len(s) >= SECRET_LENGTH), key=len, reverse=True)

    async def stream(
        self, body: JSON, dialect: Dialect, path: str = "chat/completions"
    ) -> aiohttp.ClientResponse:
        """Send a turn; the response whose status is 200. Raises `EngineFailure`."""
        response = await self._accepted(self.api(path), body, dialect)
        if response.content_type == "text/html":
            response.close()
            raise EngineFailure("malformed", "The engine answered with a web page instead of a stream.")
        return response

    async def query(self, url: URL, dialect: Dialect, body: JSON | None = None) -> Answer:
        """GET, or POST a body, and read the JSON answer. Raises `EngineFailure`."""
        try:
            async with asyncio.timeout(QUERY_TIMEOUT_S):
                response = await self._accepted(url, body, dialect)
                content = await self._whole(response, self._settings.max_event_bytes)
                return Answer(msgspec.json.decode(content), response.headers)
        except TimeoutError:
            raise EngineFailure("timeout", "The engine did not answer in time.") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise EngineFailure("malformed", "The engine answered something else than JSON.") from None

    def api(self, path: str) -> URL:
        return _below(self.address.api, path)

    def root(self, path: str) -> URL:
        return _below(self.address.root, path)

    def cleaned(self, failure: EngineFailure) -> EngineFailure:
        """The failure without the key and the address, should the engine have quoted them."""
        message = failure.message
        for secret in self._secrets:
            message = message.replace(secret, "[…]")
        failure.message, failure.args = message, (message,)
        return failure

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    # ---------- inside

    async def _accepted(self, url: URL, body: JSON | None, dialect: Dialect) -> aiohttp.ClientResponse:
        """The response whose status is 200. Retries while nothing was accepted."""
        for pause in self._pauses():
            try:
                response = await self._send(url, body)
                if response.status == 200:
                    return response
                failure = await self._refusal(response, dialect)
                again = response.status in RETRIED_STATUSES and self._is_short(failure)
            except EngineFailure as unanswered:
                failure, again = unanswered, unanswered.kind == "unreachable"
            if pause is None or not again:
                raise failure
            await asyncio.sleep(max(pause, failure.retry_after or 0.0))
        raise AssertionError("the last pause is None")

    async def _send(self, url: URL, body: JSON | None) -> aiohttp.ClientResponse:
        """One request, up to the response headers."""
        method, data = ("GET", None) if body is None else ("POST", msgspec.json.encode(body))
        try:
            async with asyncio.timeout(self._settings.accept_timeout_s):
                return await self._opened().request(method, url, data=data, allow_redirects=False)
        except aiohttp.ConnectionTimeoutError:
            raise EngineFailure(
                "unreachable", "The engine cannot be reached: no connection in time."
            ) from None
        except TimeoutError:
            raise EngineFailure("timeout", "The engine did not accept the request in time.") from None
        except aiohttp.ClientConnectorCertificateError:
            raise EngineFailure("unreachable", "The engine's certificate is not trusted here.") from None
        except aiohttp.ClientConnectorError as error:
            why = type(error.os_error).__name__
            raise EngineFailure("unreachable", f"The engine cannot be reached ({why}).") from None
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            raise EngineFailure(
                "unreachable", "The engine closed the connection without an answer."
            ) from None
        except aiohttp.ClientError:
            raise EngineFailure("malformed", "The engine does not answer in HTTP.") from None

    def _opened(self) -> aiohttp.ClientSession:
        """The session; made late, because it belongs to the running loop."""
        if self._session is None or self._session.closed:
            settings = self._settings
            headers = {"content-type": "application/json", "accept-encoding": "identity"}
            if settings.key:
                headers["authorization"] = f"Bearer {settings.key}"
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=settings.max_connections),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout_s),
                headers=headers | settings.headers,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def _refusal(self, response: aiohttp.ClientResponse, dialect: Dialect) -> EngineFailure:
        if 300 <= response.status < 400:
            response.close()
            return EngineFailure(
                "server",
                f"The engine answered with a redirect (HTTP {response.status}). "
                "The operator must configure the address that it leads to.",
            )
        body = await self._whole(response, ERROR_BODY_BYTES)
        wait = retry_after(response.headers, self._now())
        return self.cleaned(self._meaning(response.status, body, dialect, wait))

    async def _whole(self, response: aiohttp.ClientResponse, limit: int) -> bytes:
        """The body, up to a limit; a body that breaks off is taken as far as it came."""
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(QUERY_TIMEOUT_S):
                while size < limit and (chunk := await response.content.readany()):
                    chunks.append(chunk)
                    size += len(chunk)
        except (aiohttp.ClientError, OSError):  # TimeoutError is an OSError
            pass
        response.close()
        return b"".join(chunks)[:limit]

    def _pauses(self) -> Iterator[float | None]:
        """Waits between attempts: exponential with jitter; None after the last attempt."""
        for attempt in range(self._settings.retries):
            yield self._settings.retry_base_s * 2**attempt * random.uniform(0.5, 1.5)
        yield None

    def _is_short(self, failure: EngineFailure) -> bool:
        """A rate limit is waited for only where the engine says how long, and that is short."""
        if failure.kind == "rate_limited" and failure.retry_after is None:
            return False
        return (failure.retry_after or 0.0) <= MAX_RETRY_AFTER_S


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON answer and its headers."""

    said: object
    headers: Mapping[str, str]

    def get(self, key: str) -> object:
        """A field of the answer; None where it is no object or has no such field."""
        said = self.said
        return cast(JSON, said).get(key) if isinstance(said, dict) else None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait: `retry-after-ms`, or `Retry-After` as seconds or as a date (RFC 9110 § 10.2.3)."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if value.replace(".", "", 1).isdecimal():
            return float(value) / unit
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        return None


def _below(base: URL, path: str) -> URL:
    return _with_path(base, f"{base.path.rstrip('/')}/{path}")


def _with_path(base: URL, path: str) -> URL:
    """Another path; the query (Azure's `api-version`) stays."""
    return base.with_path(path or "/").with_query(base.query)
