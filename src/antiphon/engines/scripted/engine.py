"""The `scripted` engine: plays what the last user message tells it to (docs/engines-scripted.md).

It reaches for no network and no clock but for scripted waits, so tests and documentation can drive every
item and event kind, and every failure, through any client.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import chain

from antiphon.config import EngineSettings
from antiphon.core.context import Sample
from antiphon.core.deltas import Delta, FinishDelta
from antiphon.core.errors import EngineFailure, Unsupported
from antiphon.engines.scripted.language import Step, find_script
from antiphon.engines.scripted.model import obedient_steps
from antiphon.engines.scripted.play import Accept, Gate, Move, Player, Wait
from antiphon.engines.scripted.reading import last_user_text, prompt_tokens, turn_of
from antiphon.ports import ModelInfo, TokenCount


class ScriptedEngine:
    """An `Engine`. `told` says which text holds a turn's script, the last user message if not set.

    The last `remember` samples are kept in `heard`; `running` counts the turns under way, `aborted` those
    that were closed before their end. While `up` is False it cannot be reached.
    """

    def __init__(
        self,
        settings: EngineSettings,
        *,
        remember: int = 0,
        told: Callable[[Sample], str] = lambda sample: last_user_text(sample.items),
    ) -> None:
        self._settings = settings
        self._told = told
        self.up = True
        self._native_tools = frozenset(settings.native_tools)
        self._gates: dict[str, asyncio.Event] = {}
        self.heard: deque[Sample] = deque(maxlen=remember)
        self.running = 0
        self.aborted = 0

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def native_tools(self) -> frozenset[str]:
        return self._native_tools

    def open_gate(self, name: str) -> None:
        """Let every `pause` on this gate go on, now and later."""
        self._gate(name).set()

    def check(self, sample: Sample) -> None:
        if sample.grammar is not None and find_script(self._told(sample)) is not None:
            raise Unsupported(f"The engine '{self.name}' holds no script to a grammar.", param="tools")
        try:
            steps = self._steps(sample)
        except EngineFailure:
            return  # `open` tells what is wrong with the script
        for step in steps:
            if step.word == "unsupported":
                raise Unsupported(
                    f"The engine '{self.name}' does not support the parameter '{step.rest}'.", param=step.rest
                )

    async def open(self, sample: Sample) -> ScriptedTurn:
        if not self.up:
            raise EngineFailure("unreachable", "The scripted engine is not up.")
        self.heard.append(sample)
        window = self._settings.context_tokens
        if window is not None and prompt_tokens(sample) > window:
            raise EngineFailure(
                "context_length",
                f"The input has {prompt_tokens(sample)} tokens; the context window has {window}.",
            )
        turn = ScriptedTurn(self, Player(sample, self._steps(sample)).moves())
        await turn.accepted()
        return turn

    async def count_tokens(self, sample: Sample) -> TokenCount:
        return TokenCount(prompt_tokens(sample), exact=True)

    async def models(self) -> Sequence[ModelInfo]:
        window = self._settings.context_tokens
        names = self._settings.models or ("scripted",)
        return [ModelInfo(name, context_tokens=window) for name in names]

    async def ready(self) -> bool:
        return self.up

    async def aclose(self) -> None:
        """Nothing is held."""

    async def wait(self, move: Wait | Gate) -> None:
        """Raises `EngineFailure("timeout")` where a gate stays shut for the engine's idle timeout."""
        if isinstance(move, Wait):
            await asyncio.sleep(move.seconds)
            return
        try:
            async with asyncio.timeout(self._settings.idle_timeout_s):
                await self._gate(move.name).wait()
        except TimeoutError as error:
            raise EngineFailure("timeout", f"The gate '{move.name}' stayed shut.") from error

    def _gate(self, name: str) -> asyncio.Event:
        return self._gates.setdefault(name, asyncio.Event())

    def _steps(self, sample: Sample) -> tuple[Step, ...]:
        script = find_script(self._told(sample))
        steps = None if script is None else turn_of(script, sample)
        return obedient_steps(sample, self._native_tools) if steps is None else steps


class ScriptedTurn:
    """A `Turn` that plays moves."""

    def __init__(self, engine: ScriptedEngine, moves: Iterator[Move]) -> None:
        self._engine = engine
        self._moves = moves
        self._shown = False
        self._closed = asyncio.Event()
        self._running = False

    async def accepted(self) -> None:
        """Play up to where the engine takes the turn. Raises `EngineFailure`."""
        for move in self._moves:
            if isinstance(move, Accept):
                break
            if isinstance(move, tuple):
                self._moves = chain([move], self._moves)
                break
            await self._obey(move)
        self._running = True
        self._engine.running += 1

    async def __aiter__(self) -> AsyncIterator[Sequence[Delta]]:
        for move in self._moves:
            if self._closed.is_set():
                return
            if isinstance(move, tuple):
                await asyncio.sleep(0)  # a read of the network lets others run, too
                if self._closed.is_set():
                    return
                self._shown = True
                if any(isinstance(delta, FinishDelta) for delta in move[:1]):
                    self._end()  # a reader may stop here
                yield move
            elif not isinstance(move, Accept):
                await self._obey(move)
                if self._closed.is_set():
                    return
        self._end()

    async def aclose(self) -> None:
        if self._running:
            self._engine.aborted += 1
        self._end()
        self._closed.set()

    def _end(self) -> None:
        if self._running:
            self._running = False
            self._engine.running -= 1

    async def _obey(self, move: Wait | Gate | EngineFailure) -> None:
        """Wait, or fail; a wait ends early when the turn is closed."""
        if isinstance(move, EngineFailure):
            self._end()
            move.shown = self._shown
            raise move
        waits = [asyncio.ensure_future(w) for w in (self._engine.wait(move), self._closed.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if waits[0].done():
                waits[0].result()
        except EngineFailure as failure:
            self._end()
            failure.shown = self._shown
            raise
        finally:
            for wait in waits:
                wait.cancel()
