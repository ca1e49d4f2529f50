"""Without a script the `scripted` engine is a small obedient model."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from tests.support.turns import calls, deltas, function, reason, sample, tell, text, usage

from antiphon.config import EngineSettings, InputSettings
from antiphon.core.deltas import ReasoningDelta
from antiphon.core.errors import EngineFailure
from antiphon.engines.scripted.engine import ScriptedEngine
from antiphon.engines.scripted.grammar import written_under
from antiphon.inputs.grammar import Grammars

ENGINE = ScriptedEngine(EngineSettings(kind="scripted"))
WEATHER, TIME = function("get_weather"), function("get_time", {"type": "object", "properties": {}})
NOTE = {"type": "custom", "name": "note"}


async def ask(given: Any, **more: Any) -> list[Any]:
    return await deltas(ENGINE, sample(given, **more))


async def test_it_echoes_the_last_user_text() -> None:
    history = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "You said: first"},
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}],
        },
    ]
    assert text(await ask(history)) == "You said: a\nb"


async def test_without_a_user_message_it_still_answers() -> None:
    assert text(await ask([{"role": "developer", "content": "x"}])) == "You said: "


@pytest.mark.parametrize(
    ("given", "choice", "called"),
    [
        ("What is the weather?", "auto", []),
        ("Use get_weather, please.", "auto", [("get_weather", '{"city":"city"}')]),
        ('get_weather {"city": "Oslo"} now', "auto", [("get_weather", '{"city":"Oslo"}')]),
        ("get_time and get_weather", "auto", [("get_time", "{}"), ("get_weather", '{"city":"city"}')]),
        ("get_weather_forecast", "auto", []),
        ("get_weather", "none", []),
        ("anything", "required", [("get_weather", '{"city":"city"}')]),
        ("get_time", "required", [("get_time", "{}")]),
        ("anything", {"type": "function", "name": "get_time"}, [("get_time", "{}")]),
        ("note buy milk", "auto", [("note", '{"input":"buy milk"}')]),
        ("write it down", {"type": "custom", "name": "note"}, [("note", '{"input":"write it down"}')]),
        (
            "get_weather get_time",
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "get_time"}]},
            [("get_time", "{}")],
        ),
    ],
)
async def test_it_calls_what_it_must_and_what_is_named(given: str, choice: Any, called: list[Any]) -> None:
    said = await ask(given, tools=[WEATHER, TIME, NOTE], choice=choice)
    assert calls(said) == called
    assert reason(said) == ("tool_calls" if called else "stop")
    assert bool(text(said)) != bool(called)


async def test_one_call_where_calls_are_not_parallel() -> None:
    said = await ask("get_time get_weather", tools=[WEATHER, TIME], parallel_tool_calls=False)
    assert calls(said) == [("get_time", "{}")]


async def test_a_namespaced_tool_is_called_by_its_visible_name() -> None:
    space = {"type": "namespace", "name": "crm", "description": "d", "tools": [function("lookup")]}
    assert calls(await ask("crm__lookup", tools=[space])) == [("crm__lookup", '{"city":"city"}')]


async def test_it_answers_with_the_results() -> None:
    items = [
        {"role": "user", "content": "get_weather get_time"},
        {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "get_time", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "It rains."},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [{"type": "input_text", "text": "Noon."}],
        },
    ]
    assert text(await ask(items, tools=[WEATHER, TIME])) == "It rains.\nNoon."


async def test_it_runs_the_tools_that_are_its_own() -> None:
    own = ScriptedEngine(EngineSettings(kind="scripted", native_tools=("web_search",)))
    assert own.native_tools == {"web_search"}
    asked = sample("web_search for tides", tools=[{"type": "web_search"}], hosted=own.native_tools)
    assert [item["type"] for item in (await tell(own, asked)).output] == ["web_search_call"]


async def test_it_thinks_when_effort_is_set() -> None:
    said = await ask("hi", effort="low")
    assert "".join(d.text for d in said if isinstance(d, ReasoningDelta)) == "The user said: hi"
    assert usage(said).reasoning_tokens == 4
    assert not any(isinstance(d, ReasoningDelta) for d in await ask("hi", effort="none"))


async def test_structured_output_is_valid() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 18}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    said = await ask("who?", text_format={"type": "json_schema", "name": "person", "schema": schema})
    jsonschema_rs.validate(schema, json.loads(text(said)))
    assert json.loads(text(await ask("x", text_format={"type": "json_object"}))) == {"answer": "You said: x"}


@pytest.mark.parametrize(
    ("syntax", "definition"),
    [
        ("regex", "[0-9]{3}-[0-9]{2}"),
        ("regex", "(a|b)+c"),
        ("lark", 'start: "open" | "close"'),
        ("lark", 'start: "[" item ("," item)* "]"\nitem: /[a-z]+/'),
    ],
)
async def test_a_forced_custom_tool_is_written_under_its_grammar(syntax: str, definition: str) -> None:
    grammar = {"type": "grammar", "syntax": syntax, "definition": definition}
    written = written_under(grammar)
    assert written == written_under(grammar)
    checked = Grammars(InputSettings())
    await checked.check_format(grammar, "tools[0].format.definition")
    assert checked.accepts(grammar, written)


def test_a_grammar_that_does_not_compile_is_a_failure() -> None:
    with pytest.raises(EngineFailure):
        written_under({"syntax": "lark", "definition": "start: nowhere"})
