"""The one way out: GET of a URL that a stranger named, to the public internet only.

Every address is checked at the moment a socket is made for it, so that neither a name that resolves
differently the second time nor a redirect leads inside.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from antiphon.config import FetchSettings
from antiphon.core.errors import AntiphonError
from antiphon.inputs.addresses import is_public
from antiphon.inputs.inflate import BodyTooLarge, Inflater, NotInflatable

FetchFailureKind = Literal[
    "disabled",  # the operator switched fetching off
    "invalid_url",
    "blocked",  # not an address of the public internet
    "unreachable",
    "timeout",
    "status",  # an answer other than 200
    "redirects",  # too many, or one that leads nowhere
    "content_type",
    "too_large",
    "malformed",  # not HTTP, or a body that does not decompress
]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_READ_BYTES = 64 * 1024
_RESOLVER_THREADS = 4
_HEADERS = {"User-Agent": "antiphon", "Accept-Encoding": "identity"}


class FetchFailure(AntiphonError):
    """A URL could not be fetched. `message` tells a stranger nothing about addresses inside.

    `status` is the upstream HTTP status where `kind` is `status`.
    """

    def __init__(self, kind: FetchFailureKind, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.kind: FetchFailureKind = kind
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body. `content_type` is lower case without parameters, empty where the server gave none."""

    data: bytes
    content_type: str
    final_url: str


class _Blocked(OSError):
    """A socket to an address that is not public was asked for."""


class _Resolver(AbstractResolver):
    """Name resolution in threads of its own: slow names never hold up the rest of the process."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        )
        return [
            ResolveResult(
                hostname=host, host=str(address[0]), port=port, family=kind, proto=proto, flags=_NUMERIC
            )
            for kind, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """The threads belong to the fetcher."""


_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class GuardedFetcher:
    """Fetches under `FetchSettings`. Connections are never shared between fetches."""

    def __init__(self, settings: FetchSettings) -> None:
        self.settings = settings
        self._allowed = frozenset(host.lower() for host in settings.allow_hosts)
        self._slots = asyncio.Semaphore(settings.max_parallel)
        self._threads = ThreadPoolExecutor(_RESOLVER_THREADS, "fetch-resolve")

    async def fetch(self, url: str, *, accept: Collection[str], max_bytes: int | None = None) -> Fetched:
        """GET `url`, following redirects. Raises `FetchFailure`.

        `accept` are content types, `text/*` for a family; a missing or unspecific type
        (`application/octet-stream`) is for the caller to judge. `max_bytes` lowers the configured limit.
        """
        if not self.settings.enabled:
            raise FetchFailure("disabled", "This server does not fetch URLs.")
        limit = min(max_bytes or self.settings.max_bytes, self.settings.max_bytes)
        try:
            async with self._slots, asyncio.timeout(self.settings.timeout_s):
                return await self._follow(_checked(url), frozenset(accept), limit)
        except TimeoutError as error:
            raise FetchFailure("timeout", "The URL did not answer in time.") from error

    async def aclose(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _follow(self, url: URL, accept: Collection[str], limit: int) -> Fetched:
        for _ in range(self.settings.max_redirects + 1):
            answer = await self._hop(url, accept, limit)
            if isinstance(answer, Fetched):
                return answer
            url = _checked(answer, url)
        raise FetchFailure("redirects", "The URL redirects too often.")

    async def _hop(self, url: URL, accept: Collection[str], limit: int) -> Fetched | str:
        """The body, or where the answer redirects to."""
        connector = aiohttp.TCPConnector(
            resolver=_Resolver(self._threads),
            use_dns_cache=False,
            force_close=True,
            socket_factory=_any_socket if self._is_allowed(url) else _public_socket,
        )
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as session,
                session.get(url, allow_redirects=False, headers=_HEADERS) as response,
            ):
                return await _read(response, accept, limit)
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, _Blocked) or isinstance(error.__cause__, _Blocked):
                raise FetchFailure("blocked", "The URL does not lead to a public address.") from error
            raise FetchFailure("unreachable", "The URL's server cannot be reached.") from error
        except (aiohttp.InvalidURL, UnicodeError) as error:
            raise FetchFailure("invalid_url", "The URL is not valid.") from error
        except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError, NotInflatable) as error:
            raise FetchFailure("malformed", "The URL's server sent a broken answer.") from error
        except BodyTooLarge as error:
            raise FetchFailure("too_large", f"The URL's body is longer than {limit} bytes.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise FetchFailure("unreachable", "The connection to the URL's server broke.") from error

    def _is_allowed(self, url: URL) -> bool:
        return (url.host or "").lower() in self._allowed


def _checked(text: str, base: URL | None = None) -> URL:
    """An absolute http(s) URL without credentials. Raises `FetchFailure`."""
    try:
        url = URL(text.strip())
        url = base.join(url) if base is not None else url
        port, host = url.port, url.host
    except ValueError as error:
        raise FetchFailure("invalid_url", "The URL is not valid.") from error
    if url.scheme not in ("http", "https"):
        raise FetchFailure("invalid_url", "Only http and https URLs can be fetched.")
    if not host or not port or any(ord(c) < 33 or c == "\\" for c in text.strip()):
        raise FetchFailure("invalid_url", "The URL is not valid.")
    if url.user is not None or url.password is not None:
        raise FetchFailure("invalid_url", "URLs with credentials are not fetched.")
    return url


async def _read(response: aiohttp.ClientResponse, accept: Collection[str], limit: int) -> Fetched | str:
    if response.status in _REDIRECTS:
        location = response.headers.get("Location")
        if not location:
            raise FetchFailure("redirects", "The URL redirects to nowhere.")
        return location
    if response.status != 200:
        raise FetchFailure(
            "status", f"The URL's server answered with status {response.status}.", response.status
        )
    content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not _accepts(accept, content_type):
        raise FetchFailure("content_type", f"The URL's content type '{content_type[:100]}' is not supported.")
    if (response.content_length or 0) > limit:
        raise BodyTooLarge
    body = Inflater(response.headers.get("Content-Encoding", ""), limit)
    async for chunk in response.content.iter_chunked(_READ_BYTES):
        body.feed(chunk)
    return Fetched(body.close(), content_type, str(response.url))


_UNSPECIFIC = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/download"})


def _accepts(accept: Collection[str], content_type: str) -> bool:
    family, slash, _ = content_type.partition("/")
    return content_type in accept or f"{family}{slash}*" in accept or content_type in _UNSPECIFIC


AddressInfo = tuple[int, int, int, str, Sequence[Any]]


def _any_socket(info: AddressInfo) -> socket.socket:
    return socket.socket(info[0], info[1], info[2])


def _public_socket(info: AddressInfo) -> socket.socket:
    """The gate: the last thing before a connection, given the very address that will be connected to."""
    if not is_public(str(info[4][0])):
        raise _Blocked("not a public address")
    return _any_socket(info)
