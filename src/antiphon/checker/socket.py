"""One WebSocket connection, as cases use it."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp

from antiphon.checker.narrow import as_object
from antiphon.checker.wire import JSON, SocketExchange

ENDS = ("response.completed", "response.incomplete", "response.failed", "error")


class Socket:
    """Sends frames and gives what comes. Where the upgrade was refused, `open` is false."""

    def __init__(
        self, exchange: SocketExchange, connection: aiohttp.ClientWebSocketResponse | None, timeout_s: float
    ) -> None:
        self.exchange = exchange
        self._connection = connection
        self._timeout_s = timeout_s

    @property
    def open(self) -> bool:
        return self._connection is not None and not self._connection.closed

    async def send(self, frame: JSON | str) -> None:
        """A JSON frame, or any text."""
        text = frame if isinstance(frame, str) else json.dumps(frame)
        self._note("sent", text)
        if self._connection is not None and not self._connection.closed:
            await self._connection.send_str(text)

    async def create(self, **body: Any) -> list[JSON]:
        """Sends `response.create` and gives its events up to the end."""
        await self.send({"type": "response.create", **body})
        return await self.until_end()

    async def until_end(self) -> list[JSON]:
        """The events up to a terminal one or an error; fewer where the connection closes or time is up."""
        found: list[JSON] = []
        while (event := await self.receive()) is not None:
            found.append(event)
            if event.get("type") in ENDS:
                break
        return found

    async def receive(self, timeout_s: float | None = None) -> JSON | None:
        """The next JSON frame; None when the connection is closed or time is up. Another frame gives
        `{"type": "?", "text": …}`."""
        if self._connection is None:
            return None
        try:
            message = await asyncio.wait_for(self._connection.receive(), timeout_s or self._timeout_s)
        except TimeoutError:
            return None
        if message.type is aiohttp.WSMsgType.TEXT:
            text = str(message.data)
            self._note("came", text)
            event = _event(text)
            self.exchange.events.append(event)
            return event
        if message.type is aiohttp.WSMsgType.BINARY:
            self._note("came", f"({len(message.data)} bytes)")
            return {"type": "?", "text": ""}
        self.exchange.closed = self._connection.close_code
        return None

    def _note(self, way: str, text: str) -> None:
        self.exchange.said.append((way, time.time() - self.exchange.started, text))


def _event(text: str) -> JSON:
    try:
        value: Any = json.loads(text)
    except ValueError:
        value = None
    return as_object(value) or {"type": "?", "text": text}
