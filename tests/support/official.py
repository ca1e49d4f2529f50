"""A second judge: the official OpenAPI document itself, read by jsonschema-rs.

Taken literally the document refuses every real reply, so it is relaxed in three ways: branches of `oneOf` may
overlap, the fields named in `_NULL` may be null, and those named in `_ABSENT` may be absent.
"""

from __future__ import annotations

import json
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
