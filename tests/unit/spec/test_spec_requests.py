"""What a request must look like: codes, paths and words of the real API, and what real clients send."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import official, shared

from antiphon.spec import catalogue
from antiphon.spec.validate import Violation, check_body, check_frame, check_item

CREATE = "POST /responses"

REFUSED: list[tuple[dict[str, Any], str, str, str]] = [
    ({"foo": 1}, "unknown_parameter", "foo", "Unknown parameter: 'foo'."),
    (
        {"reasoning": {"foo": 1}},
        "unknown_parameter",
        "reasoning.foo",
        "Unknown parameter: 'reasoning.foo'.",
    ),
    (
        {"tools": [{"type": "code_interpreter"}]},
        "missing_required_parameter",
        "tools[0].container",
        "Missing required parameter: 'tools[0].container'.",
    ),
    (
        {"temperature": "warm"},
        "invalid_type",
        "temperature",
        "Invalid type for 'temperature': expected a decimal number, but got a string instead.",
    ),
    (
        {"max_output_tokens": True},
        "invalid_type",
        "max_output_tokens",
        "Invalid type for 'max_output_tokens': expected an integer, but got a boolean instead.",
    ),
    (
        {"input": 5},
        "invalid_type",
        "input",
        "Invalid type for 'input': expected one of a string or array of objects, but got an integer instead.",
    ),
    (
        {"input": ["x"]},
        "invalid_type",
        "input[0]",
        "Invalid type for 'input[0]': expected an object, but got a string instead.",
    ),
    (
        {"truncation": "middle"},
        "invalid_value",
        "truncation",
        "Invalid value: 'middle'. Supported values are: 'auto' and 'disabled'.",
    ),
    (
        {"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
        "invalid_value",
        "input[0].content[0].type",
        "Invalid value: 'text'. Supported values are: 'input_text', 'input_image', and 'input_file'.",
    ),
    (
        {"input": [{"role": "assistant", "content": [{"type": "text", "text": "x"}]}]},
        "invalid_value",
        "input[0].content[0].type",
        "Invalid value: 'text'. Supported values are: 'output_text' and 'refusal'.",
    ),
    (
        {"input": [{"role": "tool", "content": "x"}]},
        "invalid_value",
        "input[0].role",
        "Invalid value: 'tool'. Supported values are: 'user', 'assistant', 'system', and 'developer'.",
    ),
    (
        {"input": [{"role": "user"}]},
        "missing_required_parameter",
        "input[0].content",
        "Missing required parameter: 'input[0].content'.",
    ),
    (
        {"input": [{"type": "function_call_output", "call_id": "call_1"}]},
        "missing_required_parameter",
        "input[0].output",
        "Missing required parameter: 'input[0].output'.",
    ),
    (
        {"max_output_tokens": 5},
        "integer_below_min_value",
        "max_output_tokens",
        "Invalid 'max_output_tokens': integer below minimum value. "
        "Expected a value >= 16, but got 5 instead.",
    ),
    (
        {"max_tool_calls": 0},
        "integer_below_min_value",
        "max_tool_calls",
        "Invalid 'max_tool_calls': integer below minimum value. Expected a value >= 1, but got 0 instead.",
    ),
    (
        {"top_logprobs": 21},
        "integer_above_max_value",
        "top_logprobs",
        "Invalid 'top_logprobs': integer above maximum value. Expected a value <= 20, but got 21 instead.",
    ),
    (
        {"temperature": -0.5},
        "decimal_below_min_value",
        "temperature",
        "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -0.5 instead.",
    ),
    (
        {"top_p": 1.5},
        "decimal_above_max_value",
        "top_p",
        "Invalid 'top_p': decimal above maximum value. Expected a value <= 1, but got 1.5 instead.",
    ),
    (
        {"safety_identifier": "x" * 129},
        "string_above_max_length",
        "safety_identifier",
        "Invalid 'safety_identifier': string too long. Expected a string with maximum length 128, "
        "but got a string with length 129 instead.",
    ),
    (
        {"metadata": {"k": "x" * 513}},
        "string_above_max_length",
        "metadata.k",
        "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, "
        "but got a string with length 513 instead.",
    ),
    (
        {"metadata": {str(n): "x" for n in range(17)}},
        "object_above_max_properties",
        "metadata",
        "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, "
        "but got an object with 17 properties instead.",
    ),
    (
        {"metadata": {"n": 1}},
        "invalid_type",
        "metadata.n",
        "Invalid type for 'metadata.n': expected a string, but got an integer instead.",
    ),
    (
        {"context_management": []},
        "empty_array",
        "context_management",
        "Invalid 'context_management': empty array. Expected an array with minimum length 1, "
        "but got an empty array instead.",
    ),
    (
        {"tools": [{"type": "function", "name": "no spaces"}]},
        "invalid_value",
        "tools[0].name",
        "Invalid 'tools[0].name': string does not match pattern. "
        "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
    ),
    (
        {"tools": [{"type": "function", "name": "newline\n"}]},
        "invalid_value",
        "tools[0].name",
        "Invalid 'tools[0].name': string does not match pattern. "
        "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
    ),
    (
        {"tools": [{"type": "function", "function": {"name": "nested"}}]},
        "unknown_parameter",
        "tools[0].function",
        "Unknown parameter: 'tools[0].function'.",
    ),
    (
        {"text": {"format": {"type": "json_schema", "name": "n"}}},
        "missing_required_parameter",
        "text.format.schema",
        "Missing required parameter: 'text.format.schema'.",
    ),
]


@pytest.mark.parametrize(("body", "code", "param", "message"), REFUSED, ids=lambda one: str(one)[:40])
def test_a_fault_is_named_in_the_words_of_the_real_api(
    body: dict[str, Any], code: str, param: str, message: str
) -> None:
    assert check_body(CREATE, {"model": "m", **body}) == Violation(code, param, message)


ACCEPTED: dict[str, dict[str, Any]] = {
    "text": {"input": "hello"},
    "nulls": dict.fromkeys(("include", "truncation", "tools", "tool_choice", "text", "user", "metadata")),
    "message without type": {"input": [{"role": "system", "content": "x"}]},
    "assistant text without id, status, annotations": {
        "input": [{"role": "assistant", "content": [{"type": "output_text", "text": "x"}]}]
    },
    "ids made by a client": {
        "input": [{"type": "message", "id": "msg_0193-aa", "role": "developer", "content": "x"}]
    },
    "reasoning with null content": {
        "input": [{"type": "reasoning", "summary": [], "content": None, "encrypted_content": "abc"}]
    },
    "call without id, with namespace": {
        "input": [{"type": "function_call", "call_id": "c", "name": "f", "namespace": "n", "arguments": "{}"}]
    },
    "output as parts": {
        "input": [
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]}
        ]
    },
    "unknown fields of items and parts": {
        "input": [{"role": "user", "x": 1, "content": [{"type": "input_text", "text": "x", "y": {}}]}]
    },
    "function tool without strict and parameters": {"tools": [{"type": "function", "name": "f"}]},
    "function tool with null strict": {
        "tools": [{"type": "function", "name": "f", "strict": None, "parameters": {}}]
    },
    "tools of Codex": {
        "tools": [
            {
                "type": "namespace",
                "name": "n",
                "description": "d",
                "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
            },
            {
                "type": "custom",
                "name": "apply_patch",
                "format": {"type": "grammar", "syntax": "lark", "definition": "start: /x/"},
            },
            {"type": "tool_search", "execution": "client", "description": "d", "parameters": {}},
            {"type": "web_search", "external_web_access": False},
        ]
    },
    "items of Codex": {
        "input": [
            {
                "type": "additional_tools",
                "role": "developer",
                "tools": [{"type": "function", "name": "f", "strict": False, "parameters": {}}],
            },
            {"type": "compaction_trigger"},
        ]
    },
    "reference without type": {"input": [{"id": "msg_1"}]},
    "free-form schema": {
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"any": [None, {"x": 1}]}}}
    },
    "whole number as temperature": {"temperature": 1},
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_what_real_clients_send_is_accepted(body: dict[str, Any]) -> None:
    assert check_body(CREATE, {"model": "m", **body}) is None


def test_named_extra_parameters_pass_at_the_top_level_only() -> None:
    extra = frozenset({"client_metadata"})
    assert check_body(CREATE, {"model": "m", "client_metadata": {}}, extra=extra) is None
    refused = check_body(CREATE, {"model": "m", "text": {"client_metadata": {}}}, extra=extra)
    assert refused is not None
    assert refused.param == "text.client_metadata"


@pytest.mark.parametrize("body", [None, [], "x", 1])
def test_a_body_that_is_no_object(body: object) -> None:
    found = check_body(CREATE, body)
    assert found is not None
    assert (found.code, found.param) == ("invalid_type", "")


def test_other_operations_have_their_own_parameters() -> None:
    item = {"role": "user", "content": "x"}
    assert check_body("POST /conversations", {"items": [item], "metadata": {"a": "b"}}) is None
    assert check_body("POST /conversations/{conversation_id}/items", {"items": [item] * 21}) == Violation(
        "array_above_max_length",
        "items",
        "Invalid 'items': array too long. Expected an array with maximum length 20, "
        "but got an array with length 21 instead.",
    )
    assert check_body("POST /responses/compact", {}) == Violation(
        "missing_required_parameter", "model", "Missing required parameter: 'model'."
    )
    with pytest.raises(KeyError):
        check_body("GET /models", {})


def test_frames_of_the_websocket_mode() -> None:
    create = {"type": "response.create", "model": "m", "generate": False, "stream_id": "a", "input": []}
    assert check_frame(create) is None
    assert check_frame({**create, "client_metadata": {}}, extra=frozenset({"client_metadata"})) is None
    too_hot = check_frame({**create, "temperature": 3})
    assert too_hot is not None
    assert too_hot.code == "decimal_above_max_value"
    unknown = check_frame({"type": "response.cancel"})
    assert unknown is not None
    assert (unknown.code, unknown.param) == ("invalid_value", "type")


@pytest.mark.parametrize(
    "file", [one.name for one in sorted((shared.ROOT / "recordings").glob("*.request.json"))] or ["none"]
)
def test_recorded_requests_are_accepted(file: str) -> None:
    body = json.loads(shared.path("recordings", file).read_text())
    assert check_body(CREATE, body) is None


def test_what_the_official_schema_allows_is_accepted() -> None:
    chance = random.Random(20261116)
    for _ in range(300):
        body = official.sample("CreateResponse", chance)
        assert check_body(CREATE, body) is None, body
    for _ in range(1_000):
        item = official.sample("InputItem", chance)
        assert check_item(item) == [], item


def test_depth_and_width_do_no_harm() -> None:
    deep: Any = []
    for _ in range(10_000):
        deep = [deep]
    filters: Any = {"type": "eq", "key": "k", "value": "v"}
    for _ in range(10_000):
        filters = {"type": "and", "filters": [filters]}
    search = {"type": "file_search", "vector_store_ids": ["vs_1"], "filters": filters}
    assert check_body(CREATE, {"tools": [search]}) is None
    assert (
        check_body(CREATE, {"tools": [{"type": "function", "name": "f", "parameters": {"x": deep}}]}) is None
    )
    refused = check_body(CREATE, {"input": deep})
    assert refused is not None
    assert refused.param == "input[0]"
    wide = check_body(CREATE, {"input": [None] * 100_000})
    assert wide is not None
    assert wide.param == "input[0]"


def test_not_a_number_is_in_no_range() -> None:
    for value in (float("nan"), float("inf")):
        assert check_body(CREATE, {"temperature": value}) is not None


def test_long_values_are_cut_in_messages() -> None:
    found = check_body(CREATE, {"truncation": "x" * 1_000_000})
    assert found is not None
    assert len(found.message) < 300
    found = check_body(CREATE, {"y" * 1_000_000: 1})
    assert found is not None
    assert len(found.message) < 300


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
TAGS = st.sampled_from(sorted(catalogue.INPUT_ITEM_TYPES | catalogue.INPUT_PART_TYPES | catalogue.TOOL_TYPES))
LIKELY = st.recursive(
    JSON | TAGS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "role", "content", "output", "id", "name", "tools", "action", "format"]),
            inner | TAGS,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(catalogue.REQUEST_PARAMETERS)), LIKELY, max_size=6))
def test_any_body_is_judged_without_raising(body: dict[str, Any]) -> None:
    found = check_body(CREATE, body)
    assert found is None or (found.code and found.message)


@given(LIKELY)
def test_any_item_is_judged_without_raising(item: Any) -> None:
    for found in check_item(item):
        assert found.code
        assert found.message


FULL: dict[str, Any] = {
    "model": "m",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "x"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "x"},
    ],
    "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}],
    "reasoning": {"effort": "low"},
    "text": {"format": {"type": "json_object"}},
}


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [path, *(one for key in value for one in _places(value[key], (*path, key)))]
    if isinstance(value, list):
        return [path, *(one for n in range(len(value)) for one in _places(value[n], (*path, n)))]
    return [path]


@given(place=st.sampled_from([one for one in _places(FULL) if one and "parameters" not in one]), value=LIKELY)
def test_a_mutated_body_is_faulted_where_it_was_mutated(place: tuple[Any, ...], value: Any) -> None:
    body = json.loads(json.dumps(FULL))
    target = body
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    found = check_body(CREATE, body)
    assert found is None or found.param.startswith(str(place[0]))
