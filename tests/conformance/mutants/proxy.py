"""A server that is right in all but one thing: it passes all on to a correct one, with one fault applied."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from tests.conformance.mutants.exchange import JSON, STREAM, Answer, Asked, Fault, Frame, World, dumps, frame

OWN = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "date",
        "server",
        "accept-encoding",
        "upgrade",
    }
    | {"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-accept"}
)
"""Headers that belong to one connection."""

PREFIX = "/v1"
SLOW = "#script\nsay Once upon a time\nwait 0.5\nsay there was an end."
CORRECT = Fault("none.correct", "Nothing: the correct server.")


class Proxy:
    """One fault in front of the server at `upstream` (`http://host:port`)."""

    def __init__(self, upstream: str, fault: Fault, session: aiohttp.ClientSession) -> None:
        self._upstream = upstream
        self._fault = fault
        self._session = session
        self.world = World(self._plain)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("upgrade", "").lower() == "websocket":
            return await self._socket(request)
        try:
            asked = await _asked(request)
        except ConnectionResetError:  # the client has hung up: nobody reads the answer
            return web.Response(status=400)
        if self._fault.slow and asked.json is not None and asked.json.get("background"):
            asked.json["input"] = SLOW
        if self._fault.asked is not None:
            before = (asked.method, asked.path, dict(asked.query), dict(asked.headers), asked.data())
            made = await self._fault.asked(asked, self.world)
            after = (asked.method, asked.path, asked.query, asked.headers, asked.data())
            self._fired(made is not None or before != after)
            if made is not None:
                return await self._answered(asked, made)
        async with self._send(asked) as reply:
            if reply.headers.get("content-type", "").startswith(STREAM):
                return await self._stream(request, asked, reply)
            return await self._answered(asked, await _answer(reply))

    def _send(self, asked: Asked) -> Any:
        return self._session.request(
            asked.method,
            f"{self._upstream}{PREFIX}{asked.path}",
            params=asked.query,
            headers=asked.headers,
            data=asked.data() or None,
            allow_redirects=False,
        )

    async def _plain(self, asked: Asked) -> Answer:
        async with self._send(asked) as reply:
            return await _answer(reply)

    async def _answered(self, asked: Asked, answer: Answer) -> web.Response:
        before = (answer.status, dict(answer.headers), answer.data())
        if answer.json is not None and answer.ok:
            self._changed(answer.json)
        if self._fault.answered is not None:
            await self._fault.answered(asked, answer, self.world)
        self._fired(before != (answer.status, answer.headers, answer.data()))
        return web.Response(status=answer.status, headers=answer.headers, body=answer.data())

    async def _stream(
        self, request: web.Request, asked: Asked, reply: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        begun = Answer(reply.status, _headers(reply.headers))
        if self._fault.answered is not None:
            before = (begun.status, dict(begun.headers))
            await self._fault.answered(asked, begun, self.world)
            self._fired(before != (begun.status, begun.headers))
        told = web.StreamResponse(status=begun.status, headers=begun.headers)
        await told.prepare(request)
        with contextlib.suppress(ConnectionResetError):  # the client has hung up: so do we
            if self._fault.frames is None and self._fault.lines is None:
                async for one in _frames(reply):
                    await told.write(self._changed_frame(one))
            else:
                await told.write(self._whole([one async for one in _frames(reply)], asked))
            await told.write_eof()
        return told

    def _changed_frame(self, one: Frame) -> bytes:
        before = one.data()
        if one.event is not None:
            self._changed(one.event)
        self._fired(before != one.data())
        return one.data()

    def _whole(self, frames: list[Frame], asked: Asked) -> bytes:
        before = b"".join(one.data() for one in frames)
        if self._fault.frames is not None:
            frames = list(self._fault.frames(frames, asked))
        data = b"".join(one.data() for one in frames)
        if self._fault.lines is not None:
            data = self._fault.lines(data)
        self._fired(before != data)
        return data

    def _changed(self, body: JSON) -> None:
        """Every response and output item in a body or event."""
        response = body if body.get("object") == "response" and "output" in body else body.get("response")
        if self._fault.response is not None and isinstance(response, dict):
            self._fault.response(response)
        if self._fault.item is not None:
            listed = response.get("output") if isinstance(response, dict) else body.get("data")
            for item in [body.get("item"), *(listed if isinstance(listed, list) else ())]:
                if isinstance(item, dict):
                    self._fault.item(item)

    def _fired(self, changed: bool) -> None:
        self.world.fired += changed

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        headers = _headers(request.headers)
        url = f"{self._upstream}{request.rel_url}"
        try:
            theirs = await self._session.ws_connect(url, headers=headers, max_msg_size=0)
        except aiohttp.WSServerHandshakeError as exc:
            return web.Response(status=exc.status)
        ours = web.WebSocketResponse(max_msg_size=0)
        await ours.prepare(request)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(ours, theirs))
                both.create_task(self._pump_back(theirs, ours))
        finally:
            await theirs.close()
            await ours.close()
        return ours

    async def _pump_back(self, theirs: aiohttp.ClientWebSocketResponse, ours: web.WebSocketResponse) -> None:
        async for message in theirs:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            event = json.loads(message.data)
            self._changed(event)
            told = [event] if self._fault.socket is None else list(self._fault.socket(event))
            texts = [dumps(one).decode() for one in told]
            self._fired(texts != [message.data])
            for text in texts:
                await ours.send_str(text)
        await ours.close(code=theirs.close_code or 1000)


async def _pump(source: web.WebSocketResponse, sink: aiohttp.ClientWebSocketResponse) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await sink.send_bytes(message.data)
    await sink.close()


async def _asked(request: web.Request) -> Asked:
    body = await request.read()
    path = request.path.removeprefix(PREFIX)
    return Asked(request.method, path, dict(request.query), _headers(request.headers), body, _object(body))


async def _answer(reply: aiohttp.ClientResponse) -> Answer:
    body = await reply.read()
    return Answer(reply.status, _headers(reply.headers), body, _object(body))


def _headers(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items() if name.lower() not in OWN}


def _object(body: bytes) -> JSON | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


async def _frames(reply: aiohttp.ClientResponse) -> AsyncIterator[Frame]:
    rest = b""
    async for data in reply.content.iter_any():
        *blocks, rest = (rest + data).split(b"\n\n")
        for block in blocks:
            yield frame(block)


@asynccontextmanager
async def wrong_server(upstream: str, fault: Fault) -> AsyncIterator[tuple[str, World]]:
    """The base URL of a server with this fault, and its world, for the length of a `with`."""
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        proxy = Proxy(upstream, fault, session)
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{tail:.*}", proxy.__call__)
        runner = web.AppRunner(app, shutdown_timeout=1.0, auto_decompress=False)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # pyright: ignore  (aiohttp has no other way)
        try:
            yield f"http://127.0.0.1:{port}{PREFIX}", proxy.world
        finally:
            await runner.cleanup()
