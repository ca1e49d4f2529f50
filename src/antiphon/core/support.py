"""The support table: what this server does with each parameter of `POST /v1/responses`.

Printed in docs/parameters.md; `core.request` obeys it. A parameter is

- `honoured`: it does what the official API says, by our doing;
- `passed`: handed to the engine, and refused where the engine cannot;
- `recorded`: echoed in the response and otherwise a hint without effect here;
- `refused`: a value other than its no-op is a 400.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

How = Literal["honoured", "passed", "recorded", "refused"]


@dataclass(frozen=True, slots=True)
class Support:
    """One row. `noop` are the values of a refused parameter that change nothing and are accepted."""

    parameter: str
    how: How
    note: str
    noop: tuple[Any, ...] = (None,)


SUPPORT: dict[str, Support] = {
    s.parameter: s
    for s in (
        Support(
            "access_programs", "refused", "Programs of one provider's accounts; only `standard` is accepted."
        ),
        Support("background", "honoured", "Runs without the client; poll, stream, resume and cancel it."),
        Support("context_management", "refused", "Compaction inside a request is not there yet.", (None, [])),
        Support("conversation", "honoured", "Items are read before, and appended after, the response."),
        Support("image", "refused", "Only `context_compression` `auto` or `disabled`, which change nothing."),
        Support("include", "honoured", "All eight values; those of tools that did not run have no effect."),
        Support("input", "honoured", "A string or any input item of the official union."),
        Support("instructions", "honoured", "First system message; never inherited by a chained response."),
        Support("max_output_tokens", "honoured", "Bounds all turns of the response; then `incomplete`."),
        Support("max_tool_calls", "honoured", "Bounds built-in tool calls; further ones are ignored."),
        Support("metadata", "honoured", "Stored and returned; 16 pairs, keys ≤ 64, values ≤ 512 characters."),
        Support("model", "honoured", "Routed by name, with aliases; unknown names are a 400."),
        Support("moderation", "refused", "There is no moderation model behind this server."),
        Support(
            "parallel_tool_calls", "honoured", "`false` is enforced: later calls of a turn are left out."
        ),
        Support("previous_response_id", "honoured", "The whole chain's items are context, instructions not."),
        Support("prompt", "refused", "Prompt templates live in one provider's dashboard."),
        Support("prompt_cache_key", "recorded", "Passed on to engines that know it."),
        Support(
            "prompt_cache_options",
            "recorded",
            "A hint: engines manage their prefix caches themselves. With `prewarm` no output is made.",
        ),
        Support("prompt_cache_retention", "recorded", "A hint, deprecated."),
        Support(
            "reasoning",
            "passed",
            "`effort` goes to the engine; `summary` streams the reasoning in the summary channel; `context` "
            "decides which earlier reasoning the model sees; `mode: pro` is refused.",
        ),
        Support("safety_identifier", "recorded", "Passed on to engines that know it."),
        Support("service_tier", "passed", "Engines without tiers answer `default`, as the response says."),
        Support("store", "honoured", "`false` leaves nothing behind (background: about ten minutes)."),
        Support("stream", "honoured", "Server-sent events in the official grammar."),
        Support("stream_options", "honoured", "`include_obfuscation`."),
        Support("temperature", "passed", "As given; left to the engine's default when absent."),
        Support(
            "text", "passed", "`format` goes to the engine's guided decoding; `verbosity` to the engine."
        ),
        Support("tool_choice", "honoured", "Every form; `allowed_tools` is enforced."),
        Support(
            "tools",
            "honoured",
            "Function, custom and namespace tools; others as configured. Those with `defer_loading` are "
            "offered at once, those that only programs may call are not.",
        ),
        Support("top_logprobs", "passed", "0 to 20."),
        Support("top_p", "passed", "As given; left to the engine's default when absent."),
        Support("truncation", "honoured", "`auto` drops the oldest items until the engine takes the rest."),
        Support("user", "recorded", "Deprecated; passed on to engines that know it."),
    )
}

CLIENT_EXTRAS: dict[str, str] = {
    "client_metadata": "Sent by Codex; recorded and ignored.",
}
"""Parameters outside the official surface that known clients send (announced in the docs)."""
