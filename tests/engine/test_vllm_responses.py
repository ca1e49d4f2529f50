"""The Responses engine on a real vLLM's own `/v1/responses`.

`ANTIPHON_VLLM_URL` is the address of a vLLM 0.32 that serves the scripted tiny model (`shared/engines`); see
test_vllm_chat.py for what the model does.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.support import laws
from tests.support.turns import assemble, calls, deltas, function, reason, sample, tell, text, usage

from antiphon.config import EngineSettings
from antiphon.core.deltas import ReasoningDelta, TextDelta
from antiphon.core.errors import EngineFailure
from antiphon.engines.responses.engine import ResponsesEngine

URL = os.environ.get("ANTIPHON_VLLM_URL")

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(URL is None, reason="ANTIPHON_VLLM_URL names no vLLM with the scripted tiny model"),
]

WEATHER = function("get_weather", description="Get the weather")
NOTE = {"type": "custom", "name": "note", "description": "Write a note"}
SPACE = {"type": "namespace", "name": "crm", "description": "d", "tools": [function("lookup")]}


@pytest.fixture
async def engine() -> AsyncIterator[ResponsesEngine]:
    made = ResponsesEngine(EngineSettings(name="vllm", kind="responses", url=URL))
    yield made
    await made.aclose()


def ask(given: Any, **more: Any) -> Any:
    return sample(given, model="tiny", **{"effort": "none", "temperature": 0.0, **more})


async def test_text_reasoning_and_usage(engine: ResponsesEngine) -> None:
    said = await deltas(engine, ask("hello there", effort=None))
    assert "I repeat what the user said." in "".join(d.text for d in said if isinstance(d, ReasoningDelta))
    assert (text(said).strip(), reason(said)) == ("You said: hello there", "stop")
    assert 0 < usage(said).reasoning_tokens < usage(said).output_tokens
    told = assemble(said, ask("hello there"))
    assert [i["type"] for i in told.output] == ["reasoning", "message"]
    assert laws.broken(told.events) == []


async def test_a_conversation_goes_back_whole(engine: ResponsesEngine) -> None:
    first = await tell(engine, ask("hello", effort=None))
    said = await deltas(
        engine,
        ask([{"role": "user", "content": "hello"}, *first.output, {"role": "user", "content": "again"}]),
    )
    assert text(said).strip() == "You said: again"
    assert usage(said).input_tokens > first.result.usage.input_tokens


@pytest.mark.parametrize(
    ("given", "tools", "choice", "called"),
    [
        ("get_weather in Oslo", [WEATHER], "auto", ["get_weather"]),
        ("hi", [WEATHER], "required", ["get_weather"]),
        ("hi", [WEATHER, function("other")], {"type": "function", "name": "other"}, ["other"]),
        ("get_weather", [WEATHER], "none", []),
        (
            "get_weather",
            [WEATHER, function("other")],
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "other"}]},
            ["other"],
        ),
        ("hi", [NOTE], {"type": "custom", "name": "note"}, ["note"]),
        ("crm__lookup", [SPACE], "required", ["crm__lookup"]),
    ],
)
async def test_tools(engine: ResponsesEngine, given: str, tools: Any, choice: Any, called: Any) -> None:
    asked = ask(given, tools=tools, choice=choice)
    said = await deltas(engine, asked)
    assert [name for name, _ in calls(said)] == called
    assert all(isinstance(json.loads(arguments), dict) for _, arguments in calls(said))
    assert reason(said) == ("tool_calls" if called else "stop")
    assert "<tool_call>" not in text(said)
    assert laws.broken(assemble(said, asked).events) == []


async def test_results_are_answered(engine: ResponsesEngine) -> None:
    called = {"type": "custom_tool_call", "call_id": "c1", "name": "note", "input": "x"}
    output = {"type": "custom_tool_call_output", "call_id": "c1", "output": "It rains."}
    said = await deltas(engine, ask([{"role": "user", "content": "note"}, called, output], tools=[NOTE]))
    assert text(said).strip() == "The tool says: It rains."


async def test_structured_output(engine: ResponsesEngine) -> None:
    schema = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}
    format_ = {"type": "json_schema", "name": "n", "strict": True, "schema": schema}
    assert isinstance(json.loads(text(await deltas(engine, ask("hi", text_format=format_))))["count"], int)


async def test_logprobs(engine: ResponsesEngine) -> None:
    said = await deltas(engine, ask("hi", top_logprobs=2))
    entries = [entry for d in said if isinstance(d, TextDelta) for entry in d.logprobs]
    assert entries
    assert all(len(entry["top_logprobs"]) == 2 and entry["logprob"] <= 0 for entry in entries)


async def test_an_answer_that_is_cut_says_so(engine: ResponsesEngine) -> None:
    assert reason(await deltas(engine, ask("hello there my friend", max_output_tokens=3))) == "length"


@pytest.mark.parametrize(
    ("given", "model", "kind"), [("word " * 3000, "tiny", "context_length"), ("hi", "nope", "not_found")]
)
async def test_refusals(engine: ResponsesEngine, given: str, model: str, kind: str) -> None:
    with pytest.raises(EngineFailure) as caught:
        await engine.open(sample(given, model=model))
    assert caught.value.kind == kind


async def test_the_rest_of_the_port(engine: ResponsesEngine) -> None:
    assert [(m.id, m.context_tokens) for m in await engine.models()] == [("tiny", 2048)]
    assert await engine.ready()
    count = await engine.count_tokens(ask("hi"))
    assert count.tokens > 0
    assert not count.exact
