"""Answers under way: `ports.Turn` over the stream of a Chat Completions server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Protocol

import aiohttp

from antiphon.core.chat.forced import ForcedCall
from antiphon.core.deltas import (
    CallDelta,
    Delta,
    FinishDelta,
    ReasoningDelta,
    TextDelta,
    Usage,
    UsageDelta,
)
from antiphon.core.errors import EngineFailure

DRAIN_S = 0.1
"""How long the end of a body is waited for after `[DONE]`, so that the connection can be used again."""


class StreamReader(Protocol):
    """Reads one answer out of its bytes; `done` when nothing more will come. Raises `EngineFailure`."""

    done: bool

    def feed(self, data: bytes) -> list[Delta]: ...

    def close(self) -> list[Delta]: ...


class ChatTurn:
    """One stream. Iterating yields the deltas of one network read at a time.

    `cleaned` takes secrets out of a failure. A server that answers in one JSON object instead of a stream is
    read too.
    """

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        reader: StreamReader,
        idle_timeout_s: float,
        cleaned: Callable[[EngineFailure], EngineFailure],
        forced: ForcedCall | None = None,
    ) -> None:
        self._response, self._reader, self._forced = response, reader, forced
        self._bytes = response.content.readany
        self._idle, self._cleaned = idle_timeout_s, cleaned
        self._over = False
        self._shown = False
        self._begun = self._whole = False
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()  # of the last read
        self._timed_out = False
        self._watch = self._loop.call_later(idle_timeout_s, self._look)

    def __aiter__(self) -> ChatTurn:
        return self

    async def __anext__(self) -> Sequence[Delta]:
        try:
            while not self._over:
                deltas = await self._read()
                if self._forced is not None:
                    deltas = self._forced.feed(deltas)
                if deltas:
                    self._shown = True
                    return deltas
        except EngineFailure as failure:
            self._over = True
            failure.shown = self._shown
            raise self._cleaned(failure) from None
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Closes the connection at once, unless the body was read to its end."""
        self._over = True
        self._watch.cancel()
        self._response.close()

    def _look(self) -> None:
        """One timer for the whole stream: a timeout of its own around each read costs a tenth of a token."""
        left = self._since + self._idle - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._look)
            return
        self._timed_out = True
        self._response.close()

    async def _read(self) -> Sequence[Delta]:
        """One network read; the end of the bytes closes the reader."""
        if self._reader.done:
            await self._drain()
            self._over = True
            return ()
        try:
            data = await self._bytes()
        except (aiohttp.ClientError, OSError):
            data = b""
        if self._timed_out:
            raise EngineFailure("timeout", f"The engine sent nothing for {self._idle:g} seconds.")
        self._since = self._loop.time()
        if not data:
            self._over = True
            whole = self._reader.feed(b"\n\n") if self._whole else []
            return [*whole, *self._reader.close()]
        if not self._begun:
            self._begun = True
            # Some servers stream under this type too.
            json = self._response.content_type == "application/json"
            self._whole = json and data.lstrip()[:1] in (b"{", b"[")
            data = b"data: " + data if self._whole else data
        if self._whole:
            # A whole JSON value as the data of one event: line ends in it are only white space.
            data = data.replace(b"\n", b" ").replace(b"\r", b" ")
        return self._reader.feed(data)

    async def _drain(self) -> None:
        with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(DRAIN_S):
                while await self._response.content.readany():
                    pass


class FormatTurn:
    """An answer that may call tools or be text under a format, on a server whose format excludes calls.

    The first request offers the tools and no format. If the model calls, that is the turn. If it answers in
    text, the text is not shown, and `again` asks for it under the format; its reasoning is shown once.
    Text that does not begin as JSON is held until a call or the end comes. What an abandoned first answer
    cost is counted only where the server had already said so.
    """

    def __init__(self, first: ChatTurn, again: Callable[[], Awaitable[ChatTurn]]) -> None:
        self._turn, self._again = first, again
        self._state: Literal["undecided", "calls", "second"] = "undecided"
        self._held: list[Delta] = []
        self._reasoned = False
        self._usage = Usage()

    def __aiter__(self) -> FormatTurn:
        return self

    async def __anext__(self) -> Sequence[Delta]:
        while True:
            try:
                deltas = await anext(self._turn)
            except StopAsyncIteration:
                if self._state != "undecided":
                    raise
                await self._ask_again()
                continue
            shown = self._sorted(deltas)
            if self._state == "undecided" and self._is_json():
                await self._ask_again()
            if shown:
                return shown

    async def aclose(self) -> None:
        await self._turn.aclose()

    async def _ask_again(self) -> None:
        await self._turn.aclose()
        self._held.clear()
        self._turn = await self._again()
        self._state = "second"

    def _sorted(self, deltas: Sequence[Delta]) -> Sequence[Delta]:
        """What may be shown now."""
        match self._state:
            case "calls":
                return deltas
            case "second":
                return [shown for delta in deltas if (shown := self._of_second(delta)) is not None]
            case "undecided":
                return self._decided(deltas)

    def _decided(self, deltas: Sequence[Delta]) -> list[Delta]:
        """Reasoning at once; everything from the first call, or the limit that cut the answer off."""
        out: list[Delta] = []
        for at, delta in enumerate(deltas):
            if isinstance(delta, ReasoningDelta):
                self._reasoned = True
                out.append(delta)
                continue
            if isinstance(delta, CallDelta) or (isinstance(delta, FinishDelta) and delta.reason != "stop"):
                self._state = "calls"
                return [*out, *self._held, *deltas[at:]]
            if isinstance(delta, UsageDelta):
                self._usage = delta.usage
            self._held.append(delta)
        return out

    def _of_second(self, delta: Delta) -> Delta | None:
        if isinstance(delta, ReasoningDelta) and self._reasoned:
            return None
        return UsageDelta(delta.usage + self._usage) if isinstance(delta, UsageDelta) else delta

    def _is_json(self) -> bool:
        text = "".join(delta.text for delta in self._held if isinstance(delta, TextDelta))
        return text.lstrip().startswith(("{", "["))
