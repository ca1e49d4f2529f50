"""Requests that together show every kind of answer: data, for each client and each way to read an answer.

`body` is a request to the `scripted` engine. `status` is how the response ends, `kinds` the items of its
output, `events` the short names of event types that its stream must hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    body: JSON
    kinds: tuple[str, ...] = ("message",)
    status: str = "completed"
    text: str | None = None
    events: tuple[str, ...] = ()
    error: str | None = None
    fields: JSON = field(default_factory=dict[str, Any])
    """Fields of the final response, for those that tell the scenario apart."""


def script(*lines: str) -> str:
    return "\n".join(("#script", *lines))


CITY: JSON = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER: JSON = {"type": "function", "name": "get_weather", "parameters": CITY, "strict": True}
TIME: JSON = {"type": "function", "name": "get_time", "parameters": CITY, "strict": False}
NOTE: JSON = {"type": "custom", "name": "note"}
HEX: JSON = {
    "type": "custom",
    "name": "hex",
    "description": "Writes a number.",
    "format": {"type": "grammar", "syntax": "regex", "definition": "0x[0-9a-f]+"},
}
PERSON: JSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "mood": {"type": "string", "enum": ["calm", "lively"]},
    },
    "required": ["name", "age", "tags", "mood"],
    "additionalProperties": False,
}
_SUMMARY = ("reasoning_summary_text.delta", "reasoning_summary_part.done")
_RAW = ("content_part.added", "reasoning_text.delta", "reasoning_text.done")


def _weather(*lines: str, **more: Any) -> JSON:
    return {"input": script(*lines), "tools": [WEATHER, TIME], **more}


SCENARIOS: dict[str, Scenario] = {
    "text": Scenario({"input": script("say Hello, wide world.")}, text="Hello, wide world."),
    "without a script": Scenario({"input": "hello"}, text="You said: hello"),
    "text in single letters": Scenario(
        {"input": script("split 1", 'say "Zürich → 東京 👩‍👩‍👧 \\"quoted\\" \\\\ \\n\\t end"')},
        text='Zürich → 東京 👩‍👩‍👧 "quoted" \\ \n\t end',
    ),
    "text in one piece": Scenario(
        {"input": script("split 1000", "say all of it at once")}, text="all of it at once"
    ),
    "long text": Scenario(
        {"input": script("batch 7", "repeat 300 say word and word again ")},
        text="word and word again" * 300,
    ),
    "raw reasoning": Scenario(
        {"input": script("think first this, then that", "say So it is.")},
        ("reasoning", "message"),
        text="So it is.",
        events=_RAW,
    ),
    "reasoning summary": Scenario(
        {
            "input": script("think first this, then that", "say So it is."),
            "reasoning": {"effort": "low", "summary": "auto"},
        },
        ("reasoning", "message"),
        text="So it is.",
        events=_SUMMARY,
    ),
    "sealed reasoning": Scenario(
        {
            "input": script("think a secret", "say So it is."),
            "include": ["reasoning.encrypted_content"],
            "store": False,
        },
        ("reasoning", "message"),
        text="So it is.",
    ),
    "function call": Scenario(
        _weather('call get_weather {"city": "Oslo"}'),
        ("function_call",),
        events=("function_call_arguments.delta", "function_call_arguments.done"),
    ),
    "text and then a function call": Scenario(
        _weather("say Let me see.", 'call get_weather {"city": "Oslo"}'),
        ("message", "function_call"),
        text="Let me see.",
    ),
    "parallel function calls": Scenario(
        _weather('call get_weather {"city": "Oslo"}', 'call get_time {"city": "Rome"}'),
        ("function_call", "function_call"),
    ),
    "interleaved function calls": Scenario(
        _weather(
            "split 3", "interleave 2", 'call get_weather {"city": "Oslo"}', 'call get_time {"city": "Rome"}'
        ),
        ("function_call", "function_call"),
    ),
    "one call where parallel ones are forbidden": Scenario(
        _weather(
            'call get_weather {"city": "Oslo"}',
            'call get_time {"city": "Rome"}',
            parallel_tool_calls=False,
        ),
        ("function_call",),
    ),
    "a tool that must be called": Scenario(
        {"input": "hello", "tools": [WEATHER, TIME], "tool_choice": {"type": "function", "name": "get_time"}},
        ("function_call",),
    ),
    "a call without arguments": Scenario(
        {"input": script("call ping"), "tools": [{"type": "function", "name": "ping", "parameters": None}]}
        | {"metadata": {"topic": "ping"}},
        ("function_call",),
    ),
    "custom tool": Scenario(
        {"input": script('custom note "a line\\nand \\"another\\""'), "tools": [NOTE]},
        ("custom_tool_call",),
        events=("custom_tool_call_input.delta", "custom_tool_call_input.done"),
    ),
    "custom tool with a grammar": Scenario(
        {"input": script("custom hex 0xff"), "tools": [HEX]}, ("custom_tool_call",)
    ),
    "structured output": Scenario(
        {
            "input": "a person",
            "text": {"format": {"type": "json_schema", "name": "person", "schema": PERSON, "strict": True}},
        }
    ),
    "json object": Scenario({"input": "give me JSON", "text": {"format": {"type": "json_object"}}}),
    "refusal": Scenario(
        {"input": script("refuse I cannot do that.")}, events=("refusal.delta", "refusal.done")
    ),
    "cut off by max_output_tokens": Scenario(
        {"input": script("say one two three four five"), "max_output_tokens": 16}
        | {"input": script("repeat 20 say word ")},
        status="incomplete",
        fields={"incomplete_details": {"reason": "max_output_tokens"}},
    ),
    "call cut off by max_output_tokens": Scenario(
        _weather("repeat 15 say word ", 'call get_weather {"city": "a b c d e f"}', max_output_tokens=16),
        ("message", "function_call"),
        status="incomplete",
        fields={"incomplete_details": {"reason": "max_output_tokens"}},
    ),
    "cut off by a content filter": Scenario(
        {"input": script("say something", "finish content_filter")},
        status="incomplete",
        text="something",
        fields={"incomplete_details": {"reason": "content_filter"}},
    ),
    "fails in the middle": Scenario(
        {"input": script("say so far", "fail server The engine broke.")},
        status="failed",
        error="server_error",
    ),
    "context overflows in the middle": Scenario(
        {"input": script("say so far", "fail context_length Too long.")},
        status="failed",
        error="context_length_exceeded",
    ),
    "rate limited in the middle": Scenario(
        {"input": script("think so far", "fail rate_limited Slow down.")},
        ("reasoning",),
        status="failed",
        error="rate_limit_exceeded",
    ),
    "logprobs": Scenario(
        {
            "input": script("say one two"),
            "top_logprobs": 3,
            "include": ["message.output_text.logprobs"],
        },
        text="one two",
    ),
    "annotations": Scenario(
        {"input": script("say See the page.", "cite https://example.com/a A page")},
        text="See the page.",
        events=("output_text.annotation.added",),
    ),
    "phases": Scenario(
        {"input": script("phase commentary Looking.", "phase final_answer Found.")},
        ("message", "message"),
        text="Looking.Found.",
    ),
    "usage as the engine counts it": Scenario(
        {"input": script("usage 100 20 cached=64 reasoning=7", "say ok")},
        text="ok",
        fields={
            "usage": {
                "input_tokens": 100,
                "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 0},
                "output_tokens": 20,
                "output_tokens_details": {"reasoning_tokens": 7},
                "total_tokens": 120,
            }
        },
    ),
    "every parameter that is echoed": Scenario(
        {
            "input": [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}],
            "instructions": "Be brief.",
            "temperature": 0.5,
            "top_p": 0.9,
            "metadata": {"a": "b"},
            "truncation": "auto",
            "max_output_tokens": 100,
            "max_tool_calls": 3,
            "parallel_tool_calls": False,
            "prompt_cache_key": "key",
            "prompt_cache_options": {"mode": "explicit"},
            "prompt_cache_retention": "24h",
            "reasoning": {"effort": "none", "summary": "concise", "context": "all_turns"},
            "safety_identifier": "someone",
            "service_tier": "auto",
            "user": "someone",
            "text": {"format": {"type": "text"}, "verbosity": "low"},
            "tool_choice": "none",
            "tools": [WEATHER],
        },
        text="You said: hello",
        fields={
            "instructions": "Be brief.",
            "temperature": 0.5,
            "top_p": 0.9,
            "metadata": {"a": "b"},
            "truncation": "auto",
            "max_output_tokens": 100,
            "max_tool_calls": 3,
            "parallel_tool_calls": False,
            "prompt_cache_key": "key",
            "prompt_cache_options": {"mode": "explicit", "ttl": "30m"},
            "prompt_cache_retention": "24h",
            "reasoning": {"effort": "none", "summary": "concise", "context": "all_turns"},
            "safety_identifier": "someone",
            "service_tier": "default",
            "user": "someone",
            "text": {"format": {"type": "text"}, "verbosity": "low"},
            "tool_choice": "none",
        },
    ),
    "nothing at all": Scenario({"input": script("finish stop")}, ()),
}

_HOSTED: dict[str, tuple[str, ...]] = {
    "web_search news": ("web_search_call",),
    "file_search notes": ("file_search_call",),
    "code print(1)": ("code_interpreter_call",),
    "image partials=2 a cat": ("image_generation_call",),
    "mcp_tools lookup other": ("mcp_list_tools",),
    'mcp lookup {"a": 1}': ("mcp_call",),
    'approve lookup {"a": 1}': ("mcp_approval_request",),
    "shell ls -l": ("shell_call", "shell_call_output"),
    "summary a thought": ("reasoning",),
    "item local_shell_call": ("local_shell_call",),
    "item apply_patch_call": ("apply_patch_call",),
    "item computer_call": ("computer_call",),
    "item tool_search_call": ("tool_search_call",),
    "compaction": ("compaction",),
}
SCENARIOS |= {
    f"from the engine: {line}": Scenario(
        {"input": script(line, "say Done.")}, (*kinds, "message"), text="Done."
    )
    for line, kinds in _HOSTED.items()
}
"""Items that an engine which speaks Responses makes by itself."""
