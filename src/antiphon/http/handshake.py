"""Opening a WebSocket: the same paths, keys and limits as POST, refused in the official form."""

from __future__ import annotations

import msgspec
from starlette.types import Receive, Scope, Send

from antiphon.core.errors import ApiError
from antiphon.http import routes
from antiphon.http.cors import Cors
from antiphon.http.exchange import API_VERSION, Site
from antiphon.http.faults import ClientGone, unknown_url
from antiphon.http.guard import Guard, headers_of
from antiphon.http.hosts import Hosts
from antiphon.http.socket import Socket, Wire
from antiphon.logs import bind_request
from antiphon.ports import Caller


class Handshake:
    """ASGI application for the `websocket` scope."""

    def __init__(self, site: Site, guard: Guard, cors: Cors, hosts: Hosts) -> None:
        self._site, self._guard, self._cors, self._hosts = site, guard, cors, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # the wish to connect
        request_id = self._site.deps.ids.new("req")
        bind_request(request_id)
        try:
            caller = self._admit(scope, request_id)
        except ApiError as error:
            await _deny(send, error, request_id)
            return
        head = [(b"x-request-id", request_id.encode()), (b"openai-version", API_VERSION.encode())]
        await send({"type": "websocket.accept", "headers": head})
        wire = Wire(scope, send, self._site.settings)
        self._site.metrics.socket_opened()
        try:
            await Socket(self._site, caller, receive, wire).serve()
            await send({"type": "websocket.close", "code": 1000})
        except (ClientGone, OSError):
            pass  # nobody is there to be told
        finally:
            wire.close()
            self._site.metrics.socket_closed()

    def _admit(self, scope: Scope, request_id: str) -> Caller:
        """Raises `NotFound`, `Auth`, `Forbidden`, `HeadersTooLarge`."""
        headers = headers_of(scope, self._site.settings.max_header_bytes)
        self._hosts.check(headers)
        path: str = scope["path"]
        if routes.canonical(path) != "/v1/responses":
            raise unknown_url("GET", path)
        caller = self._guard.caller(headers, request_id)
        if not self._guard.has_keys:
            self._cors.check(headers)
        return caller


async def _deny(send: Send, error: ApiError, request_id: str) -> None:
    body = msgspec.json.encode(error.body())
    headers = {"content-type": "application/json", "x-request-id": request_id, **error.headers}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": raw})
    await send({"type": "websocket.http.response.body", "body": body})
