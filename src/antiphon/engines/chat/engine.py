"""Any Chat Completions server as an engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

from antiphon.config import EngineSettings
from antiphon.core.chat.dialect import Dialect
from antiphon.core.chat.faults import limit_too_large
from antiphon.core.chat.forced import ForcedCall
from antiphon.core.chat.request import chat_body, check_sample, format_body, format_waits, steer
from antiphon.core.chat.stream import ChatReader
from antiphon.core.context import Sample
from antiphon.core.deltas import JSON
from antiphon.core.errors import EngineFailure
from antiphon.engines.chat.count import count_prompt
from antiphon.engines.upstream.dialects import DIALECTS, PROBES, by_listing, by_url, models_of
from antiphon.engines.upstream.http import EngineHttp
from antiphon.engines.upstream.turn import ChatTurn, FormatTurn
from antiphon.ports import ModelInfo, TokenCount, Turn

READY_TIMEOUT_S = 5.0


class ChatEngine:
    """Implements `ports.Engine`. Nothing is connected before the first call.

    With `dialect: auto` the server is recognised at the first call that reaches it, and again whenever its
    models are listed. Raises `ValueError` for settings without a usable URL.
    """

    def __init__(self, settings: EngineSettings, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._http = EngineHttp(settings, now)
        self._auto = settings.dialect == "auto"
        self._dialect = by_url(self._http.address.api) if self._auto else DIALECTS[settings.dialect]
        self._recognising = asyncio.Lock()

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def native_tools(self) -> frozenset[str]:
        return frozenset()

    @property
    def dialect(self) -> Dialect | None:
        """The dialect spoken with the server; None while it is not known."""
        return self._dialect

    def check(self, sample: Sample) -> None:
        """What is not known yet is checked when the turn opens."""
        if self._dialect is not None:
            check_sample(sample, self._dialect, self.name)

    async def open(self, sample: Sample) -> Turn:
        dialect = await self._known()
        check_sample(sample, dialect, self.name)
        if not self._settings.cache_salt:
            sample = replace(sample, cache_salt=None)
        body = chat_body(sample, dialect)
        first = await self._turn(body, sample, dialect)
        if not format_waits(sample, dialect):
            return first
        return FormatTurn(first, lambda: self._turn(format_body(body, sample), sample, dialect))

    async def count_tokens(self, sample: Sample) -> TokenCount:
        dialect = await self._known()
        return await count_prompt(self._http, chat_body(sample, dialect), dialect)

    async def models(self) -> Sequence[ModelInfo]:
        try:
            answer = await self._http.query(self._http.api("models"), self._dialect or DIALECTS["generic"])
        except EngineFailure as failure:
            if failure.kind in ("not_found", "malformed"):
                return ()
            raise
        if self._auto:
            self._dialect = by_listing(answer.said, answer.headers) or self._dialect
        return tuple(self._model(model) for model in models_of(answer.said))

    async def ready(self) -> bool:
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await self.models()
        except (EngineFailure, TimeoutError):
            return False
        return True

    async def aclose(self) -> None:
        await self._http.aclose()

    # ---------- inside

    async def _turn(self, body: JSON, sample: Sample, dialect: Dialect) -> ChatTurn:
        """Send one request, without its output limit if that is larger than the model's window."""
        try:
            response = await self._http.stream(body, dialect)
        except EngineFailure as failure:
            if dialect.max_tokens not in body or not limit_too_large(failure):
                raise
            unbounded = {k: v for k, v in body.items() if k != dialect.max_tokens}
            response = await self._http.stream(unbounded, dialect)
        reader = ChatReader(dialect, self._settings.max_event_bytes, sample.settings.top_logprobs or 0)
        forced = steer(sample, dialect)
        return ChatTurn(
            response,
            reader,
            self._settings.idle_timeout_s,
            self._http.cleaned,
            ForcedCall(forced) if forced else None,
        )

    async def _known(self) -> Dialect:
        """The dialect, found out once. Raises `EngineFailure` where the server cannot be asked."""
        if self._dialect is not None:
            return self._dialect
        async with self._recognising:
            if self._dialect is None:
                await self.models()
            if self._dialect is None:
                self._dialect = await self._probed()
        return self._dialect

    async def _probed(self) -> Dialect:
        generic = DIALECTS["generic"]
        for probe in PROBES:
            try:
                answer = await self._http.query(self._http.root(probe.path), generic)
            except EngineFailure:
                continue
            if answer.get(probe.key) is not None:
                return DIALECTS[probe.dialect]
        return generic

    def _model(self, model: JSON) -> ModelInfo:
        """vLLM and SGLang say `max_model_len`, llama.cpp `meta.n_ctx`."""
        meta = cast("dict[str, Any]", model.get("meta") or {})
        window = self._settings.context_tokens or model.get("max_model_len") or meta.get("n_ctx")
        return ModelInfo(
            id=model["id"],
            created=_int(model.get("created")) or 0,
            owned_by=str(model.get("owned_by") or self.name),
            context_tokens=_int(window),
        )


def _int(value: object) -> int | None:
    return value if isinstance(value, int) else None
