"""JSON Schemas of requests: the official rules, and no way out through a schema."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from antiphon.config import InputSettings
from antiphon.core.errors import Invalid
from antiphon.inputs.formats import check_formats
from antiphon.inputs.grammar import Grammars
from antiphon.inputs.schema import check_parameters, check_text_schema

STRING = {"type": "string"}


def closed(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An object as strict mode wants it."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        **more,
    }


GOOD_STRICT = [
    closed({}),
    {"type": "object", "additionalProperties": False},
    closed({"a": STRING, "b": {"type": ["string", "null"]}}),
    closed({"a": closed({"b": {"type": "array", "items": closed({"c": STRING})}})}),
    closed({"a": {"anyOf": [STRING, closed({"b": STRING})]}}),
    closed({"a": {"$ref": "#/$defs/node"}}, **{"$defs": {"node": closed({"next": {"$ref": "#"}})}}),
    closed({"a": {"enum": ["x", 1, None]}, "b": {"type": "number", "minimum": 0}}),
    closed({"a": STRING}, **{"$schema": "http://json-schema.org/draft-07/schema#"}),
    closed({"a": STRING}, **{"$schema": "https://json-schema.org/draft/2020-12/schema"}),
    closed({"a": STRING}, **{"$schema": "http://json-schema.org/draft-07/schema#", "$defs": 5}),
    closed({"a/b": {"$ref": "#/properties/c~1d"}, "c/d": STRING}),
]
ADDITIONAL = "'additionalProperties' is required to be supplied and to be false."
REQUIRED = "'required' is required to be supplied and to be an array including every key in properties."
BAD_STRICT = [
    ({"type": "object", "properties": {}}, f"In context=(), {ADDITIONAL}"),
    ({**closed({}), "additionalProperties": True}, f"In context=(), {ADDITIONAL}"),
    ({**closed({}), "additionalProperties": {}}, f"In context=(), {ADDITIONAL}"),
    (closed({"a": {"type": "object"}}), f"In context=('properties', 'a'), {ADDITIONAL}"),
    (closed({"a": {"type": ["object", "null"]}}), f"In context=('properties', 'a'), {ADDITIONAL}"),
    (closed({"a": {"properties": {}}}), f"In context=('properties', 'a'), {ADDITIONAL}"),
    (
        closed({"a": {"type": "array", "items": {"type": "object"}}}),
        f"In context=('properties', 'a', 'items'), {ADDITIONAL}",
    ),
    (
        closed({"a": {"anyOf": [STRING, {"type": "object"}]}}),
        f"In context=('properties', 'a', 'anyOf', '1'), {ADDITIONAL}",
    ),
    (
        closed({}, **{"$defs": {"n": {"type": "object"}}}),
        f"In context=('$defs', 'n'), {ADDITIONAL}",
    ),
    ({**closed({"a": STRING, "b": STRING}), "required": ["a"]}, f"In context=(), {REQUIRED} Missing 'b'."),
    (
        {"type": "object", "properties": {"a": STRING}, "additionalProperties": False},
        f"In context=(), {REQUIRED} Missing 'a'.",
    ),
    (
        {**closed({"a": STRING}), "required": ["a", "z"]},
        f"In context=(), {REQUIRED} Extra required key 'z' supplied.",
    ),
    (STRING, "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"string\"'."),
    ({"anyOf": [closed({})]}, "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'."),
    (
        closed({}, anyOf=[STRING]),
        "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level.",
    ),
    (
        closed({"a": {"$ref": "#/$defs/gone"}}),
        "In context=('properties', 'a'), '$ref' must name a part of the schema, got '#/$defs/gone'.",
    ),
    (
        closed({"a": {"$ref": "http://127.0.0.1:1/a.json"}}),
        "In context=('properties', 'a'), '$ref' must name a part of the schema, got "
        "'http://127.0.0.1:1/a.json'.",
    ),
]
NO_SCHEMA = [
    (
        {"type": "strange"},
        "In context=('type',), \"strange\" is not valid under any of the schemas listed in the 'anyOf' "
        "keyword.",
    ),
    (
        closed({"a": {"required": 1}}),
        "In context=('properties', 'a', 'required'), 1 is not of type \"array\".",
    ),
    ({**closed({}), "properties": []}, "In context=('properties',), [] is not of type \"object\"."),
    (
        closed({}, **{"$schema": "http://a.test/own"}),
        "'$schema' names no known JSON Schema draft: 'http://a.test/own'.",
    ),
    (closed({}, **{"$schema": 5}), "'$schema' names no known JSON Schema draft: 5."),
]


def text_format(schema: Any, strict: bool | None = True) -> dict[str, Any]:
    return {"type": "json_schema", "name": "answer", "schema": schema, "strict": strict}


def function(parameters: Any, strict: bool | None = True) -> dict[str, Any]:
    return {"type": "function", "name": "f", "parameters": parameters, "strict": strict}


@pytest.mark.parametrize("schema", GOOD_STRICT)
def test_what_strict_mode_allows(schema: dict[str, Any]) -> None:
    check_text_schema(text_format(schema))
    check_parameters(function(schema), "tools[0].parameters")


@pytest.mark.parametrize(("schema", "why"), BAD_STRICT + NO_SCHEMA)
def test_what_strict_mode_refuses(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_text_schema(text_format(schema))
    assert caught.value.detail() == {
        "message": f"Invalid schema for response_format 'answer': {why}",
        "type": "invalid_request_error",
        "param": "text.format.schema",
        "code": "invalid_json_schema",
    }
    with pytest.raises(Invalid) as caught:
        check_parameters(function(schema), "tools[3].parameters")
    assert caught.value.detail() == {
        "message": f"Invalid schema for function 'f': {why}",
        "type": "invalid_request_error",
        "param": "tools[3].parameters",
        "code": "invalid_function_parameters",
    }


@pytest.mark.parametrize("strict", [False, None])
@pytest.mark.parametrize(("schema", "_"), BAD_STRICT)
def test_without_strict_every_schema_may_stand(schema: dict[str, Any], _: str, strict: bool | None) -> None:
    check_text_schema(text_format(schema, strict))
    if schema.get("type", "object") == "object":
        check_parameters(function(schema, strict), "tools[0].parameters")
    else:
        with pytest.raises(Invalid):
            check_parameters(function(schema, strict), "tools[0].parameters")


@pytest.mark.parametrize("strict", [False, None])
@pytest.mark.parametrize(("schema", "why"), NO_SCHEMA)
def test_without_strict_it_must_still_be_a_schema(
    schema: dict[str, Any], why: str, strict: bool | None
) -> None:
    with pytest.raises(Invalid, match="Invalid schema for response_format"):
        check_text_schema(text_format(schema, strict))
    with pytest.raises(Invalid, match="Invalid schema for function"):
        check_parameters(function(schema, strict), "tools[0].parameters")


@pytest.mark.parametrize("parameters", [None, {}])
def test_a_function_needs_no_parameters(parameters: Any) -> None:
    check_parameters(function(parameters), "tools[0].parameters")
    check_parameters({"type": "function", "name": "f"}, "tools[0].parameters")


async def test_no_schema_makes_this_process_fetch() -> None:
    hits: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hits.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/s"
    for key in ("$schema", "$ref", "$id", "$dynamicRef", "$recursiveRef"):
        for schema in (closed({}, **{key: url}), closed({"a": {key: url}}), {key: url}):
            for strict in (True, False):
                try:
                    await asyncio.to_thread(check_text_schema, text_format(schema, strict))
                    await asyncio.to_thread(check_parameters, function(schema, strict), "p")
                except Invalid:
                    continue
    server.close()
    assert hits == []


def test_a_deep_schema_is_walked_without_recursion() -> None:
    schema: dict[str, Any] = STRING
    for _ in range(900):  # what JSON parsers let through
        schema = closed({"a": {"type": "array", "items": schema}})
    check_text_schema(text_format(schema))


# ---------- whole requests


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"text": {"format": text_format(STRING)}}, "text.format.schema"),
        ({"tools": [function(None), function(STRING)]}, "tools[1].parameters"),
        (
            {"tools": [{"type": "namespace", "name": "n", "tools": [function(None), function(STRING)]}]},
            "tools[0].tools[1].parameters",
        ),
        (
            {"input": [{"role": "user"}, {"type": "additional_tools", "tools": [function(STRING)]}]},
            "input[1].tools[0].parameters",
        ),
        (
            {
                "tools": [
                    {
                        "type": "custom",
                        "name": "c",
                        "format": {"type": "grammar", "syntax": "regex", "definition": "("},
                    }
                ]
            },
            "tools[0].format.definition",
        ),
    ],
)
async def test_params_lead_to_what_is_wrong(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Invalid) as caught:
        await check_formats({"model": "m", "input": "hi", **body}, Grammars(InputSettings()))
    assert caught.value.param == param


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": None, "tools": None, "input": "hi"},
        {"text": {"format": None}},
        {"text": {"format": {"type": "json_object"}}},
        {
            "tools": [
                {"type": "custom", "name": "c"},
                {"type": "web_search"},
                {"type": "namespace", "name": "n"},
            ]
        },
        {"tools": [{"type": "custom", "name": "c", "format": {"type": "text"}}]},
        {"text": {"format": text_format(closed({}))}, "tools": [function(closed({}))], "input": [{}]},
    ],
)
async def test_what_needs_no_check_passes(body: dict[str, Any]) -> None:
    await check_formats(body, Grammars(InputSettings()))
