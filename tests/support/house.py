"""A house in this process: real store, scripted engine, real runs; no sockets."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from antiphon.config import EngineSettings, ReasoningSettings, RunSettings, StoreSettings
from antiphon.core.deltas import JSON
from antiphon.engines.router import ModelRouter
from antiphon.engines.scripted.engine import ScriptedEngine
from antiphon.ports import Caller, Store
from antiphon.run.loop import World
from antiphon.run.recovery import recover
from antiphon.run.runs import Lifetimes, Runs
from antiphon.run.vault import Vault
from antiphon.store import open_store


@dataclass
class TestClock:
    """Time stands still until it is told to go on."""

    __test__ = False
    time: float = 1_700_000_000.0

    def now(self) -> float:
        return self.time


class CountingIds:
    """Ids that a reader can tell apart."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def new(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers):06d}"


class PlainInputs:
    """No files: items are what they are."""

    async def resolve(self, tenant: str, items: Sequence[JSON], history: int = 0) -> tuple[JSON, ...]:
        return tuple(items)


@dataclass
class House:
    runs: Runs
    store: Store
    engine: ScriptedEngine
    clock: TestClock
    incidents: list[str] = field(default_factory=list)
    me: Caller = field(default_factory=Caller)

    async def plain(self, **body: Any) -> JSON:
        """The final object of a plain request."""
        live = await self.runs.start({"model": "scripted", **body}, self.me)
        await live.accepted()
        return as_json(await live.result())

    async def stream(self, **body: Any) -> list[JSON]:
        """All events of a streamed request, decoded."""
        live = await self.runs.start({"model": "scripted", "stream": True, **body}, self.me)
        await live.accepted()
        return [msgspec.json.decode(e.data) async for batch in live.events() for e in batch]


def as_json(value: Any) -> Any:
    """What a client would read."""
    return msgspec.json.decode(msgspec.json.encode(value))


@asynccontextmanager
async def open_house(
    folder: Path, settings: RunSettings | None = None, *, engine: EngineSettings | None = None
) -> AsyncIterator[House]:
    clock, ids, incidents = TestClock(), CountingIds(), []
    store = open_store(StoreSettings(url=f"sqlite:///{folder}/house.db"), clock)
    await store.open()
    await recover(store)
    vault = Vault(store, ReasoningSettings(), clock)
    await vault.rotate()
    engine_settings = engine or EngineSettings(name="scripted", kind="scripted")
    scripted = ScriptedEngine(engine_settings, remember=100)
    router = ModelRouter({"scripted": (engine_settings, scripted)}, (), clock)
    world = World(store, vault, clock, ids, settings or RunSettings(), incident=incidents.append)
    runs = Runs(world, router, PlainInputs(), Lifetimes(2_592_000.0, 600.0))
    try:
        yield House(runs, store, scripted, clock, incidents)
    finally:
        await runs.aclose(5.0)
        await store.aclose()
