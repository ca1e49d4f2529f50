"""A real uvicorn on a free port, real runs and a real store, and an engine that the test drives by hand."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from tests.support.house import PlainInputs

from antiphon.config import (
    AuthSettings,
    HttpSettings,
    RateSettings,
    ReasoningSettings,
    RunSettings,
    StoreSettings,
)
from antiphon.core.context import Sample
from antiphon.core.deltas import Delta, FinishDelta, TextDelta, Usage, UsageDelta
from antiphon.core.errors import EngineFailure, Invalid
from antiphon.http.app import build_app
from antiphon.http.exchange import AppDeps
from antiphon.http.metrics import Metrics
from antiphon.http.server import build_server
from antiphon.ports import ModelInfo, Route, TokenCount
from antiphon.run.loop import World
from antiphon.run.runs import Lifetimes, Runs
from antiphon.run.vault import Vault
from antiphon.store import open_store

PATIENCE_S = 20.0
END = object()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, bounded."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 (what is waited for is not ours to signal)
            await asyncio.sleep(0.002)


class HandTurn:
    """One engine answer; the test says what comes next."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.closed = asyncio.Event()
        self._queue: asyncio.Queue[Any] = asyncio.Queue()

    def say(self, *texts: str) -> None:
        """One network read with these deltas."""
        self._queue.put_nowait([TextDelta(text) for text in texts])

    def give(self, *deltas: Delta) -> None:
        self._queue.put_nowait(list(deltas))

    def finish(self) -> None:
        self.give(FinishDelta("stop"), UsageDelta(Usage(7, 3)))
        self._queue.put_nowait(END)

    def fail(self, failure: Exception) -> None:
        self._queue.put_nowait(failure)

    async def __aiter__(self) -> AsyncIterator[Sequence[Delta]]:
        while (batch := await self._queue.get()) is not END:
            if isinstance(batch, Exception):
                raise batch
            yield batch

    async def aclose(self) -> None:
        self.closed.set()


@dataclass
class HandEngine:
    """Opens turns that the test drives, or that answer at once when `auto` is set."""

    name: str = "hand"
    native_tools: frozenset[str] = frozenset()
    auto: tuple[str, ...] | None = ("Hello", " world")
    refuse: EngineFailure | None = None
    accept: asyncio.Event | None = None
    turns: list[HandTurn] = field(default_factory=list)
    opened: int = 0

    def check(self, sample: Sample) -> None: ...

    async def open(self, sample: Sample) -> HandTurn:
        self.opened += 1
        if self.accept is not None:
            await self.accept.wait()
        if self.refuse is not None:
            raise self.refuse
        turn = HandTurn(sample)
        self.turns.append(turn)
        if self.auto is not None:
            turn.say(*self.auto)
            turn.finish()
        return turn

    async def turn(self, number: int = 0) -> HandTurn:
        """The n-th turn, once it is there."""
        await until(lambda: len(self.turns) > number)
        return self.turns[number]

    async def count_tokens(self, sample: Sample) -> TokenCount:
        return TokenCount(len(sample.items), exact=False)

    async def models(self) -> Sequence[ModelInfo]:
        return [ModelInfo("m", created=1, owned_by="tests"), ModelInfo("org/m", created=2)]

    async def ready(self) -> bool:
        return True

    async def aclose(self) -> None: ...


class OneRouter:
    """Every model `m…` leads to the one engine."""

    def __init__(self, engine: HandEngine) -> None:
        self.engine, self.is_ready = engine, True

    async def route(self, model: str) -> Route:
        if not model.startswith(("m", "org/")):
            raise Invalid(f"The model '{model}' does not exist.", param="model", code="model_not_found")
        return Route(self.engine, model, model)

    async def models(self) -> Sequence[ModelInfo]:
        return await self.engine.models()

    async def ready(self) -> bool:
        return self.is_ready

    async def aclose(self) -> None: ...


class CountedIds:
    """`resp_00000001` and so on: stable lengths, easy to read."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def new(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers):08d}"


class HandClock:
    """Stands still until the test moves it."""

    def __init__(self) -> None:
        self.at = 1_700_000_000.0

    def now(self) -> float:
        return self.at


class BreakableStore:
    """The real store, until the test says otherwise."""

    def __init__(self, real: Any) -> None:
        self._real, self.is_ready = real, True
        self.broken: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def ready(self) -> bool:
        return self.is_ready and await self._real.ready()

    async def create_conversation(self, *args: Any) -> None:
        if self.broken is not None:
            raise self.broken
        await self._real.create_conversation(*args)


@dataclass
class Rig:
    """A running server."""

    port: int
    engine: HandEngine
    router: OneRouter
    store: Any
    runs: Runs
    metrics: Metrics
    clock: HandClock
    server: Any

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def raw(self, request: bytes, *, until_closed: bool = False) -> bytes:
        """Send bytes on a fresh connection; what comes back until one whole answer, or the close."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            async with asyncio.timeout(PATIENCE_S):
                return await (reader.read() if until_closed else answer(reader))
        finally:
            writer.close()


async def answer(reader: asyncio.StreamReader) -> bytes:
    """One whole HTTP answer as bytes: head and body, chunked or counted."""
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        body = b""
        while True:
            line = await reader.readline()
            body += line
            size = int(line, 16)
            body += await reader.readexactly(size + 2)
            if size == 0:
                return head + body
    length = lower.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return head + await reader.readexactly(int(length or b"0"))


@contextlib.asynccontextmanager
async def serving(
    tmp: Path,
    http: HttpSettings | None = None,
    auth: AuthSettings | None = None,
    rate: RateSettings | None = None,
    run: RunSettings | None = None,
) -> AsyncIterator[Rig]:
    """A server for one test."""
    http = http or HttpSettings(port=0)
    engine, clock, ids, metrics = HandEngine(), HandClock(), CountedIds(), Metrics()
    store = BreakableStore(open_store(StoreSettings(url=f"sqlite:///{tmp}/store.db"), clock))
    await store.open()
    router = OneRouter(engine)
    vault = Vault(store, ReasoningSettings(), clock)
    await vault.rotate()
    world = World(store, vault, clock, ids, run or RunSettings(), incident=metrics.incident)
    runs = Runs(world, router, PlainInputs(), Lifetimes(3600.0, 600.0))
    app = build_app(AppDeps(runs, store, router, clock, ids, "9.9"), http, auth, rate, metrics)
    server = build_server(app, http, ids)
    await started(server)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Rig(port, engine, router, store, runs, metrics, clock, server)
    finally:
        await runs.aclose(0.0)
        await stopped(server)
        await store.aclose()


async def started(server: uvicorn.Server) -> None:
    """What `serve` does first, without its signals and its tick of 0.1 s."""
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup()
    await server.on_tick(0)


async def stopped(server: uvicorn.Server) -> None:
    """Drop every connection and wait for what was running."""
    for listener in server.servers:
        listener.close()
    for connection in list(server.server_state.connections):
        connection.transport.abort()
    tasks = list(server.server_state.tasks)
    if tasks:
        _, running = await asyncio.wait(tasks, timeout=PATIENCE_S)
        assert not running
