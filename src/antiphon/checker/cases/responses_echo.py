"""Parameters that are taken and come back: the laws of answers watch the echo."""

from __future__ import annotations

from antiphon.checker.cases import case
from antiphon.checker.cases.responses_create import ROOM, SMALL, WEATHER, answered
from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON

_C = "responses.create"


_ECHO: dict[str, tuple[str, JSON]] = {
    "temperature": ("temperature-comes-back", {"temperature": 0.5}),
    "top_p": ("top-p-comes-back", {"top_p": 0.5}),
    "instructions": ("instructions-comes-back", {"instructions": "Be short."}),
    "parallel_tool_calls": (
        "parallel-tool-calls-comes-back",
        {"parallel_tool_calls": False, "tools": [WEATHER], "tool_choice": "none"},
    ),
    "max_tool_calls": ("max-tool-calls-comes-back", {"max_tool_calls": 3}),
    "top_logprobs": (
        "top-logprobs-comes-back",
        {"top_logprobs": 2, "include": ["message.output_text.logprobs"]},
    ),
    "truncation": ("truncation-comes-back", {"truncation": "auto"}),
    "user": ("user-comes-back", {"user": "user-1"}),
    "safety_identifier": ("safety-identifier-comes-back", {"safety_identifier": "user-1"}),
    "prompt_cache_key": ("prompt-cache-key-comes-back", {"prompt_cache_key": "key-1"}),
    "max_output_tokens": ("max-output-tokens-comes-back", {"max_output_tokens": ROOM}),
    "verbosity": ("verbosity-comes-back", {"text": {"verbosity": "low"}}),
    "effort": ("reasoning-effort-comes-back", {"reasoning": {"effort": "low"}}),
    "tools": ("tools-come-back", {"tools": [WEATHER], "tool_choice": "none"}),
}
"""Parameter → the law that watches its echo, and what to send."""

_MORE = {
    "prompt_cache_key": (f"{_C}.cache-hints-are-taken",),
    "user": (f"{_C}.reads-the-user-parameter",),
    "truncation": (f"{_C}.truncation-is-taken",),
    "tools": (f"{_C}.function-tools-come-back-whole", f"{_C}.tool-choice-comes-back"),
}
"""What else the case for a parameter shows; the echo laws speak for themselves."""


def _echo(name: str, law: str, body: JSON) -> None:
    taken = next((one for one in _MORE.get(name, ()) if one.endswith("-taken") or "reads-" in one), None)

    async def run(probe: Probe) -> None:
        made = await probe.create(**{"input": "Say: ok", "max_output_tokens": ROOM, **body})
        if taken is not None:
            answered(probe, taken, made)

    run.__doc__ = f"`{name}` is taken, and comes back."
    named = [*([taken] if taken else []), f"{_C}.{law}", *(m for m in _MORE.get(name, ()) if m != taken)]
    case(f"{_C}.echo.{name}", requirements=named, tokens=128, profiles=SMALL)(run)


for _name, (_law, _body) in _ECHO.items():
    _echo(_name, _law, _body)
