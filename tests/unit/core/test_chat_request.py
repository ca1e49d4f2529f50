"""Settings, tools and formats reach a server in its own dialect, or are refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from antiphon.core.chat.request import Steer, chat_body, check_sample, format_body, format_waits, steer
from antiphon.core.chat.schema import call_schema
from antiphon.core.context import Sample, Settings
from antiphon.core.errors import Unsupported
from antiphon.core.tools import ToolRules, ToolSpec, ToolTable, resolve_tools
from antiphon.engines.upstream.dialects import DIALECTS

USER = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
HI = {"role": "user", "content": "Hi"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
FORMAT = {"type": "json_schema", "name": "x", "schema": SCHEMA, "strict": True, "description": None}
RESPONSE_FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}
LOOK = {"type": "function", "name": "look", "description": "Look", "parameters": SCHEMA, "strict": True}
WAIT = {"type": "function", "name": "wait", "parameters": SCHEMA, "strict": False}
PICK = {
    "type": "custom",
    "name": "pick",
    "description": "Pick one.",
    "format": {"type": "grammar", "syntax": "regex", "definition": "a|b"},
}
NAMES = sorted(DIALECTS)


def table(*tools: Any, choice: Any = "auto") -> ToolTable:
    return resolve_tools(tools, choice, ToolRules())


def body(dialect: str, tools: ToolTable | None = None, **fields: Any) -> Any:
    extra = {k: fields.pop(k) for k in ("cache_salt", "grammar", "instructions") if k in fields}
    sample = Sample("m", (USER,), tools or ToolTable(), Settings(**fields), **extra)
    return chat_body(sample, DIALECTS[dialect])


PLAIN = {"model": "m", "messages": [HI], "stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize("dialect", NAMES)
def test_nothing_is_sent_that_was_not_asked_for(dialect: str) -> None:
    assert body(dialect) == PLAIN


def test_settings_of_vllm() -> None:
    given = {"temperature": 0.0, "top_p": 0.5, "max_output_tokens": 9, "top_logprobs": 0, "effort": "low"}
    assert body("vllm", **given, user="u", service_tier="flex", cache_salt="s") == {
        **PLAIN,
        "temperature": 0.0,
        "top_p": 0.5,
        "max_completion_tokens": 9,
        "logprobs": True,
        "top_logprobs": 0,
        "reasoning_effort": "low",
        "cache_salt": "s",
    }


def test_settings_of_openai() -> None:
    given = {"verbosity": "low", "service_tier": "flex", "safety_identifier": "s", "user": "u"}
    assert body("openai", **given, prompt_cache_key="k", cache_salt="s") == {
        **PLAIN,
        **given,
        "prompt_cache_key": "k",
    }


@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        ("generic", "max_tokens"),
        ("llamacpp", "max_tokens"),
        ("ollama", "max_tokens"),
        ("openai", "max_completion_tokens"),
        ("sglang", "max_completion_tokens"),
        ("vllm", "max_completion_tokens"),
    ],
)
def test_the_output_limit_has_the_dialects_name(dialect: str, name: str) -> None:
    assert body(dialect, max_output_tokens=20) == {**PLAIN, name: 20}


@pytest.mark.parametrize(
    ("dialect", "fields"),
    [
        ("generic", {}),
        ("llamacpp", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("ollama", {}),
        ("openai", {}),
        ("sglang", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("vllm", {"chat_template_kwargs": {"enable_thinking": False}}),
    ],
)
def test_no_effort_turns_thinking_off(dialect: str, fields: Any) -> None:
    assert body(dialect, effort="none") == {**PLAIN, "reasoning_effort": "none", **fields}


def test_efforts_that_a_server_does_not_know_are_renamed() -> None:
    assert body("ollama", effort="xhigh")["reasoning_effort"] == "high"
    assert body("vllm", effort="xhigh")["reasoning_effort"] == "xhigh"


def test_llamacpp_gives_log_probabilities_only_with_an_alternative() -> None:
    assert body("llamacpp", top_logprobs=0)["top_logprobs"] == 1
    assert body("llamacpp", top_logprobs=5)["top_logprobs"] == 5


@pytest.mark.parametrize("dialect", NAMES)
def test_medium_verbosity_is_the_default_and_changes_nothing(dialect: str) -> None:
    assert body(dialect, verbosity="medium") == PLAIN


@pytest.mark.parametrize("dialect", [n for n in NAMES if n != "openai"])
@pytest.mark.parametrize("verbosity", ["low", "high"])
def test_verbosity_is_a_sentence_where_there_is_no_parameter(dialect: str, verbosity: str) -> None:
    messages = body(dialect, verbosity=verbosity, instructions="Be kind.")["messages"]
    assert messages[1:] == [HI]
    assert messages[0]["role"] == "system"
    rules, said = messages[0]["content"].split("\n\n")
    assert (rules, "answer" in said.lower()) == ("Be kind.", True)


# ---------- tools


def function(tool: Any) -> Any:
    keys = ("name", "parameters", "description")
    made = {k: tool[k] for k in keys if k in tool}
    return {"type": "function", "function": made | ({"strict": True} if tool.get("strict") else {})}


@pytest.mark.parametrize("dialect", NAMES)
def test_tools_are_offered(dialect: str) -> None:
    assert body(dialect, table(LOOK, WAIT), parallel_tool_calls=False) == {
        **PLAIN,
        "tools": [function(LOOK), function(WAIT)],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
    }


def test_a_custom_tool_is_a_strict_function_of_one_string() -> None:
    assert body("vllm", table(PICK))["tools"][0]["function"]["strict"] is True


@pytest.mark.parametrize(("dialect", "offered"), [(name, name == "openai") for name in NAMES])
def test_tools_that_may_not_be_called_are_sent_only_where_that_is_enforced(
    dialect: str, offered: bool
) -> None:
    made = body(dialect, table(LOOK, choice="none"))
    assert ("tools" in made, made.get("tool_choice")) == (offered, "none" if offered else None)


@pytest.mark.parametrize("dialect", ["generic", "openai", "sglang", "vllm"])
def test_servers_that_force_calls_are_asked_to(dialect: str) -> None:
    required = body(dialect, table(LOOK, WAIT, choice="required"))
    assert (required["tool_choice"], len(required["tools"])) == ("required", 2)
    named = body(dialect, table(LOOK, WAIT, choice={"type": "function", "name": "wait"}))
    assert (named["tool_choice"], len(named["tools"])) == (
        {"type": "function", "function": {"name": "wait"}},
        2,
    )


def call_of(*names: str) -> Any:
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": name}, "arguments": SCHEMA},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for name in names
    ]
    schema = {"anyOf": calls} if len(calls) > 1 else calls[0]
    return {"type": "json_schema", "json_schema": {"name": "call", "schema": schema, "strict": True}}


@pytest.mark.parametrize("dialect", ["llamacpp", "ollama"])
def test_other_servers_are_bound_to_the_shape_of_a_call(dialect: str) -> None:
    offered = {
        **PLAIN,
        "tools": [function(LOOK), function(WAIT)],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    }
    required = table(LOOK, WAIT, choice="required")
    assert body(dialect, required, text_format=FORMAT) == {
        **offered,
        "response_format": call_of("look", "wait"),
    }
    named = table(LOOK, WAIT, choice={"type": "function", "name": "wait"})
    assert body(dialect, named) == {**offered, "response_format": call_of("wait")}
    assert steer(Sample("m", (), named), DIALECTS[dialect]) == Steer("call", ("wait",))


def test_a_call_schema_keeps_references_whole() -> None:
    tree = {
        "type": "object",
        "properties": {"child": {"$ref": "#"}, "tag": {"$ref": "#/$defs/Tag"}, "ref": {"type": "string"}},
        "$defs": {"Tag": {"enum": ["a"]}},
    }
    specs = (ToolSpec("look", None, SCHEMA), ToolSpec("grow", None, tree))
    schema = call_schema(specs)
    assert schema["anyOf"][0]["properties"]["arguments"] == SCHEMA
    assert schema["anyOf"][1]["properties"]["arguments"] == {"$ref": "#/$defs/f1"}
    assert schema["$defs"] == {
        "f1": {
            "type": "object",
            "properties": {
                "child": {"$ref": "#/$defs/f1"},
                "tag": {"$ref": "#/$defs/f1/$defs/Tag"},
                "ref": {"type": "string"},
            },
            "$defs": {"Tag": {"enum": ["a"]}},
        }
    }


# ---------- formats


@pytest.mark.parametrize("dialect", NAMES)
def test_formats_without_tools(dialect: str) -> None:
    assert body(dialect, text_format=FORMAT) == {**PLAIN, "response_format": RESPONSE_FORMAT}
    assert body(dialect, text_format={"type": "json_object"})["response_format"] == {"type": "json_object"}


def test_openai_takes_a_format_beside_tools() -> None:
    made = body("openai", table(LOOK), text_format=FORMAT)
    assert (made["response_format"], made["tool_choice"]) == (RESPONSE_FORMAT, "auto")


@pytest.mark.parametrize("dialect", [n for n in NAMES if n != "openai"])
def test_elsewhere_a_format_waits_for_the_answer_in_text(dialect: str) -> None:
    sample = Sample("m", (USER,), table(LOOK), Settings(text_format=FORMAT))
    first = chat_body(sample, DIALECTS[dialect])
    assert format_waits(sample, DIALECTS[dialect])
    assert "response_format" not in first
    assert '"required":["a"]' in first["messages"][0]["content"]
    assert format_body(first, sample) == {**first, "response_format": RESPONSE_FORMAT, "tool_choice": "none"}


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "look"}])
def test_a_forced_call_leaves_no_text_to_format(choice: Any) -> None:
    sample = Sample("m", (USER,), table(LOOK, choice=choice), Settings(text_format=FORMAT))
    assert not format_waits(sample, DIALECTS["vllm"])
    assert "response_format" not in chat_body(sample, DIALECTS["vllm"])


# ---------- grammars


@pytest.mark.parametrize(
    ("dialect", "syntax", "field"),
    [
        ("vllm", "lark", {"structured_outputs": {"grammar": "a/b"}}),
        ("vllm", "regex", {"structured_outputs": {"regex": "a/b"}}),
        ("sglang", "regex", {"regex": "a/b"}),
        ("llamacpp", "lark", {"grammar": "%llguidance {}\na/b"}),
        ("llamacpp", "regex", {"grammar": "%llguidance {}\nstart: /a\\/b/"}),
    ],
)
def test_a_grammar_takes_the_place_of_the_tools(dialect: str, syntax: str, field: Any) -> None:
    chosen = table(PICK, choice={"type": "custom", "name": "pick"})
    made = body(dialect, chosen, grammar={"syntax": syntax, "definition": "a/b"})
    assert "Pick one." in made["messages"][0]["content"]
    assert made == {**PLAIN, "messages": made["messages"], **field}


def test_a_forced_custom_tool_brings_its_own_grammar_where_the_server_knows_it() -> None:
    tool = {**PICK, "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "a"'}}
    chosen = table(tool, LOOK, choice={"type": "custom", "name": "pick"})
    assert body("vllm", chosen)["structured_outputs"] == {"grammar": 'start: "a"'}
    assert body("generic", chosen)["tool_choice"] == {"type": "function", "function": {"name": "pick"}}
    regex = table(PICK, LOOK, choice={"type": "custom", "name": "pick"})
    assert body("vllm", regex)["tool_choice"] == {"type": "function", "function": {"name": "pick"}}


@pytest.mark.parametrize(
    ("dialect", "syntax"), [("generic", "regex"), ("ollama", "regex"), ("openai", "lark"), ("sglang", "lark")]
)
def test_a_grammar_that_the_server_lacks_is_refused_by_name(dialect: str, syntax: str) -> None:
    sample = Sample("m", (), table(PICK), grammar={"syntax": syntax, "definition": "a"})
    with pytest.raises(Unsupported, match=f"'mine' .*{syntax}") as refused:
        check_sample(sample, DIALECTS[dialect], "mine")
    assert refused.value.param == "tools"


def test_llamacpp_gives_no_log_probabilities_beside_tools() -> None:
    sample = Sample("m", (), table(LOOK), Settings(top_logprobs=0))
    with pytest.raises(Unsupported, match="'mine'") as refused:
        check_sample(sample, DIALECTS["llamacpp"], "mine")
    assert refused.value.param == "top_logprobs"
    check_sample(sample, DIALECTS["vllm"], "mine")
