"""A second judge: the official OpenAPI document itself, read by jsonschema-rs.

Taken literally the document refuses every real reply, so it is relaxed in three ways: branches of `oneOf` may
overlap, the fields named in `_NULL` may be null, and those named in `_ABSENT` may be absent.
"""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any

import jsonschema_rs
from tests.support import shared

_DOCUMENT = "openapi-2026-08-21.json"

_NULL = {
    "Response": ("usage",),
    "ModelResponseProperties": ("user",),
    "MCPTool": ("server_description",),
    "TextResponseFormatJsonSchema": ("description",),
}
"""Null in real replies, or echoed as null where the client left it out."""

_ABSENT = {
    "ResponseUsage": ("cache_write_tokens",),
    "ResponseFunctionCallArgumentsDoneEvent": ("name",),
    "ResponseTextDeltaEvent": ("logprobs",),
    "ResponseTextDoneEvent": ("logprobs",),
    "WebSearchToolCall": ("action",),
    "ImageGenToolCall": ("result",),
    "FunctionShellCall": ("environment",),
    "OutputTextContent": ("logprobs",),
    "FunctionToolCallOutput": ("call_id",),
    "EasyInputMessage": ("type",),
}
"""Added to the document later than some recordings, left out by the real API, or dropped by newer SDKs."""

_OPEN = {"ResponseErrorCode"}
"""Enumerations that the real API does not keep to."""


def violations(event: dict[str, Any]) -> list[str]:
    """What the official schema of this event's type says against it; one line each."""
    validators = _validators()
    validator = validators.get(event.get("type", ""))
    if validator is None:
        return [f"no official event of type {event.get('type')!r}"]
    return [
        f"{'/'.join(map(str, one.instance_path))}: {one.message[:200]}"
        for one in validator.iter_errors(event)
    ]


@cache
def document() -> dict[str, Any]:
    """The relaxed document; skips the test where it is absent."""
    found = json.loads(shared.path("spec", _DOCUMENT).read_bytes())
    schemas = found["components"]["schemas"]
    for name, fields in _NULL.items():
        _edit(schemas[name], lambda schema, names=fields: _allow_null(schema, names))
    for name, fields in _ABSENT.items():
        _edit(schemas[name], lambda schema, names=fields: _allow_absence(schema, names))
    for name in _OPEN:
        schemas[name].pop("enum")
    _edit(schemas, _overlapping)
    return found


@cache
def _validators() -> dict[str, Any]:
    schemas = document()["components"]["schemas"]
    found: dict[str, Any] = {}
    for branch in schemas["ResponseStreamEvent"]["anyOf"]:
        name = branch["$ref"].rpartition("/")[2]
        schema = {"$ref": branch["$ref"], "components": {"schemas": schemas}}
        for tag in schemas[name]["properties"]["type"]["enum"]:
            found[tag] = jsonschema_rs.Draft202012Validator(schema)
    return found


def _edit(schema: Any, change: Any) -> None:
    """Applies the change to every object in the schema; references are not followed."""
    if isinstance(schema, list):
        for one in schema:
            _edit(one, change)
    elif isinstance(schema, dict):
        for one in schema.values():
            _edit(one, change)
        change(schema)


def _allow_null(schema: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if isinstance(schema.get("properties"), dict) and name in schema["properties"]:
            schema["properties"][name] = {"anyOf": [schema["properties"][name], {"type": "null"}]}


def _allow_absence(schema: dict[str, Any], names: tuple[str, ...]) -> None:
    if isinstance(schema.get("required"), list):
        schema["required"] = [one for one in schema["required"] if one not in names]


def _overlapping(schema: dict[str, Any]) -> None:
    if isinstance(schema.get("oneOf"), list):
        schema["anyOf"] = schema.pop("oneOf")


def sample(name: str, chance: random.Random) -> Any:
    """A random value that a named schema of the document allows."""
    return _sample({"$ref": f"#/components/schemas/{name}"}, chance)


def _sample(schema: dict[str, Any], chance: random.Random) -> Any:
    schema = _whole(schema)
    if "anyOf" in schema:
        value = _sample(chance.choice(schema["anyOf"]), chance)
        beside = {key: one for key, one in schema.items() if key != "anyOf"}
        return {**_object(beside, chance), **value} if "properties" in schema else value
    if "enum" in schema:
        return chance.choice(schema["enum"])
    kind = schema.get("type", "object")
    match chance.choice(kind) if isinstance(kind, list) else kind:
        case "null":
            return None
        case "boolean":
            return chance.random() < 0.5
        case "string":
            free = "a" * max(1, schema.get("minLength", 1))
            return "tunnel_" + "a" * 32 if "tunnel" in schema.get("pattern", "") else free
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "array":
            count = max(schema.get("minItems", 0), chance.randrange(3))
            return [_sample(schema.get("items", {}), chance) for _ in range(count)]
        case _:
            return _object(schema, chance)


def _object(schema: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    required = schema.get("required", ())
    properties = schema.get("properties", {}).items()
    return {
        name: _sample(one, chance) for name, one in properties if name in required or chance.random() < 0.5
    }


def _whole(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a reference, the parts of an `allOf` as one object."""
    if "$ref" in schema:
        return _whole(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "allOf" not in schema:
        return schema
    parts = [*map(_whole, schema["allOf"]), {key: one for key, one in schema.items() if key != "allOf"}]
    merged = {key: one for part in parts for key, one in part.items()}
    return merged | {
        "properties": {name: one for part in parts for name, one in part.get("properties", {}).items()},
        "required": [name for part in parts for name in part.get("required", ())],
    }
