"""The levers of the engines that speak Responses or a script."""

from __future__ import annotations

import json
from collections import deque

from tests.contract.engine.rig import MODEL, SECRET, STATUSES
from tests.support.responses_upstream import ResponsesUpstream, added, begin, call, done, end, message, told
from tests.support.upstream import fail

from antiphon.config import EngineSettings
from antiphon.core.context import Sample
from antiphon.core.errors import FailureKind
from antiphon.engines.responses.engine import ResponsesEngine
from antiphon.engines.scripted.engine import ScriptedEngine
from antiphon.ports import Engine


class ResponsesRig:
    """The adapter for upstreams that speak Responses, over a loopback server."""

    def __init__(self, upstream: ResponsesUpstream) -> None:
        self._upstream = upstream
        self.model = MODEL
        settings = EngineSettings(
            name="upstream",
            kind="responses",
            url=upstream.url,
            key=SECRET,
            retries=0,
            idle_timeout_s=0.2,
            connect_timeout_s=2.0,
        )
        self.engine: Engine = ResponsesEngine(settings)

    def says(self, *pieces: str, thinking: str = "") -> None:
        item = {"id": "rs_0", "type": "reasoning", "summary": []}
        content = [{"type": "reasoning_text", "text": thinking}]
        thought = [added(item), done({**item, "content": content})] if thinking else []
        self._upstream.play(told([*begin(), *thought, *message(*pieces, index=1), end()]))

    def calls(self, name: str, arguments: str) -> None:
        self._upstream.play(told([*begin(), *call(name, *arguments), end()]))

    def refuses(self, kind: FailureKind) -> None:
        status, words = STATUSES[kind]
        self._upstream.play(fail(status, {"message": words}, {"retry-after": "30"}))

    def breaks_off(self, piece: str) -> None:
        self._upstream.play(told([*begin(), *message(piece)[:3]], end="drop"))

    def falls_silent(self, piece: str) -> None:
        self._upstream.play(told([*begin(), *message(piece)[:3]], end="hang"))

    def goes_away(self) -> None:
        gone = fail(503, {"message": "busy"})
        self._upstream.serve("/v1/models", gone)
        self._upstream.play(gone)

    async def abandoned(self) -> None:
        await self._upstream.left()


class ScriptedRig:
    """The scripted engine, told by a queue of scripts instead of the user."""

    def __init__(self) -> None:
        self._scripts: deque[str] = deque()
        settings = EngineSettings(name="stage", kind="scripted", idle_timeout_s=0.2)
        self._engine = ScriptedEngine(settings, told=self._next)
        self.engine: Engine = self._engine
        self.model = "scripted"

    def says(self, *pieces: str, thinking: str = "") -> None:
        thought = [f"think {json.dumps(thinking)}"] if thinking else []
        self._play(*thought, *(f"say {json.dumps(piece)}" for piece in pieces))

    def calls(self, name: str, arguments: str) -> None:
        self._play("split 1", f"call {name} {arguments}")

    def refuses(self, kind: FailureKind) -> None:
        self._play(f"fail {kind} retry_after=30 No.")

    def breaks_off(self, piece: str) -> None:
        self._play(f"say {piece}", "fail dropped")

    def falls_silent(self, piece: str) -> None:
        self._play(f"say {piece}", "pause never")

    def goes_away(self) -> None:
        self._engine.up = False

    async def abandoned(self) -> None:
        assert self._engine.running == 0

    def _next(self, _: Sample) -> str:
        return self._scripts.popleft() if self._scripts else ""

    def _play(self, *lines: str) -> None:
        self._scripts.append("\n".join(("#script", *lines)))
