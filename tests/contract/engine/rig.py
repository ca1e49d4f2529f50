"""The levers that the engine contract pulls: an engine, and what is behind it.

A new adapter joins by one more `Rig` in `conftest.RIGS`.
"""

from __future__ import annotations

from typing import Protocol

from tests.support.upstream import Reply, Upstream, answer, call, chunk, event, fail, say, stream

from antiphon.config import EngineSettings
from antiphon.core.errors import FailureKind
from antiphon.engines.chat.engine import ChatEngine
from antiphon.ports import Engine

SECRET = "sk-contract-secret"
MODEL = "m"


class Rig(Protocol):
    """One engine. The plays are queued: each turn takes the next. `model` is a name that it serves."""

    engine: Engine
    model: str

    def says(self, *pieces: str, thinking: str = "") -> None: ...

    def calls(self, name: str, arguments: str) -> None: ...

    def refuses(self, kind: FailureKind) -> None:
        """The next turn is refused for this reason, before it is accepted."""
        ...

    def breaks_off(self, piece: str) -> None:
        """It says a piece, then the connection is lost."""
        ...

    def falls_silent(self, piece: str) -> None:
        """It says a piece, then nothing more."""
        ...

    def goes_away(self) -> None:
        """From now on it takes no request."""
        ...

    async def abandoned(self) -> None:
        """Return when what is behind the engine knows that nobody waits for its answer any more. Bounded."""
        ...


STATUSES: dict[FailureKind, tuple[int, str]] = {
    "context_length": (400, "maximum context length is 5 tokens"),
    "invalid_request": (400, "no such thing"),
    "auth": (401, f"wrong key {SECRET}"),
    "not_found": (404, "no such model"),
    "rate_limited": (429, "slow down"),
    "server": (500, f"broken at {SECRET}"),
    "overloaded": (503, "busy"),
}


class ChatRig:
    """The Chat Completions adapter over a loopback server."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self.model = MODEL
        settings = EngineSettings(
            name="upstream",
            url=upstream.url,
            key=SECRET,
            retries=0,
            idle_timeout_s=0.2,
            connect_timeout_s=2.0,
        )
        self.engine: Engine = ChatEngine(settings)

    def says(self, *pieces: str, thinking: str = "") -> None:
        thought = [event(chunk({"reasoning_content": thinking}))] if thinking else []
        reply = say(*pieces)
        self._upstream.play(Reply([*thought, *reply.chunks]))

    def calls(self, name: str, arguments: str) -> None:
        self._upstream.play(call(name, *arguments))

    def refuses(self, kind: FailureKind) -> None:
        status, message = STATUSES[kind]
        self._upstream.play(fail(status, {"message": message}, {"retry-after": "30"}))

    def breaks_off(self, piece: str) -> None:
        self._upstream.play(Reply(stream(chunk({"content": piece}), done=False), end="drop"))

    def falls_silent(self, piece: str) -> None:
        self._upstream.play(Reply(stream(chunk({"content": piece}), done=False), end="hang"))

    def goes_away(self) -> None:
        gone = fail(503, {"message": "busy"})
        self._upstream.serve("/v1/models", gone)
        self._upstream.play(gone)

    async def abandoned(self) -> None:
        await self._upstream.left()


class VllmRig(ChatRig):
    """The same adapter before a server that is taken for vLLM."""

    def __init__(self, upstream: Upstream) -> None:
        super().__init__(upstream)
        upstream.serve("/tokenize", answer({"count": 11}))
