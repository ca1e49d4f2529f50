"""Public model names → engines: aliases first, then configured names, then what engines list."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from antiphon.config import EngineSettings, ModelSettings
from antiphon.core.errors import EngineFailure, Invalid
from antiphon.ports import Clock, Engine, ModelInfo, Route

logger = structlog.get_logger("antiphon.engines")

LISTING_TTL_S = 60.0
"""How long an engine's list of models is believed."""
RETRY_S = 2.0
"""How soon a list that could not be had, or lacked a name, is asked for again."""


@dataclass(slots=True)
class _Listed:
    """An engine's models as last seen; None: it did not answer."""

    models: Sequence[ModelInfo] | None
    at: float


class ModelRouter:
    """Implements `ports.Router` over the configured engines, in their order."""

    def __init__(
        self,
        engines: Mapping[str, tuple[EngineSettings, Engine]],
        aliases: Sequence[ModelSettings],
        clock: Clock,
    ) -> None:
        self._engines = engines
        self._aliases = {alias.name: alias for alias in aliases}
        self._clock = clock
        self._lists: dict[str, _Listed] = {}

    async def route(self, model: str) -> Route:
        alias = self._aliases.get(model)
        if alias is not None:
            return Route(self._engines[alias.engine][1], alias.model or model, model)
        for settings, engine in self._engines.values():
            if model in settings.models:
                return Route(engine, model, model)
        for max_age in (LISTING_TTL_S, RETRY_S):
            engine = await self._find(model, max_age)
            if engine is not None:
                return Route(engine, model, model)
        raise Invalid(f"The requested model '{model}' does not exist.", param="model", code="model_not_found")

    async def models(self) -> Sequence[ModelInfo]:
        named: dict[str, ModelInfo] = {}
        for settings, engine in self._engines.values():
            listed = {m.id: m for m in await self._list(engine, LISTING_TTL_S) or ()}
            for name in settings.models or listed:
                named.setdefault(name, listed.get(name, ModelInfo(name, owned_by=engine.name)))
        for alias in self._aliases.values():
            named[alias.name] = ModelInfo(alias.name, owned_by=alias.engine)
        return tuple(named.values())

    async def ready(self) -> bool:
        """Whether any engine is: one dead engine must not take the others out of service."""
        return any(await asyncio.gather(*(engine.ready() for _, engine in self._engines.values())))

    async def aclose(self) -> None:
        for _, engine in self._engines.values():
            await engine.aclose()

    async def _find(self, model: str, max_age: float) -> Engine | None:
        """The first engine without configured names that lists the model, or that lists nothing."""
        fallback: Engine | None = None
        for settings, engine in self._engines.values():
            if settings.models:
                continue
            listed = await self._list(engine, max_age)
            if any(m.id == model for m in listed or ()):
                return engine
            if not listed and fallback is None:
                # It cannot list, or does not answer now: the turn itself will tell.
                fallback = engine
        return fallback

    async def _list(self, engine: Engine, max_age: float) -> Sequence[ModelInfo] | None:
        known, now = self._lists.get(engine.name), self._clock.now()
        if known is not None and now - known.at <= (max_age if known.models is not None else RETRY_S):
            return known.models
        try:
            models: Sequence[ModelInfo] | None = await engine.models()
        except EngineFailure as failure:
            logger.warning("engine does not list its models", engine=engine.name, kind=failure.kind)
            models = None
        self._lists[engine.name] = _Listed(models, now)
        return models
