"""What an engine says while it answers one turn, and what it says of the cost.

Deltas are msgspec Structs rather than dataclasses: one is made per streamed token, and a frozen
Struct without a GC header costs a tenth of a frozen dataclass.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

JSON = dict[str, Any]
"""A JSON object in OpenAI's shape."""


class TextDelta(msgspec.Struct, frozen=True, gc=False):
    """Visible answer text. `logprobs` holds official `{token, logprob, bytes, top_logprobs}` objects."""

    text: str
    logprobs: tuple[JSON, ...] = ()


class RefusalDelta(msgspec.Struct, frozen=True, gc=False):
    """Text of a refusal, where the engine tells refusals apart."""

    text: str


class ReasoningDelta(msgspec.Struct, frozen=True, gc=False):
    """Raw reasoning text of an open model."""

    text: str


class CallDelta(msgspec.Struct, frozen=True, gc=False):
    """A fragment of a function call.

    `index` tells the calls of one turn apart. `name` and `call_id` come with the first fragment (an
    engine that sends no id leaves None). `arguments` is a fragment of the JSON text.
    """

    index: int
    call_id: str | None = None
    name: str | None = None
    arguments: str = ""


class NativeEvent(msgspec.Struct, frozen=True, gc=False):
    """An item-level event in the official form, from an engine that speaks Responses itself.

    `event` is the upstream's event dict: `response.output_item.added/done`, parts, deltas, phases,
    annotations. Upstream numbering (`sequence_number`, `output_index`) is only an address within the turn.
    """

    event: JSON


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Token counts of one turn; they add up over the turns of a run."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )

    def official(self) -> JSON:
        """`ResponseUsage`: total = input + output (holds on 92 of 92 recorded streams)."""
        return {
            "input_tokens": self.input_tokens,
            "input_tokens_details": {
                "cached_tokens": self.cached_tokens,
                "cache_write_tokens": self.cache_write_tokens,
            },
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
            "total_tokens": self.input_tokens + self.output_tokens,
        }


class UsageDelta(msgspec.Struct, frozen=True, gc=False):
    """The engine's count for this turn; a later one replaces an earlier one."""

    usage: Usage


FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class FinishDelta(msgspec.Struct, frozen=True, gc=False):
    """Why the engine stopped. Nothing but usage may follow."""

    reason: FinishReason


Delta = TextDelta | RefusalDelta | ReasoningDelta | CallDelta | NativeEvent | UsageDelta | FinishDelta
