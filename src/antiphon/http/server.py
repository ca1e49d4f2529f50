"""The uvicorn server that carries the application, with the limits that only a connection can hold.

uvicorn leaves open: endless headers, connections that never send a request, bodies that go on after the
answer, plain-text errors, a foreign `Upgrade`, and who is told when a connection with pipelined requests
is lost. `Connection` closes these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, ClassVar, cast

import httptools
import msgspec
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from antiphon.config import HttpSettings
from antiphon.core.errors import ApiError, Invalid, Overloaded
from antiphon.http.faults import HeadersTooLarge, Late, NotAllowed
from antiphon.ports import Ids

_REASONS = {
    400: "Bad Request",
    405: "Method Not Allowed",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
}
_KEEP_ALIVE_S = 75
"""Idle time of a connection between requests: longer than the pools of usual clients and balancers keep one,
so that it is them who close."""

# What `websockets` reads of a handshake, less a little.
_MOST_SOCKET_HEADERS = 120
_LONGEST_SOCKET_HEADER = 8000


def build_server(app: ASGIApp, settings: HttpSettings, ids: Ids) -> uvicorn.Server:
    """A server ready for `serve()`. `wiring` hears the signals, and opens and closes what the app uses."""
    protocol = type("Connection", (Connection,), {"settings": settings, "new_id": staticmethod(ids.new)})
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=protocol,
        ws=SocketConnection,
        ws_max_size=settings.ws_max_frame_bytes,
        ws_per_message_deflate=False,  # a token is a small frame: compressing it costs more than it saves
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_grace_s)),
    )
    return HouseServer(config)


class HouseServer(uvicorn.Server):
    """Leaves signals to `wiring`: responses drain before the sockets close."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class SocketConnection(WebSocketsSansIOProtocol):
    """A WebSocket connection that the application can drop."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            extensions: dict[str, Any] = cast(Any, self.scope)["extensions"]
            extensions["antiphon.abort"] = self.transport.abort

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.close()  # a head that `websockets` cannot read; uvicorn would wait for ever

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True  # or uvicorn logs a refusal as an error of ours


class Connection(HttpToolsProtocol):
    """One client connection. `settings` and `new_id` are set by `build_server`."""

    settings: ClassVar[HttpSettings]
    new_id: ClassVar[Callable[[str], str]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._running: RequestResponseCycle | None = None
        self._head_bytes = 0
        self._in_head = False
        self._between = True  # requests: the last one is complete, no other has begun
        self._all_head = False  # the bytes at hand are of one unfinished head, and of nothing else
        self._declined = False  # the request under way asks for a protocol that we do not speak
        self._left_over = 0  # bytes of a body that came after its answer
        self._patience: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None  # while a whole answer has not left

    # ---------- connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        if len(self.connections) > self.settings.max_connections:
            self._end(Overloaded("The server is at its limit of connections.", headers={"retry-after": "1"}))
            return
        self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose_patience()
        if self._unread is not None:
            self._unread.cancel()
        running = self._running
        if running is not None and not running.response_complete:
            # uvicorn tells only the newest request of a connection, which may be a pipelined one.
            running.disconnected = True
            running.message_event.set()
        super().connection_lost(exc)

    # ---------- reading

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._all_head = self._in_head or self._between
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._declined:
                self._decline_upgrade(data[upgrade.args[0] :])
            else:
                self._lose_patience()
                self.handle_websocket_upgrade()
            return
        except httptools.HttpParserError:
            self.send_400_response("")
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data) if self._all_head else 0
            if self._head_bytes > self.settings.max_header_bytes:
                self._end(HeadersTooLarge("The request headers are larger than this server takes."))
        elif self._idle:
            self._be_patient()

    def _decline_upgrade(self, rest: bytes) -> None:
        """Another protocol (h2c, say) may be declined by going on in HTTP/1.1 (RFC 9110 §7.8).

        The parser has stopped after the head, so it is fed again without the upgrade, then with the body.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._end(NotAllowed("CONNECT", self.url.decode("latin-1"), ()))
            return
        kept = [(n, v) for n, v in self.headers if n not in (b"upgrade", b"connection", b"http2-settings")]
        lines = b"".join(b"%b: %b\r\n" % pair for pair in kept)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(b"%b %b HTTP/1.1\r\n%b\r\n" % (method, self.url, lines))
        if rest:
            self.data_received(rest)

    def _should_upgrade(self) -> bool:
        """Only for a handshake that WebSocket will accept; anything else is answered as plain HTTP."""
        if not super()._should_upgrade() or self.parser.get_method() != b"GET":
            return False
        lines = [len(name) + len(value) for name, value in self.headers]
        if len(lines) > _MOST_SOCKET_HEADERS or max(lines) > _LONGEST_SOCKET_HEADER:
            return False
        headers = dict(self.headers)
        key = headers.get(b"sec-websocket-key", b"")
        return headers.get(b"sec-websocket-version") == b"13" and len(key) == 24

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._between = True, False
        self._head_bytes = self._left_over = 0
        self._be_patient()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._lose_patience()
        self._declined = self.parser.should_upgrade() and not self._should_upgrade()
        if not self._declined:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._between, self._all_head = True, False
        if not self._declined:
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:
            self._left_over += len(body)
            if self._left_over > self.settings.max_body_bytes:
                self.transport.close()
            return
        super().on_body(body)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        scope: dict[str, Any] = cast(Any, cycle.scope)
        scope["extensions"] = {
            "antiphon.abort": self.transport.abort,
            "antiphon.writable": lambda: not (cycle.flow.write_paused or cycle.disconnected),
        }
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._unread is None:
            self._see_off()

    def _see_off(self, before: int = 0) -> None:
        """A whole answer is written at once: cut the client that takes nothing of the rest.

        `before` is how much was left when this was last looked at. Where anything was taken or added since,
        it differs; streams, which add, watch their readers themselves.
        """
        left = self.transport.get_write_buffer_size()
        self._unread = None
        if left and left == before:
            self.transport.abort()
        elif left:
            self._unread = self.loop.call_later(self.settings.stall_timeout_s, self._see_off, left)

    # ---------- waiting for the client

    @property
    def _idle(self) -> bool:
        """Whether no answer is owed or under way."""
        newest = cast("RequestResponseCycle | None", self.cycle)  # uvicorn's annotation leaves out the None
        return newest is None or newest.response_complete

    def _be_patient(self) -> None:
        """Wait once for a request's head, or for the end of a body that nobody reads."""
        if self._patience is None:
            self._patience = self.loop.call_later(self.settings.body_timeout_s, self._too_late)

    def _lose_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _too_late(self) -> None:
        self._patience = None
        if not self._idle:
            self._be_patient()  # what has not come may be waiting for our answer to an earlier request
        elif self._in_head:
            self._end(Late("The request did not arrive in time."))
        elif not self.transport.is_closing():
            self.transport.close()

    # ---------- errors that never reach the application

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn's text is not for clients)
        self._end(Invalid("The request is not valid HTTP/1.1."))

    def _end(self, error: ApiError) -> None:
        """Answer in the official form, where no other answer is under way, and close."""
        self._lose_patience()
        if self.transport.is_closing():
            return
        if self._idle:
            body = msgspec.json.encode(error.body())
            head = {
                "content-type": "application/json",
                "content-length": str(len(body)),
                "connection": "close",
                "x-request-id": type(self).new_id("req"),
                **error.headers,
            }
            lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
            status = f"HTTP/1.1 {error.status} {_REASONS.get(error.status, 'Error')}\r\n"
            self.transport.write(f"{status}{lines}\r\n".encode() + body)
        self.transport.close()
