"""Playing the steps of one turn: a script → deltas, waits and failures. No clock, no randomness."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest

from antiphon.core.context import Sample
from antiphon.core.deltas import Delta, FinishDelta, FinishReason, Usage, UsageDelta
from antiphon.core.errors import EngineFailure
from antiphon.engines.scripted.language import (
    MAX_REPEATS,
    Step,
    failure,
    finish,
    first_word,
    number,
    options,
    read_step,
    seconds,
    wrong,
)
from antiphon.engines.scripted.reading import prompt_tokens
from antiphon.engines.scripted.say import Voice


@dataclass(frozen=True, slots=True)
class Accept:
    """The engine has taken the turn: `open` returns here."""


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class Gate:
    """Wait until a test opens the gate of this name."""

    name: str


Move = tuple[Delta, ...] | Accept | Wait | Gate | EngineFailure
_QUIET = frozenset({"split", "batch", "usage", "logprobs", "unsupported"})  # steps that say nothing


class Player:
    """Plays one turn. A `Move` that is a tuple is what one read of the network would bring."""

    def __init__(self, sample: Sample, steps: Iterable[Step]) -> None:
        self._sample = sample
        self._steps = list(steps)
        self._voice = Voice(sample)
        self._batch = 1
        self._usage: Usage | None = None
        self._reason: FinishReason | None = None
        self._ended = False

    def moves(self) -> Iterator[Move]:
        """Raises `EngineFailure("invalid_request")` where a step is wrong."""
        loud = [step.word for step in self._steps if step.word not in _QUIET]
        if "accept" not in loud and loud[:1] != ["fail"]:
            yield Accept()
        steps = self._expanded(iter(self._steps))
        for step in steps:
            match step.word:
                case "accept":
                    yield Accept()
                case "wait":
                    yield Wait(seconds(step.rest))
                case "pause":
                    yield Gate(step.rest)
                case "fail":
                    yield failure(step.rest)
                    return
                case "finish":
                    self._reason, self._ended = finish(step.rest), True
                    break
                case word if word in _QUIET:
                    self._set(step)
                case "interleave":
                    told = list(islice(steps, number(step.rest, MAX_REPEATS)))
                    yield from self._batched(_dealt([self._voice.deltas(s) for s in told]))
                case _:
                    yield from self._batched(self._voice.deltas(step))
            if self._voice.meter.spent:
                break
        yield from self._ending()

    def _expanded(self, steps: Iterator[Step]) -> Iterator[Step]:
        for step in steps:
            if step.word != "repeat":
                yield step
                continue
            times, line = first_word(step.rest, "how often")
            inner = read_step(line)
            if inner.word == "repeat":
                raise wrong("a repeat holds no repeat")
            for _ in range(number(times, MAX_REPEATS)):
                yield inner

    def _set(self, step: Step) -> None:
        match step.word:
            case "split":
                self._voice.split = number(step.rest, MAX_REPEATS)
            case "batch":
                self._batch = max(1, number(step.rest, MAX_REPEATS))
            case "logprobs":
                self._voice.top_logprobs = number(step.rest or "0", 20)
            case "usage":
                self._usage = _usage(step.rest)
            case _:
                pass  # `unsupported` was read by `check`

    def _batched(self, deltas: Iterator[Delta]) -> Iterator[Move]:
        while batch := tuple(islice(deltas, self._batch)):
            yield batch

    def _ending(self) -> Iterator[Move]:
        reason = self._reason
        if self._voice.meter.spent:
            reason = "length"
        elif not self._ended:
            reason = "tool_calls" if self._voice.called else "stop"
        if reason is not None:
            yield (FinishDelta(reason), UsageDelta(self._usage or self._counted()))

    def _counted(self) -> Usage:
        return Usage(
            input_tokens=prompt_tokens(self._sample),
            output_tokens=self._voice.meter.words,
            reasoning_tokens=self._voice.reasoning_words,
        )


def _dealt(streams: list[Iterator[Delta]]) -> Iterator[Delta]:
    """One delta of each stream in turn, until all are told."""
    for row in zip_longest(*streams):
        yield from (delta for delta in row if delta is not None)


def _usage(rest: str) -> Usage:
    inputs, rest = first_word(rest, "the number of input tokens")
    outputs, rest = first_word(rest, "the number of output tokens")
    given, rest = options(rest, "cached", "cache_write", "reasoning")
    most = 10**9
    if rest:
        raise wrong(f"'{rest}' is no part of usage")
    return Usage(
        number(inputs, most),
        number(outputs, most),
        number(given.get("cached", "0"), most),
        number(given.get("cache_write", "0"), most),
        number(given.get("reasoning", "0"), most),
    )
