"""The Chat Completions engine on a real vLLM.

`ANTIPHON_VLLM_URL` is the address of a vLLM 0.32 that serves the scripted tiny model (`shared/engines`):
it echoes the user, calls a tool whose name the user mentions, and repeats `<<<text>>>` to the letter. Its
window is 2,048 tokens, its tool parser hermes, its reasoning parser qwen3.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from antiphon.config import EngineSettings
from antiphon.core.context import Sample, Settings
from antiphon.core.deltas import CallDelta, Delta, FinishDelta, ReasoningDelta, TextDelta, Usage, UsageDelta
from antiphon.core.errors import EngineFailure
from antiphon.core.tools import ToolRules, ToolTable, resolve_tools
from antiphon.engines.chat.engine import ChatEngine

URL = os.environ.get("ANTIPHON_VLLM_URL")

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(URL is None, reason="ANTIPHON_VLLM_URL names no vLLM with the scripted tiny model"),
]

MODEL = "tiny"
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
ADD = {
    "type": "function",
    "name": "add_numbers",
    "description": "Add",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"first": {"type": "integer"}},
        "required": ["first"],
        "additionalProperties": False,
    },
}
FORMAT = {
    "type": "json_schema",
    "name": "answer",
    "strict": True,
    "schema": {
        "type": "object",
        "properties": {"count": {"type": "integer"}},
        "required": ["count"],
        "additionalProperties": False,
    },
}
QUICK = Settings(effort="none")
ASKED = "What is the weather in Paris?"


@pytest.fixture
async def engine() -> AsyncIterator[ChatEngine]:
    made = ChatEngine(EngineSettings(name="vllm", url=URL, cache_salt=True))
    yield made
    await made.aclose()


def user(text: str) -> Any:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def table(*tools: Any, choice: Any = "auto") -> ToolTable:
    return resolve_tools(tools or (WEATHER, ADD), choice, ToolRules())


def sample(text: str, tools: ToolTable | None = None, settings: Settings = QUICK, **fields: Any) -> Sample:
    return Sample(MODEL, (user(text),), tools or ToolTable(), settings, **fields)


class Read:
    """A turn, sorted."""

    def __init__(self, deltas: list[Delta]) -> None:
        self.deltas = deltas
        self.text = "".join(d.text for d in deltas if isinstance(d, TextDelta))
        self.reasoning = "".join(d.text for d in deltas if isinstance(d, ReasoningDelta))
        self.calls: list[list[Any]] = []
        for delta in deltas:
            if isinstance(delta, CallDelta):
                if delta.index == len(self.calls):
                    self.calls.append([delta.name, ""])
                self.calls[delta.index][1] += delta.arguments
        self.finish = next(d.reason for d in deltas if isinstance(d, FinishDelta))
        self.usage = next((d.usage for d in deltas if isinstance(d, UsageDelta)), Usage())


async def read(engine: ChatEngine, asked: Sample) -> Read:
    turn = await engine.open(asked)
    try:
        return Read([delta async for deltas in turn for delta in deltas])
    finally:
        await turn.aclose()


async def test_it_is_recognised_and_lists_its_window(engine: ChatEngine) -> None:
    models = await engine.models()
    assert [(m.id, m.owned_by, m.context_tokens) for m in models] == [(MODEL, "vllm", 2048)]
    assert engine.dialect is not None
    assert engine.dialect.name == "vllm"
    assert await engine.ready()


async def test_text_and_reasoning(engine: ChatEngine) -> None:
    got = await read(engine, sample("Hello", settings=Settings()))
    assert (got.reasoning.strip(), got.text, got.finish) == (
        "I repeat what the user said.",
        "You said: Hello",
        "stop",
    )
    assert got.usage.input_tokens > 0
    assert 0 < got.usage.reasoning_tokens < got.usage.output_tokens


async def test_no_effort_means_no_reasoning(engine: ChatEngine) -> None:
    got = await read(engine, sample("Hello"))
    assert (got.reasoning, got.text) == ("", "You said: Hello")


async def test_text_outside_ascii(engine: ChatEngine) -> None:
    assert (await read(engine, sample("<<<Grüße, 世界 🎻>>>"))).text == "Grüße, 世界 🎻"


async def test_the_limit_cuts_off(engine: ChatEngine) -> None:
    got = await read(engine, sample("Hello", settings=Settings(effort="none", max_output_tokens=2)))
    assert (got.text, got.finish, got.usage.output_tokens) == ("You s", "length", 2)


async def test_a_limit_beyond_the_window_is_no_error(engine: ChatEngine) -> None:
    got = await read(engine, sample("Hello", settings=Settings(effort="none", max_output_tokens=100_000)))
    assert (got.text, got.finish) == ("You said: Hello", "stop")


async def test_a_free_choice_of_tools(engine: ChatEngine) -> None:
    called = await read(engine, sample(ASKED, table()))
    assert (called.calls, called.finish) == ([["get_weather", '{"city": "Paris"}']], "tool_calls")
    said = await read(engine, sample("Hello", table()))
    assert (said.calls, said.text) == ([], "You said: Hello")


async def test_required_and_named_calls(engine: ChatEngine) -> None:
    required = await read(engine, sample(ASKED, table(choice="required")))
    assert (required.calls, required.finish) == ([["get_weather", '{"city": "Paris"}']], "tool_calls")
    named = await read(engine, sample("Hello", table(choice={"type": "function", "name": "add_numbers"})))
    assert ([name for name, _ in named.calls], named.finish) == (["add_numbers"], "tool_calls")
    assert list(json.loads(named.calls[0][1])) == ["first"]


async def test_no_choice_leaks_no_raw_call(engine: ChatEngine) -> None:
    assert (await read(engine, sample(ASKED, table(choice="none")))).text == f"You said: {ASKED}"


async def test_parallel_calls(engine: ChatEngine) -> None:
    one = '<tool_call>\\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\\n</tool_call>'
    two = '<tool_call>\\n{"name": "add_numbers", "arguments": {"first": 3}}\\n</tool_call>'
    got = await read(engine, sample(f"<<<{one}\\n{two}>>>", table()))
    assert got.calls == [["get_weather", '{"city": "Oslo"}'], ["add_numbers", '{"first": 3}']]


async def test_what_a_tool_returned_is_read(engine: ChatEngine) -> None:
    items = (
        user(ASKED),
        {
            "type": "reasoning",
            "id": "rs",
            "summary": [],
            "content": [{"type": "reasoning_text", "text": "hm"}],
        },
        {"type": "function_call", "call_id": "c", "name": "get_weather", "arguments": '{"city": "Paris"}'},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "sunny"}]},
    )
    got = await read(engine, Sample(MODEL, items, table(), QUICK))
    assert got.text == "The tool says: sunny"


async def test_a_schema_is_kept_to(engine: ChatEngine) -> None:
    got = await read(engine, sample("Hello", settings=Settings(effort="none", text_format=FORMAT)))
    assert list(json.loads(got.text)) == ["count"]


async def test_a_schema_leaves_calls_free(engine: ChatEngine) -> None:
    settings = Settings(text_format=FORMAT)
    called = await read(engine, sample(ASKED, table(), settings))
    assert called.calls == [["get_weather", '{"city": "Paris"}']]
    said = await read(engine, sample("Hello", table(), settings))
    assert (said.reasoning.strip(), said.calls, list(json.loads(said.text))) == (
        "No tool is needed.",
        [],
        ["count"],
    )


@pytest.mark.parametrize(
    ("grammar", "texts"),
    [
        ({"syntax": "lark", "definition": 'start: "yes \\"sir\\"" | "no"'}, {'yes "sir"', "no"}),
        ({"syntax": "regex", "definition": "a/b"}, {"a/b"}),
    ],
)
async def test_a_grammar_binds_the_input_of_a_custom_tool(
    engine: ChatEngine, grammar: Any, texts: set[str]
) -> None:
    tool = {"type": "custom", "name": "pick", "format": {"type": "grammar", **grammar}}
    chosen = table(tool, choice={"type": "custom", "name": "pick"})
    got = await read(engine, sample("Hello", chosen, grammar=grammar))
    assert got.calls[0][0] == "pick"
    assert json.loads(got.calls[0][1])["input"] in texts


async def test_logprobs(engine: ChatEngine) -> None:
    got = await read(engine, sample("Hello", settings=Settings(effort="none", top_logprobs=2)))
    entries = [entry for d in got.deltas if isinstance(d, TextDelta) for entry in d.logprobs]
    assert "".join(entry["token"] for entry in entries) == "You said: Hello"
    assert all(set(entry) == {"token", "logprob", "bytes", "top_logprobs"} for entry in entries)
    assert {len(entry["top_logprobs"]) for entry in entries} == {2}


async def test_logprobs_of_reasoning_stay_out(engine: ChatEngine) -> None:
    got = await read(engine, sample("Hello", settings=Settings(top_logprobs=0)))
    entries = [entry for d in got.deltas if isinstance(d, TextDelta) for entry in d.logprobs]
    assert "".join(entry["token"] for entry in entries).strip() == "You said: Hello"


async def failure(engine: ChatEngine, asked: Sample) -> EngineFailure:
    with pytest.raises(EngineFailure) as caught:
        await read(engine, asked)
    return caught.value


async def test_an_overflow(engine: ChatEngine) -> None:
    assert (await failure(engine, sample("apple " * 3_000))).kind == "context_length"


async def test_an_unknown_model(engine: ChatEngine) -> None:
    failed = await failure(engine, Sample("nope", (user("Hi"),), ToolTable()))
    assert failed.kind == "not_found"


async def test_a_wrong_schema_is_the_requests_fault(engine: ChatEngine) -> None:
    """vLLM finds out after it has said 200."""
    wrong = {"type": "json_schema", "name": "x", "schema": {"type": "objekt"}}
    failed = await failure(engine, sample("Hi", settings=Settings(text_format=wrong)))
    assert (failed.kind, failed.shown) == ("invalid_request", False)


async def test_tokens_are_counted_as_the_prompt_is(engine: ChatEngine) -> None:
    for asked in (sample("Hello"), sample(ASKED, table())):
        counted = await engine.count_tokens(asked)
        assert (counted.tokens, counted.exact) == ((await read(engine, asked)).usage.input_tokens, True)


async def test_prompt_caches_of_tenants_are_apart(engine: ChatEngine) -> None:
    asked, one, two = "Tell me " + "again and " * 40, secrets.token_hex(8), secrets.token_hex(8)
    first = await read(engine, sample(asked, cache_salt=one))
    again = await read(engine, sample(asked, cache_salt=one))
    other = await read(engine, sample(asked, cache_salt=two))
    assert first.usage.cached_tokens == other.usage.cached_tokens == 0
    assert again.usage.cached_tokens > 0


async def test_an_abandoned_answer_stops(engine: ChatEngine) -> None:
    """The engine takes the next turn while the endless one is gone."""
    turn = await engine.open(sample("[[bench]]"))
    await anext(aiter(turn))
    await turn.aclose()
    assert (await read(engine, sample("Hello"))).text == "You said: Hello"
