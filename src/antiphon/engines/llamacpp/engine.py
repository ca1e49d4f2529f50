"""The embedded engine: a llama.cpp child process, spoken to as any Chat Completions server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import structlog

from antiphon.config import EngineSettings
from antiphon.core.context import Sample
from antiphon.core.errors import EngineFailure
from antiphon.engines.chat.engine import ChatEngine
from antiphon.engines.llamacpp.server import EmbeddedServer, EngineStartError
from antiphon.ports import ModelInfo, TokenCount, Turn

_LONGEST_TOKEN = 64
"""Bytes of JSON that no tokenizer packs into one token on average."""

logger = structlog.get_logger("antiphon.engines")


class EmbeddedEngine:
    """Starts the child with `start`, and again when it has died and a turn needs it."""

    def __init__(self, settings: EngineSettings, server: EmbeddedServer) -> None:
        self._settings, self._server = settings, server
        self._chat: ChatEngine | None = None
        self._starting = asyncio.Lock()

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def native_tools(self) -> frozenset[str]:
        return frozenset()

    async def start(self) -> None:
        """Load the model. Raises `EngineStartError`."""
        await self._living()

    def check(self, sample: Sample) -> None:
        if self._chat is not None:
            self._chat.check(sample)

    async def open(self, sample: Sample) -> Turn:
        self._check_size(sample)
        return await (await self._chat_now()).open(self._own(sample))

    async def count_tokens(self, sample: Sample) -> TokenCount:
        return await (await self._chat_now()).count_tokens(self._own(sample))

    async def models(self) -> Sequence[ModelInfo]:
        return await (await self._chat_now()).models()

    async def ready(self) -> bool:
        return self._server.alive and self._chat is not None and await self._chat.ready()

    async def aclose(self) -> None:
        if self._chat is not None:
            await self._chat.aclose()
        await self._server.aclose()

    def _check_size(self, sample: Sample) -> None:
        """Refuse what cannot fit before llama.cpp spends gigabytes on finding out."""
        limit = self._server.config.context_tokens * _LONGEST_TOKEN
        if sum(len(msgspec.json.encode(item)) for item in sample.items) > limit:
            raise EngineFailure(
                "context_length", f"The input does not fit the context window of the engine '{self.name}'."
            )

    def _own(self, sample: Sample) -> Sample:
        """The child knows its one model by the file's name, whatever the public name is."""
        return replace(sample, model=self._server.config.model_name)

    async def _chat_now(self) -> ChatEngine:
        try:
            return await self._living()
        except EngineStartError as error:
            raise EngineFailure("unreachable", "The embedded engine could not be started.") from error

    async def _living(self) -> ChatEngine:
        """The adapter of the living child; one caller starts it, the others wait."""
        async with self._starting:
            if self._chat is not None and self._server.alive:
                return self._chat
            if self._chat is not None:
                logger.warning(
                    "the embedded engine died", engine=self.name, cause=await self._server.wait_dead()
                )
                await self._chat.aclose()
                self._chat = None
            await self._server.restart()
            settings = msgspec.structs.replace(
                self._settings,
                kind="chat",
                url=self._server.url,
                key=self._server.api_key,
                dialect="llamacpp",
            )
            self._chat = ChatEngine(settings)
            return self._chat
