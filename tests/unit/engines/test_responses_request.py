"""What an upstream that speaks Responses is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.turns import JSON, function, sample

from antiphon.core.kinds import ITEM_KINDS
from antiphon.core.tools import HOSTED_TYPES, Choice, ToolRules, resolve_tools
from antiphon.engines.responses.dialects import DIALECTS, ITEMS_OF_TOOL
from antiphon.engines.responses.request import count_body, turn_body
from antiphon.engines.scripted.items import whole_item
from antiphon.spec.validate import check_body

GENERIC, OPENAI, VLLM = DIALECTS["generic"], DIALECTS["openai"], DIALECTS["vllm"]
USER = {"role": "user", "content": "hi"}
PART = {"type": "input_text", "text": "hi"}


def items(*given: JSON, dialect: Any = GENERIC, **more: Any) -> list[JSON]:
    return turn_body(sample([*given], **more), dialect)["input"]


# ---------- the body


def test_the_least() -> None:
    assert turn_body(sample("hi", model="m"), GENERIC) == {
        "model": "m",
        "input": [{"type": "message", "role": "user", "content": [PART]}],
        "stream": True,
        "store": False,
    }


FORMAT = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}


def test_everything() -> None:
    asked = sample(
        "hi",
        instructions="Be brief.",
        tools=[function("f", strict=True)],
        choice={"type": "function", "name": "f"},
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=100,
        top_logprobs=3,
        parallel_tool_calls=False,
        text_format=FORMAT,
        verbosity="low",
        effort="high",
        reasoning_summary="auto",
        service_tier="flex",
        safety_identifier="s",
        user="u",
        prompt_cache_key="k",
    )
    body = turn_body(asked, OPENAI)
    assert body == {
        "model": "scripted",
        "input": [{"type": "message", "role": "user", "content": [PART]}],
        "stream": True,
        "store": False,
        "instructions": "Be brief.",
        "tools": [function("f", strict=True)],
        "tool_choice": {"type": "function", "name": "f"},
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 100,
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 3,
        "text": {"format": FORMAT, "verbosity": "low"},
        "reasoning": {"effort": "high", "summary": "auto"},
        "service_tier": "flex",
        "safety_identifier": "s",
        "user": "u",
        "prompt_cache_key": "k",
        "stream_options": {"include_obfuscation": False},
    }
    assert check_body("POST /responses", body) is None
    assert check_body("POST /responses/input_tokens", count_body(body)) is None


def test_limits_and_salts_that_only_some_upstreams_know() -> None:
    asked = replace(sample("hi", max_output_tokens=3), cache_salt="salt")
    assert [turn_body(asked, d).get("max_output_tokens") for d in (OPENAI, VLLM)] == [16, 3]
    assert [turn_body(asked, d).get("cache_salt") for d in (GENERIC, OPENAI, VLLM)] == [None, None, "salt"]


# ---------- items


def test_ids_and_foreign_fields_are_left_out() -> None:
    call = {"type": "function_call", "id": "mine", "call_id": "c1", "name": "f", "arguments": "{}", "odd": 1}
    output = {"type": "function_call_output", "id": "fco_1", "call_id": "c1", "output": "ok", "odd": 1}
    custom = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c2", "name": "note", "input": "x"}
    said = {"type": "custom_tool_call_output", "id": "o", "call_id": "c2", "output": "ok"}
    assert items(call, output, custom, said) == [
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "status": "completed"},
        {"type": "function_call_output", "call_id": "c1", "output": "ok", "status": "completed"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "note", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "ok"},
    ]


def test_an_assistant_message_has_an_official_id() -> None:
    part = {"type": "output_text", "text": "a", "annotations": []}
    known = {"role": "assistant", "id": "msg_abc", "content": "a", "phase": "commentary"}
    odd = {"role": "assistant", "id": "made-by-a-client", "content": "a"}
    first, second, third = items(known, odd, odd)
    assert first == {
        "type": "message",
        "id": "msg_abc",
        "role": "assistant",
        "status": "completed",
        "content": [part],
        "phase": "commentary",
    }
    assert second == third
    assert second["id"].startswith("msg_")
    assert len(second["id"]) <= 64


RAW = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [],
    "content": [{"type": "reasoning_text", "text": "so"}],
}
SEALED = {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAAAx"}
FOREIGN = {"type": "reasoning", "id": "rs_3", "summary": [], "encrypted_content": "agr1.x"}
OPENED = {**RAW, "encrypted_content": "agr1.x"}
SHOWN = {"type": "reasoning", "id": "rs_4", "summary": [{"type": "summary_text", "text": "s"}]}


def test_reasoning_goes_back_in_the_form_that_the_upstream_takes() -> None:
    bare = {k: v for k, v in RAW.items() if k != "encrypted_content"}
    given = [RAW, SEALED, FOREIGN, OPENED, SHOWN]
    assert items(*given, dialect=GENERIC) == [bare, SEALED, FOREIGN, bare, SHOWN]
    assert items(*given, dialect=OPENAI) == [SEALED]
    assert items(*given, dialect=VLLM) == [bare, bare, SHOWN]


def test_hosted_items_go_to_the_upstream_that_runs_their_tool() -> None:
    searched = {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "tides"},
    }
    assert items(searched, dialect=OPENAI) == [searched]
    call, output = items(searched, dialect=GENERIC)
    assert (call["type"], call["name"]) == ("function_call", "web_search")
    assert (output["type"], output["call_id"]) == ("function_call_output", call["call_id"])


@pytest.mark.parametrize("kind", list(ITEM_KINDS))
@pytest.mark.parametrize("name", list(DIALECTS))
def test_every_kind_of_item_is_told_in_official_input(kind: str, name: str) -> None:
    item = whole_item({"type": kind}, lambda prefix: f"{prefix}_1")
    body = turn_body(sample([USER, item]), DIALECTS[name])
    assert check_body("POST /responses", body) is None
    told = [i["type"] for i in body["input"][1:]]
    if kind == "additional_tools" or (kind == "reasoning" and name == "openai"):
        assert told == []
    elif name == "openai" and kind != "compaction":
        assert told == [kind]
    elif DIALECTS[name].plain:
        assert set(told) <= {"message", "reasoning", "function_call", "function_call_output"}


def test_every_hosted_tool_has_its_items() -> None:
    assert set(ITEMS_OF_TOOL) == HOSTED_TYPES
    assert frozenset().union(*ITEMS_OF_TOOL.values()) <= set(ITEM_KINDS)


def test_images_and_files_go_as_they_are() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "high"}
    told = items({"role": "user", "content": [PART, image]}, dialect=VLLM)
    assert told[0]["content"] == [PART, image]


# ---------- tools

CUSTOM = {
    "type": "custom",
    "name": "note",
    "format": {"type": "grammar", "syntax": "regex", "definition": "a+"},
}
SPACE = {"type": "namespace", "name": "crm", "description": "d", "tools": [function("lookup")]}
SEARCH = {"type": "web_search"}


def tools(*given: JSON, dialect: Any, choice: str | JSON = "auto") -> tuple[list[str], Any]:
    asked = sample(tools=given, choice=choice, hosted=dialect.native_tools)
    body = turn_body(asked, dialect)
    return [f"{t['type']} {t.get('name')}" for t in body.get("tools", [])], body.get("tool_choice")


def test_official_tools_go_as_they_came() -> None:
    asked = sample(tools=[function("f"), CUSTOM, SPACE, SEARCH], hosted=OPENAI.native_tools)
    assert turn_body(asked, OPENAI)["tools"] == [function("f"), CUSTOM, SPACE, SEARCH]


def test_an_upstream_that_knows_functions_only_gets_functions() -> None:
    told, _ = tools(function("f"), CUSTOM, SPACE, dialect=VLLM)
    assert told == ["function f", "function note", "function crm__lookup"]
    custom = {"type": "custom_tool_call", "call_id": "c", "name": "note", "input": "x"}
    assert items(custom, dialect=VLLM, tools=[CUSTOM]) == [
        {"type": "function_call", "call_id": "c", "name": "note", "arguments": '{"input":"x"}'}
    ]


ALLOWED = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}


@pytest.mark.parametrize(
    ("choice", "official", "plain"),
    [
        ("auto", None, None),
        ("required", "required", "required"),
        (
            {"type": "function", "name": "f"},
            {"type": "function", "name": "f"},
            {"type": "function", "name": "f"},
        ),
        (
            {"type": "custom", "name": "note"},
            {"type": "custom", "name": "note"},
            {"type": "function", "name": "note"},
        ),
        (ALLOWED, ALLOWED, "required"),
    ],
)
def test_tool_choice(choice: Any, official: Any, plain: Any) -> None:
    assert tools(function("f"), CUSTOM, dialect=GENERIC, choice=choice) == (
        ["function f", "custom note"],
        official,
    )
    offered = ["function f"] if choice == ALLOWED else ["function f", "function note"]
    assert tools(function("f"), CUSTOM, dialect=VLLM, choice=choice) == (offered, plain)


def test_none_is_told_by_offering_nothing_where_it_is_not_enforced() -> None:
    assert tools(function("f"), dialect=GENERIC, choice="none") == (["function f"], "none")
    assert tools(function("f"), dialect=VLLM, choice="none") == ([], None)


def test_a_choice_that_the_agent_makes_is_told_too() -> None:
    table = replace(sample(tools=[CUSTOM]).tools, choice=Choice("required", "note"))
    asked = replace(sample(), tools=table)
    assert turn_body(asked, GENERIC)["tool_choice"] == {"type": "custom", "name": "note"}


def test_tools_that_this_server_runs_are_functions_to_the_upstream() -> None:
    """A runner offers its hosted tool as a function of its own."""
    table = resolve_tools([SEARCH], SEARCH, ToolRules(frozenset({"web_search"})))
    spec = sample(tools=[function("web_search")]).tools.offered[0]
    asked = replace(sample(), tools=replace(table, offered=(spec,)))
    body = turn_body(asked, GENERIC)
    assert [t["type"] for t in body["tools"]] == ["function"]
    assert body["tool_choice"] == {"type": "function", "name": "web_search"}
    assert turn_body(asked, OPENAI)["tools"] == [SEARCH]
    assert turn_body(asked, OPENAI)["tool_choice"] == SEARCH
