"""The composition root: settings → a running server, and its orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from secrets import token_hex
from typing import Any

import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp

from antiphon.config import EngineSettings, HttpSettings, Settings
from antiphon.core.errors import AntiphonError
from antiphon.core.request import Rules, plan_request
from antiphon.engines.build import build_engine
from antiphon.engines.router import ModelRouter
from antiphon.http.app import build_app
from antiphon.http.exchange import AppDeps
from antiphon.http.metrics import Metrics
from antiphon.http.server import build_server
from antiphon.inputs.fetch import GuardedFetcher
from antiphon.inputs.formats import check_formats
from antiphon.inputs.grammar import Grammars
from antiphon.inputs.resolve import InputResolver
from antiphon.ports import Engine, Ids, Store, StoreDown
from antiphon.run.loop import World
from antiphon.run.recovery import recover
from antiphon.run.runs import Lifetimes, Runs
from antiphon.run.vault import Vault
from antiphon.store import open_store
from antiphon.store.claim import claimed

logger = structlog.get_logger("antiphon")


class SystemClock:
    """`ports.Clock`."""

    def now(self) -> float:
        return time.time()


class RandomIds:
    """`ports.Ids`: 192 random bits, in the length that the real API uses."""

    def new(self, prefix: str) -> str:
        return f"{prefix}_{token_hex(24)}"


class StartError(AntiphonError):
    """The server cannot start; the message says why in one line."""


@dataclass(frozen=True, slots=True)
class House:
    """A started server without its sockets. `app` answers; `runs` are drained at the end."""

    app: ASGIApp
    runs: Runs
    store: Store
    vault: Vault
    ids: Ids


@contextlib.asynccontextmanager
async def open_house(settings: Settings) -> AsyncGenerator[House]:
    """Store, engines and application, opened in order and closed in the reverse.

    Raises `StoreDown` and what engines raise when they cannot start.
    """
    clock, ids, metrics = SystemClock(), RandomIds(), Metrics()
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(claimed(settings.store))
        store = open_store(settings.store)
        await store.open()
        stack.push_async_callback(store.aclose)
        await recover(store)
        vault = Vault(store, settings.reasoning, clock)
        await vault.rotate()
        router = ModelRouter(await _engines(settings, stack), settings.models, clock)
        fetcher = GuardedFetcher(settings.fetch)
        stack.push_async_callback(fetcher.aclose)
        inputs = InputResolver(fetcher, settings.inputs)
        grammars = Grammars(settings.inputs)
        check = partial(check_formats, grammars=grammars)
        world = World(store, vault, clock, ids, settings.run, grammars.accepts, check, metrics.incident)
        lifetimes = Lifetimes(settings.store.response_ttl_s, settings.store.hidden_ttl_s)
        runs = Runs(world, router, inputs, lifetimes)
        deps = AppDeps(runs, store, router, clock, ids, version("antiphon"))
        app = build_app(deps, settings.http, settings.auth, settings.rate, metrics)
        house = House(app, runs, store, vault, ids)
        plan_request({"model": "warm-up", "input": ""}, Rules(), ids.new)  # compiles the validators
        upkeep = asyncio.create_task(_upkeep(house, settings))
        upkeep.add_done_callback(_upkeep_ended)
        stack.callback(upkeep.cancel)
        stack.push_async_callback(runs.aclose, settings.http.shutdown_grace_s)
        yield house


async def _engines(
    settings: Settings, stack: contextlib.AsyncExitStack
) -> dict[str, tuple[EngineSettings, Engine]]:
    engines: dict[str, tuple[EngineSettings, Engine]] = {}
    for each in settings.engines:
        engine = build_engine(each)
        stack.push_async_callback(engine.aclose)
        start = getattr(engine, "start", None)
        if start is not None:
            await start()
        engines[each.name] = (each, engine)
    return engines


def _upkeep_ended(task: asyncio.Task[None]) -> None:
    """Nothing but the end of the house ends it: anything else is our bug, and must be heard."""
    if not task.cancelled() and task.exception() is not None:
        logger.error("upkeep ended: nothing expires any more", exc_info=task.exception())


async def _upkeep(house: House, settings: Settings) -> None:
    """Now and then: delete what has expired, and let a new key take over."""
    while True:
        await asyncio.sleep(settings.store.sweep_interval_s)
        try:
            counts = await house.store.sweep(time.time())
            if any(counts.values()):
                logger.info("swept", **counts)
            if house.vault.stale:
                await house.vault.rotate()
        except StoreDown as error:
            logger.warning("upkeep failed", reason=str(error))


class Stop:
    """The first signal asks the server to end in its grace, the second to end now."""

    def __init__(self) -> None:
        self.asked, self.insisted = asyncio.Event(), asyncio.Event()

    def ask(self) -> None:
        (self.insisted if self.asked.is_set() else self.asked).set()


async def _serve(settings: Settings) -> None:
    with _bound(settings.http) as listener:
        await _serve_on(listener, settings)


async def _serve_on(listener: socket.socket, settings: Settings) -> None:
    async with open_house(settings) as house:
        server = build_server(house.app, settings.http, house.ids)
        stop = Stop()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.ask)
        serving = asyncio.create_task(server.serve([listener]))
        # What start-up made stays: the collector need not walk it again and again while tokens stream.
        gc.collect()
        gc.freeze()
        await _announce(server, serving)
        await _first(serving, stop.asked.wait())
        drained = asyncio.create_task(house.runs.aclose(settings.http.shutdown_grace_s))
        await _first(drained, stop.insisted.wait())
        if not drained.done():
            server.config.timeout_graceful_shutdown = 1  # seconds for clients to read the end
            await house.runs.aclose(0.0)
        await drained
        server.should_exit = True
        await serving


async def _first(task: asyncio.Task[None], event: Coroutine[Any, Any, object]) -> None:
    """Wait for the task or for the event."""
    waiting = asyncio.create_task(event)
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _announce(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    """One line with the address, once connections are taken. Raises what ended the server before that."""
    while not server.started:
        if serving.done():
            await serving
            raise StartError("the server ended before it took connections")
        await asyncio.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    logger.info("ready", address=f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")


def _bound(http: HttpSettings) -> socket.socket:
    """The address, taken before anything is loaded; nobody can connect until the server listens on it.

    Raises `StartError`.
    """
    try:
        found = socket.getaddrinfo(http.host, http.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise StartError(f"cannot listen on {http.host}:{http.port}: {error.strerror}") from error
    return listener


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. 0: a clean end; 1: could not start, with one line saying why."""
    try:
        uvloop.run(_serve(settings))
    except (StoreDown, AntiphonError, OSError) as error:
        print(f"antiphon: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0
