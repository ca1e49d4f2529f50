"""What one engine call is given: frozen, engine-neutral, in Responses shapes.

An engine adapter turns a `Sample` into its own dialect (`core.chat_request` does so for Chat Completions).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from antiphon.core.deltas import JSON
from antiphon.core.tools import ToolTable

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Sampling settings of a request; None means that the client left it to the server.

    `text_format` is the official `text.format` object or None for plain text. `top_logprobs` is None
    where no log probabilities were asked for (`include: message.output_text.logprobs` alone means 0).
    `max_output_tokens` bounds what is left for this turn, reasoning included.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    top_logprobs: int | None = None
    parallel_tool_calls: bool = True
    text_format: JSON | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    effort: Effort | None = None
    reasoning_summary: Literal["auto", "concise", "detailed"] | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    user: str | None = None
    prompt_cache_key: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One engine call: the agent's decision to sample a turn.

    `model` is the engine's own name of the model. `items` is the whole context in order, in Responses
    item shapes: history, then input, then what earlier turns of this run made; every file and image is
    already resolved (data URL or public URL), and sealed reasoning is opened (`content` holds the text).
    `instructions` is this request's system text (never inherited, SPEC.md H17). `include` are the request's
    `include` values, for engines that run tools themselves. `cache_salt` keeps prompt
    caches of different tenants apart where the engine knows such a field. `grammar` asks the engine to
    produce the forced custom tool's input under that grammar: `{"syntax": "lark"|"regex", "definition": …}`.
    """

    model: str
    items: tuple[JSON, ...]
    tools: ToolTable
    settings: Settings = field(default_factory=Settings)
    instructions: str | None = None
    include: frozenset[str] = frozenset()
    cache_salt: str | None = None
    grammar: JSON | None = None
