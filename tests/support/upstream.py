"""A loopback server that plays any Chat Completions server, and any fault of one.

async with Upstream() as upstream:
    upstream.play(say("Hello"), fail(429, {"message": "slow down"}, {"retry-after": "1"}))
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from aiohttp import web

JSON = dict[str, Any]

WAIT_S = 10.0
"""No test waits longer than this for anything."""


@dataclass
class Reply:
    """One answer: its chunks go out one by one, each in a write of its own.

    `end`: `close` ends the body properly, `drop` resets the connection, `hang` sends nothing more until the
    other side goes. `gate` holds back everything after the first `free` chunks; `silent` sends no headers.
    """

    chunks: Sequence[bytes] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    end: Literal["close", "drop", "hang"] = "close"
    gate: asyncio.Event | None = None
    free: int = 1
    silent: bool = False


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Upstream:
    """The server. `url` ends in `/v1`; `asked` holds the requests; `gone` is set when a client left early."""

    turn_path = "/v1/chat/completions"

    def __init__(self, owner: str = "somebody", model: str = "m", window: int | None = None) -> None:
        entry: JSON = {"id": model, "object": "model", "created": 7, "owned_by": owner}
        if window is not None:
            entry["max_model_len"] = window
        self.asked: list[Asked] = []
        self.gone = asyncio.Event()
        self._arrived = asyncio.Event()
        self._turns: deque[Reply] = deque()
        self._fixed: dict[str, Reply] = {"/v1/models": answer({"object": "list", "data": [entry]})}
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", self._serve)
        # Cancelled handlers are how a server learns at once that its client has gone.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def play(self, *replies: Reply) -> None:
        """The next answers to `POST` on `turn_path`; afterwards it answers `otherwise`."""
        self._turns.extend(replies)

    def otherwise(self) -> Reply:
        return say("Hello.")

    def serve(self, path: str, reply: Reply) -> None:
        """What another path answers from now on; unknown ones answer 404."""
        self._fixed[path] = reply

    @property
    def turns(self) -> list[JSON]:
        """The bodies of the turns asked for, in order."""
        return [asked.body for asked in self.asked if asked.path == self.turn_path]

    async def reached(self) -> None:
        """Wait until a request has arrived."""
        async with asyncio.timeout(WAIT_S):
            await self._arrived.wait()

    async def left(self) -> None:
        """Wait until a client has left before its answer was complete."""
        async with asyncio.timeout(WAIT_S):
            await self.gone.wait()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        self._arrived.set()
        self.asked.append(Asked(request.method, request.path, dict(request.headers), body))
        if request.path == self.turn_path:
            reply = self._turns.popleft() if self._turns else self.otherwise()
        else:
            reply = self._fixed.get(request.path, fail(404, {"message": "no such route"}))
        try:
            return await self._send(request, reply)
        except (asyncio.CancelledError, ConnectionError):
            self.gone.set()
            raise

    async def _send(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        if not reply.silent:
            await response.prepare(request)
        for at, chunk in enumerate(reply.chunks):
            if reply.gate is not None and at >= reply.free:
                await reply.gate.wait()
            await response.write(chunk)
            await asyncio.sleep(0)
        if reply.end == "hang":
            await asyncio.sleep(WAIT_S * 6)
        if reply.end == "drop":
            assert request.transport is not None
            request.transport.abort()
            with contextlib.suppress(ConnectionError):
                await response.write_eof()
            return response
        await response.write_eof()
        return response


# ---------- what servers say


def chunk(delta: JSON | None, finish: str | None = None, **extra: Any) -> JSON:
    """One chunk; `delta` None: no choices."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": choices, **extra}


def event(data: JSON | str) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    return f"data: {text}\n\n".encode()


DONE = event("[DONE]")
USAGE: JSON = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def stream(*chunks: JSON, done: bool = True) -> list[bytes]:
    return [*map(event, chunks), *([DONE] if done else [])]


def say(*words: str, **reply: Any) -> Reply:
    """An answer of these pieces of text, with usage."""
    said = [chunk({"content": word}) for word in words]
    chunks = stream(
        chunk({"role": "assistant", "content": ""}), *said, chunk({}, "stop"), chunk(None, usage=USAGE)
    )
    return Reply(chunks, **reply)


def call(name: str, *arguments: str, call_id: str = "c1", before: Sequence[JSON] = ()) -> Reply:
    """An answer that calls a function, its arguments in these fragments."""
    first = {"index": 0, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
    rest = [{"index": 0, "function": {"arguments": fragment}} for fragment in arguments]
    calls = [chunk({"tool_calls": [fragment]}) for fragment in (first, *rest)]
    deltas = [chunk(delta) for delta in before]
    return Reply(stream(*deltas, *calls, chunk({}, "tool_calls"), chunk(None, usage=USAGE)))


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """A plain JSON answer."""
    given = {"content-type": "application/json", **(headers or {})}
    return Reply([json.dumps(body).encode()], status, given)


def fail(status: int, error: Any, headers: dict[str, str] | None = None) -> Reply:
    """An error in OpenAI's form."""
    return answer({"error": error}, status, headers)


def page(status: int = 200) -> Reply:
    """A web page, as proxies answer."""
    return Reply([b"<!doctype html><title>Welcome</title>"], status, {"content-type": "text/html"})
