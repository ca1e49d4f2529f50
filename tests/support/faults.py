"""The whole server seen from outside: answers, numbers, what it holds open; and an engine that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web
from tests.support import judge
from tests.support.server import Server, start, stop
from tests.support.upstream import Reply, Upstream

JSON = dict[str, Any]

PATIENCE_S = 30.0
"""Nothing that a test waits for takes longer, on a machine that pauses for seconds."""


async def until(condition: Callable[[], Awaitable[object]] | Callable[[], object], what: str) -> None:
    """Wait for a condition, bounded. Raises `TimeoutError` that says what did not happen."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                seen = condition()
                if await seen if isinstance(seen, Awaitable) else seen:
                    return
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise TimeoutError(f"this did not happen in {PATIENCE_S:g} s: {what}") from None


# ---------- what a client gets


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, header names in lower case. `events` are of a stream that has ended properly."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> JSON:
        return json.loads(self.raw)

    @property
    def events(self) -> list[JSON]:
        return judge.read_stream(self.raw)

    @property
    def error(self) -> JSON:
        """The official error: exactly four keys, and the status that its type stands for."""
        assert self.status >= 400, (self.status, self.raw[:500])
        return official(self.json)


def official(body: Any) -> JSON:
    """The inner object of an error body, checked for the official form."""
    assert set(body) == {"error"}, body
    error = body["error"]
    assert set(error) == {"message", "type", "param", "code"}, body
    assert isinstance(error["message"], str), body
    assert error["message"], body
    assert isinstance(error["type"], str), body
    assert isinstance(error["param"], str | None), body
    assert isinstance(error["code"], str | None), body
    return error


@dataclass(frozen=True, slots=True)
class Front:
    """A client's side of one server."""

    server: Server
    session: aiohttp.ClientSession
    key: str = "sk-none"

    @property
    def port(self) -> int:
        return int(self.server.root.rpartition(":")[2])

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        """One request below `/v1`; `json` or `data` is its body."""
        headers = {"authorization": f"Bearer {self.key}", **more.pop("headers", {})}
        url = f"{self.server.base_url}{path}" if path.startswith("/") else path
        async with asyncio.timeout(PATIENCE_S):
            async with self.session.request(method, url, headers=headers, **more) as reply:
                told = {name.lower(): value for name, value in reply.headers.items()}
                return Answer(reply.status, told, await reply.read())

    async def create(self, **body: Any) -> Answer:
        return await self.ask("POST", "/responses", json=body)

    async def get(self, response_id: str) -> JSON:
        found = await self.ask("GET", f"/responses/{response_id}")
        assert found.status == 200, found.raw
        return found.json

    async def watch(self, body: JSON, seen: Callable[[JSON], None]) -> Answer:
        """A streamed create whose events are shown to `seen` as they come."""
        headers = {"authorization": f"Bearer {self.key}"}
        raw = b""
        async with asyncio.timeout(PATIENCE_S):
            url = f"{self.server.base_url}/responses"
            async with self.session.post(url, json={**body, "stream": True}, headers=headers) as reply:
                async for line in reply.content:
                    raw += line
                    if line.startswith(b"data: {"):
                        seen(json.loads(line[6:]))
                return Answer(reply.status, {}, raw)

    async def numbers(self) -> dict[str, float]:
        """The metrics."""
        page = (await self.ask("GET", f"{self.server.root}/metrics")).raw.decode()
        rows = (line.rsplit(" ", 1) for line in page.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in rows}

    async def incidents(self) -> dict[str, float]:
        """What went wrong inside, by kind; faults of the engine left out."""
        found = {name: n for name, n in (await self.numbers()).items() if "incidents_total{" in name and n}
        return {name: n for name, n in found.items() if "engine_failure" not in name}

    async def ready(self) -> int:
        return (await self.ask("GET", f"{self.server.root}/ready")).status


async def lawful(front: Front, events: list[JSON]) -> JSON:
    """The final object of a told response, which is the stored one and breaks no law."""
    final = events[-1]["response"]
    stored = await front.get(final["id"])
    assert judge.faults(events, stored) == []
    assert stored == final
    return final


def told_failure(events: list[JSON]) -> JSON:
    """`response.error` of a stream that failed: the hybrid `error` event, then `response.failed`."""
    error, failed = events[-2:]
    assert (error["type"], failed["type"]) == ("error", "response.failed")
    nested = error["error"]
    assert {key: error[key] for key in ("code", "message", "param")} == {
        key: nested[key] for key in ("code", "message", "param")
    }
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"] == {"code": nested["code"], "message": nested["message"]}
    return failed["response"]["error"]


@contextlib.asynccontextmanager
async def front_of(folder: Path, *flags: str, **more: str) -> AsyncIterator[Front]:
    """A server for the length of a `with`, and a client of it; `more` is as for `server.start`."""
    server = await asyncio.to_thread(start, folder, *flags, **more)
    try:
        async with client_of(server) as front:
            yield front
    finally:
        await asyncio.to_thread(stop, server)


@contextlib.asynccontextmanager
async def client_of(server: Server, key: str = "sk-none") -> AsyncIterator[Front]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield Front(server, session, key)


# ---------- what a process holds


@dataclass(frozen=True, slots=True)
class Held:
    """Open sockets and threads of a process."""

    sockets: int
    threads: int


def held(pid: int) -> Held:
    """What the process holds now. Linux."""
    sockets = 0
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            sockets += os.readlink(file).startswith("socket:")
    return Held(sockets, len(list(Path(f"/proc/{pid}/task").iterdir())))


# ---------- an engine that misbehaves


class Wild(Upstream):
    """An upstream that can go away and come back to its address, and that counts those who left it early."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.abandoned = 0
        self.under_way = 0
        self._port = 0

    async def __aenter__(self) -> Self:
        await self.come()
        return self

    async def come(self) -> None:
        """Listen, on the port of before."""
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()
        host, self._port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{self._port}/v1"

    async def go(self) -> None:
        """Drop every connection and listen no more."""
        assert self._runner is not None
        await self._runner.cleanup()

    def forget(self) -> None:
        """Play nothing of what was to come."""
        self._turns.clear()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.under_way += 1
        try:
            return await super()._serve(request)
        except (asyncio.CancelledError, ConnectionError):
            self.abandoned += 1
            raise
        finally:
            self.under_way -= 1


@contextlib.asynccontextmanager
async def raw_engine(said: bytes, *, reset: bool = False) -> AsyncIterator[str]:
    """The address of a server that answers every request with these bytes, and closes or resets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)
            await writer.drain()
            if reset:
                writer.transport.abort()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}/v1"


def bytewise(reply: Reply) -> Reply:
    """The same answer, a byte per write."""
    whole = b"".join(reply.chunks)
    return Reply([whole[i : i + 1] for i in range(len(whole))], reply.status, reply.headers, reply.end)
