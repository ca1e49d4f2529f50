"""The checker's own client: HTTP, SSE and WebSocket; exchanges are kept as evidence and cost a budget."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import aiohttp

from antiphon.checker.narrow import as_list, as_object, inside
from antiphon.checker.socket import Socket
from antiphon.checker.sse import SseReader, event_of
from antiphon.checker.wire import JSON, Exchange, SocketExchange, StreamExchange, redacted

E = TypeVar("E", bound=Exchange)

NOTHING: Any = object()
"""No JSON body, which is something else than `null`."""

Part = str | tuple[str, bytes, str]
"""A field of a form: text, or a file as (name, content, content type)."""


class OutOfBudget(RuntimeError):
    """The run has used all the requests or tokens that it may."""


@dataclass
class Budget:
    """What a run may use at most (None: no limit), and what it has used."""

    max_requests: int | None = None
    max_tokens: int | None = None
    requests: int = 0
    tokens: int = 0

    def spend_request(self) -> None:
        """Raises `OutOfBudget` where nothing is left."""
        if self.max_requests is not None and self.requests >= self.max_requests:
            raise OutOfBudget(f"{self.max_requests} requests are used up")
        if self.max_tokens is not None and self.tokens >= self.max_tokens:
            raise OutOfBudget(f"{self.max_tokens} tokens are used up")
        self.requests += 1


@dataclass(frozen=True, slots=True)
class Target:
    """The deployment: `base` without slash at the end, `query` that goes with every request (Azure's
    `api-version`), `headers` with the key in the form that it wants. `second_key` is another caller's."""

    base: str
    model: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    key: str | None = None
    second_key: str | None = None
    azure: bool = False
    timeout_s: float = 60.0

    def url(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        pairs = [*self.query, *_pairs(query or {})]
        return f"{self.base}{path}" + (f"?{urlencode(pairs)}" if pairs else "")

    def key_headers(self, key: str | None) -> dict[str, str]:
        """How this deployment wants a key."""
        if not key:
            return {}
        return {"api-key": key} if self.azure else {"Authorization": f"Bearer {key}"}


def target(url: str, model: str, **more: Any) -> Target:
    """A target from what the user gave. A URL without a path gets `/v1`; one with `/openai` and
    `api-version`, or on an Azure host, is Azure's: the key goes into `api-key`. Raises `ValueError` for what
    is no http URL."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an http URL: {url}")
    path = parts.path.rstrip("/").removesuffix("/responses")
    query = tuple(parse_qsl(parts.query))
    azure = "api-version" in dict(query) or parts.hostname.endswith((".azure.com", ".azure.us"))
    base = urlunsplit((parts.scheme, parts.netloc, path or "/v1", "", "")).rstrip("/")
    return Target(base=base, model=model, query=query, azure=azure, **more)


def _pairs(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in query.items():
        many = as_list(value) or [value]
        found += [(name, str(one).lower() if isinstance(one, bool) else str(one)) for one in many]
    return found


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `body` (bytes) or `form` stand in for `json`; `key` None leaves the key out, else NOTHING
    keeps the target's; `stop_after` hangs up after so many events of a stream."""

    method: str
    path: str
    json: Any = NOTHING
    query: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None
    form: Mapping[str, Part] | None = None
    key: Any = NOTHING
    stop_after: int | None = None
    timeout_s: float | None = None


Watcher = Callable[[Exchange], None]
"""Is shown every exchange once it has ended."""


class Client:
    """Sends calls to one target. Close it with `aclose`, or use `connected`."""

    def __init__(self, where: Target, budget: Budget | None = None) -> None:
        self.target = where
        self.budget = budget or Budget()
        self.missing_route: tuple[int, str] | None = None
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=True)

    async def aclose(self) -> None:
        await self._session.close()

    async def learn(self) -> Exchange:
        """Sees how a path that cannot exist is answered, to know a missing route from a missing object."""
        answer = await self.send(Call("GET", "/antiphon-check-no-such-route"))
        if answer.status in (404, 405, 501):
            self.missing_route = _print_of(answer)
        return answer

    def lacks_route(self, exchange: Exchange) -> bool:
        """The target answers as it answers a path that it does not know."""
        return _print_of(exchange) == self.missing_route

    async def send(self, call: Call) -> Exchange:
        """The whole answer, whatever it is; a broken connection gives status 0 and a `fault`."""
        exchange = self._begin(call, Exchange)
        await self._exchanged(call, exchange, _read_all)
        return exchange

    async def stream(self, call: Call) -> StreamExchange:
        """The answer read as server-sent events; one of another content type is read whole, as by `send`."""
        exchange = self._begin(call, StreamExchange)

        async def read(answer: aiohttp.ClientResponse, _: Exchange) -> None:
            if "event-stream" in (exchange.header("content-type") or ""):
                await _read_events(answer, exchange, call.stop_after)
            else:
                await _read_all(answer, exchange)

        await self._exchanged(call, exchange, read)
        return exchange

    @asynccontextmanager
    async def socket(
        self, path: str = "/responses", headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[Socket]:
        """A WebSocket connection; where the upgrade is refused, `socket.exchange.status` says how."""
        call = Call(
            "GET", path, headers={"OpenAI-Beta": "responses_websockets=2026-02-06", **(headers or {})}
        )
        exchange = self._begin(call, SocketExchange)
        sent = self._headers(call)
        try:
            connection = await self._session.ws_connect(
                exchange.url.replace("http", "ws", 1), headers=sent, max_msg_size=0
            )
        except aiohttp.WSServerHandshakeError as exc:
            exchange.status, exchange.headers = exc.status, list((exc.headers or {}).items())
            yield Socket(exchange, None, self.target.timeout_s)
            return
        except (aiohttp.ClientError, OSError) as exc:
            exchange.fault = f"{type(exc).__name__}: {exc}"
            yield Socket(exchange, None, self.target.timeout_s)
            return
        exchange.status = 101
        opened = Socket(exchange, connection, self.target.timeout_s)
        try:
            yield opened
        finally:
            await connection.close()
            exchange.seconds = time.time() - exchange.started
            self._charge_events(exchange.events)

    def _begin(self, call: Call, kind: type[E]) -> E:
        self.budget.spend_request()
        headers = self._headers(call)
        body = _body(call)
        if body and "content-type" not in {name.lower() for name in headers}:
            headers["Content-Type"] = "application/json"
        return kind(
            method=call.method,
            url=self.target.url(call.path, call.query),
            path=call.path,
            request_headers=redacted(headers),
            request_body=body,
            started=time.time(),
        )

    def _headers(self, call: Call) -> dict[str, str]:
        key = self.target.key if call.key is NOTHING else call.key
        return {**self.target.headers, **self.target.key_headers(key), **call.headers}

    async def _exchanged(self, call: Call, exchange: Exchange, read: Callable[..., Any]) -> None:
        """Sends once more where the server had closed an idle connection under the request."""
        began = time.monotonic()
        try:
            try:
                await self._once(call, exchange, read)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if exchange.status:
                    raise
                await self._once(call, exchange, read)
        except TimeoutError:
            exchange.fault = f"no end within {call.timeout_s or self.target.timeout_s:g} s"
        except (aiohttp.ClientError, OSError) as exc:
            exchange.fault = f"{type(exc).__name__}: {exc}"
        exchange.seconds = time.monotonic() - began
        self._charge(exchange)

    async def _once(self, call: Call, exchange: Exchange, read: Callable[..., Any]) -> None:
        headers = self._headers(call)
        if call.form is None and exchange.request_body:
            headers.setdefault(
                "Content-Type", exchange.request_headers.get("Content-Type", "application/json")
            )
        data = _form(call.form) if call.form is not None else exchange.request_body or None
        limit = aiohttp.ClientTimeout(total=call.timeout_s or self.target.timeout_s)
        async with self._session.request(
            call.method, exchange.url, data=data, headers=headers, timeout=limit, allow_redirects=False
        ) as answer:
            exchange.status = answer.status
            exchange.headers = list(answer.headers.items())
            await read(answer, exchange)

    def _charge(self, exchange: Exchange) -> None:
        if isinstance(exchange, StreamExchange) and exchange.events:
            self._charge_events(exchange.events)
        elif exchange.method == "POST":
            self.budget.tokens += _tokens(as_object(exchange.json))

    def _charge_events(self, events: list[JSON]) -> None:
        for event in events:
            if event.get("type") in ENDS:
                self.budget.tokens += _tokens(as_object(event.get("response")))


ENDS = ("response.completed", "response.incomplete", "response.failed")


@asynccontextmanager
async def connected(where: Target, budget: Budget | None = None) -> AsyncGenerator[Client]:
    """A client for the length of a `with`."""
    client = Client(where, budget)
    try:
        yield client
    finally:
        await client.aclose()


async def _read_all(answer: aiohttp.ClientResponse, exchange: Exchange) -> None:
    exchange.body = await answer.read()


async def _read_events(
    answer: aiohttp.ClientResponse, exchange: StreamExchange, stop_after: int | None
) -> None:
    reader, kept, began = SseReader(), bytearray(), exchange.started
    try:
        async for data in answer.content.iter_any():
            kept += data
            for frame in reader.feed(data, round(time.time() - began, 4)):
                exchange.frames.append(frame)
                event = event_of(frame)
                if event is not None:
                    exchange.events.append(event)
                if stop_after is not None and len(exchange.events) >= stop_after:
                    exchange.cut = True
                    answer.close()
                    return
        exchange.complete = not reader.unfinished
    finally:
        exchange.body = bytes(kept)


def _body(call: Call) -> bytes:
    if call.body is not None:
        return call.body
    return b"" if call.json is NOTHING else json.dumps(call.json).encode()


def _form(parts: Mapping[str, Part]) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for name, part in parts.items():
        if isinstance(part, str):
            form.add_field(name, part)
        else:
            form.add_field(name, part[1], filename=part[0], content_type=part[2])
    return form


def _tokens(response: JSON) -> int:
    total = inside(response, "usage", "total_tokens")
    return total if isinstance(total, int) else 0


def _print_of(exchange: Exchange) -> tuple[int, str]:
    """Status and body, with what names the request taken out."""
    text = exchange.body.decode("utf-8", errors="replace")
    for named in (exchange.url, urlsplit(exchange.url).path, exchange.path, exchange.method):
        text = text.replace(named, "")
    return exchange.status, text


async def pause(seconds: float) -> None:
    """For polling."""
    await asyncio.sleep(seconds)
