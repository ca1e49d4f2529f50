"""What differs between Chat Completions servers, as data that the request and stream code reads.

The rows live in `engines.dialects`; docs/engines.md says where each fact comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from antiphon.core.deltas import JSON


@dataclass(frozen=True, slots=True)
class Grammar:
    """How a server is asked to generate text under a grammar: the body field that holds it.

    The definition stands between `before` and `after`; `slashes` says that it stands between slashes, so
    that its own are escaped. `whole`: it holds from the first token on, so that what the server takes for
    reasoning is text under the grammar.
    """

    path: tuple[str, ...]
    before: str = ""
    after: str = ""
    slashes: bool = False
    whole: bool = False

    def field(self, definition: str) -> JSON:
        """The body field for a definition."""
        if self.slashes:
            definition = definition.replace("/", r"\/")
        value: Any = f"{self.before}{definition}{self.after}"
        for key in reversed(self.path):
            value = {key: value}
        return value


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of Chat Completions server. The defaults are what an unknown server is taken to be.

    Messages
    - `system`: `front` puts all system and developer text into one first message, because many chat
      templates accept only that; `in_place` leaves messages and roles as they came.
    - `merge_users`: consecutive user messages become one, because many templates demand alternation.
    - `reasoning_back`: the assistant message's field for its earlier reasoning; None: it is left out.
    - `tool_images`: a tool message may hold images; else they follow in a user message.
    - `continues_assistant`: a last assistant message would be continued instead of answered.
    - `image_details`: accepted values of an image's `detail`.

    Tools
    - `forces_calls`: `tool_choice` `required` and by name are kept to; else the answer's text is bound to a
      schema of `{"name", "arguments"}` and read as the call.
    - `tools_when_none`: tools are sent along with `tool_choice: none`; servers that do not enforce it get
      none, so that no raw call shows up as text.
    - `calls_with_format`: the model may still call tools under a response format; else the format comes in
      a second request (`core.chat_request.format_body`).
    - `calls_with_logprobs`: log probabilities may be asked for together with tools.
    - `grammars`: syntax of a custom tool's grammar → how to ask for it.

    Parameters
    - `max_tokens`: the name of the output limit.
    - `min_top_logprobs`: the fewest alternatives that make the server send log probabilities at all.
    - `efforts`: reasoning efforts under another name. `thinking_off`: body fields that go with effort `none`.
    - `verbosity`: knows the parameter; else a sentence in the system message asks for it.
    - `account`: knows service tiers, end users and cache keys. `cache_salt`: knows that field.

    Answers
    - `inline_think`: reasoning may arrive as `<think>…</think>` at the beginning of the text.
    - `client_faults`: a regular expression of messages that blame the request although the status is 500.
    - `counts`: ways to count a prompt's tokens, tried in order (`engines.chat_count`).
    """

    name: str
    system: Literal["front", "in_place"] = "front"
    merge_users: bool = True
    reasoning_back: str | None = None
    tool_images: bool = False
    continues_assistant: bool = False
    image_details: frozenset[str] = frozenset({"auto", "low", "high"})
    forces_calls: bool = True
    tools_when_none: bool = False
    calls_with_format: bool = False
    calls_with_logprobs: bool = True
    grammars: Mapping[str, Grammar] = field(default_factory=dict[str, Grammar])
    max_tokens: str = "max_tokens"
    min_top_logprobs: int = 0
    efforts: Mapping[str, str] = field(default_factory=dict[str, str])
    thinking_off: JSON = field(default_factory=dict[str, Any])
    verbosity: bool = False
    account: bool = False
    cache_salt: bool = False
    inline_think: bool = True
    client_faults: str | None = None
    counts: tuple[Literal["tokenize", "input_tokens", "template"], ...] = ()
