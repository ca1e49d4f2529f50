"""A server that speaks the Responses API itself as an engine: OpenAI, vLLM, another Antiphon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import aiohttp
import msgspec
import structlog

from antiphon.config import EngineSettings
from antiphon.core.chat.dialect import Dialect
from antiphon.core.context import Sample
from antiphon.core.deltas import JSON
from antiphon.core.errors import EngineFailure, Unsupported
from antiphon.engines.responses.dialects import DIALECTS, UpstreamDialect
from antiphon.engines.responses.events import UpstreamReader
from antiphon.engines.responses.faults import answer_failure
from antiphon.engines.responses.request import count_body, turn_body
from antiphon.engines.upstream.dialects import by_listing, by_url, models_of
from antiphon.engines.upstream.http import EngineHttp
from antiphon.engines.upstream.turn import ChatTurn
from antiphon.ports import ModelInfo, TokenCount, Turn

READY_TIMEOUT_S = 5.0
BYTES_PER_TOKEN = 4.0
"""The estimate where the upstream does not count: of English text; other scripts have more."""

_SPOKEN = Dialect("responses")  # the shared HTTP code asks for one; `_refusal` does not

logger = structlog.get_logger("antiphon.engines")


class ResponsesEngine:
    """Implements `ports.Engine`. Nothing is connected before the first call.

    With `dialect: auto` the upstream is recognised by its host or, once, by its list of models. Raises
    `ValueError` for settings without a usable URL.
    """

    def __init__(self, settings: EngineSettings, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._http = EngineHttp(settings, now, _refusal)
        host = by_url(self._http.address.api) if settings.dialect == "auto" else None
        self._known = settings.dialect != "auto" or host is not None
        self._dialect = self._row(settings.dialect if host is None else host.name)
        self._recognising = asyncio.Lock()
        self._counts = True  # until it answers that it does not

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def native_tools(self) -> frozenset[str]:
        return self._dialect.native_tools

    def check(self, sample: Sample) -> None:
        """Whatever a request can say, this API can say; but not every upstream holds a call to a grammar."""
        if sample.grammar is not None and (self._dialect.plain or not self._known):
            raise Unsupported(f"The engine '{self.name}' holds no custom tool to its grammar.", param="tools")

    async def open(self, sample: Sample) -> Turn:
        dialect = await self._spoken()
        if not self._settings.cache_salt:
            sample = replace(sample, cache_salt=None)
        body = turn_body(sample, dialect)
        response = await self._http.stream(body, _SPOKEN, "responses")
        reader = UpstreamReader(
            self._settings.max_event_bytes,
            limit=sample.settings.max_output_tokens if dialect.cut_is_completed else None,
        )
        return UpstreamTurn(response, reader, self._settings, self._http)

    async def count_tokens(self, sample: Sample) -> TokenCount:
        body = count_body(turn_body(sample, await self._spoken()))
        if self._counts:
            try:
                return TokenCount(await self._counted(body), exact=True)
            except EngineFailure as failure:
                unknown = failure.kind == "not_found" and failure.code != "model_not_found"
                if not unknown and failure.kind != "malformed":
                    raise
                self._counts = False
        return TokenCount(int(len(msgspec.json.encode(body)) / BYTES_PER_TOKEN) + 1, exact=False)

    async def models(self) -> Sequence[ModelInfo]:
        try:
            answer = await self._http.query(self._http.api("models"), _SPOKEN)
        except EngineFailure as failure:
            if failure.kind in ("not_found", "malformed"):
                return ()
            raise
        found = None if self._known else by_listing(answer.said, answer.headers)
        if found is not None:
            self._dialect = self._row(found.name)
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

    def _row(self, name: str) -> UpstreamDialect:
        row = DIALECTS.get(name, DIALECTS["generic"])  # `auto` begins as an unknown server
        own = frozenset(self._settings.native_tools)
        return replace(row, native_tools=own) if own else row

    async def _spoken(self) -> UpstreamDialect:
        """The dialect, found out once by the list of models. Raises `EngineFailure` out of reach."""
        if self._known:
            return self._dialect
        async with self._recognising:
            if not self._known:
                try:
                    await self.models()
                except EngineFailure as failure:
                    if failure.kind in ("unreachable", "timeout"):
                        raise
                self._known = True
        return self._dialect

    async def _counted(self, body: JSON) -> int:
        answer = await self._http.query(self._http.api("responses/input_tokens"), _SPOKEN, body)
        tokens = answer.get("input_tokens")
        if not isinstance(tokens, int):
            raise EngineFailure("malformed", "The engine gave no token count.")
        return tokens

    def _model(self, model: JSON) -> ModelInfo:
        window = self._settings.context_tokens or model.get("max_model_len")
        created = model.get("created")
        return ModelInfo(
            id=model["id"],
            created=created if isinstance(created, int) else 0,
            owned_by=str(model.get("owned_by") or self.name),
            context_tokens=window if isinstance(window, int) else None,
        )


def _refusal(status: int, body: bytes, _: Dialect, retry_after: float | None) -> EngineFailure:
    return answer_failure(status, body, retry_after)


class UpstreamTurn(ChatTurn):
    """One stream of events. At its end it says in the log which events were left out."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        reader: UpstreamReader,
        settings: EngineSettings,
        http: EngineHttp,
    ) -> None:
        super().__init__(response, reader, settings.idle_timeout_s, http.cleaned)
        self._left_out, self._name = reader.left_out, settings.name

    async def aclose(self) -> None:
        await super().aclose()
        if self._left_out:
            logger.debug("upstream events left out", engine=self._name, events=dict(self._left_out))
            self._left_out.clear()
