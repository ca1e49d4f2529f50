"""The parts of a Chat Completions chunk that mean something here; everything else is skipped while decoding.

Types are as wide as servers in the field are loose. Decoding is the hot path: one chunk is one token.
"""

from __future__ import annotations

from typing import Any

import msgspec

from antiphon.core.deltas import JSON, Usage

Number = int | float | None


class Function(msgspec.Struct, gc=False):
    """`arguments` is a fragment of JSON text; some servers send the whole object."""

    name: str | None = None
    arguments: Any = None


class ToolCall(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: Function | None = None


class ContentPart(msgspec.Struct):
    """A `text` part, or a `thinking` part that holds text or text parts (Mistral)."""

    text: str | None = None
    thinking: str | list[ContentPart] | None = None


class ChunkDelta(msgspec.Struct, gc=False):
    content: str | list[ContentPart] | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None


class TopLogprob(msgspec.Struct, gc=False):
    token: str = ""
    logprob: Number = None
    bytes: list[int] | None = None

    def official(self) -> JSON:
        """The official object without `top_logprobs`. -9999.0 is the official value for "very unlikely"."""
        return {
            "token": self.token,
            "logprob": -9999.0 if self.logprob is None else float(self.logprob),
            "bytes": list(self.token.encode("utf-8", "replace")) if self.bytes is None else self.bytes,
        }


class TokenLogprob(TopLogprob, gc=False):
    top_logprobs: list[TopLogprob] | None = None


class Logprobs(msgspec.Struct, gc=False):
    content: list[TokenLogprob] | None = None


class Choice(msgspec.Struct, gc=False):
    """`message` is the whole answer of a server that does not stream."""

    delta: ChunkDelta | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None
    message: ChunkDelta | None = None


class PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: Number = None
    created_cache_tokens: Number = None  # vLLM
    cache_write_tokens: Number = None  # OpenAI


class CompletionDetails(msgspec.Struct, gc=False):
    reasoning_tokens: Number = None


class ChunkUsage(msgspec.Struct, gc=False):
    prompt_tokens: Number = None
    completion_tokens: Number = None
    reasoning_tokens: Number = None  # SGLang
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None

    def total(self) -> Usage:
        prompt = self.prompt_tokens_details or PromptDetails()
        completion = self.completion_tokens_details or CompletionDetails()
        return Usage(
            input_tokens=_count(self.prompt_tokens),
            output_tokens=_count(self.completion_tokens),
            cached_tokens=_count(prompt.cached_tokens),
            cache_write_tokens=_count(prompt.cache_write_tokens) or _count(prompt.created_cache_tokens),
            reasoning_tokens=_count(completion.reasoning_tokens) or _count(self.reasoning_tokens),
        )


class Chunk(msgspec.Struct, gc=False):
    """`error`, or `object: error` with a message, is a failure inside the stream."""

    choices: list[Choice] | None = None
    usage: ChunkUsage | None = None
    error: Any = None
    object: Any = None
    message: Any = None
    detail: Any = None
    code: Any = None
    type: Any = None
    param: Any = None


def _count(value: Number) -> int:
    return int(value) if value is not None and 0 < value < 2**53 else 0


decode_chunk = msgspec.json.Decoder(Chunk).decode
"""Raises `msgspec.DecodeError`, `UnicodeDecodeError` or `RecursionError` for bytes that are no chunk."""
